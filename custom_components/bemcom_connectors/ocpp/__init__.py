"""An OCPP 1.6 central system: no Home Assistant in here."""
