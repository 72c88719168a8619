"""Simulated devices, and a Home Assistant to look at them with."""
