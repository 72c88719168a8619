"""Tests of the mirror, without Home Assistant and without a broker."""
