"""Tests of the OCPP 1.6 central system."""
