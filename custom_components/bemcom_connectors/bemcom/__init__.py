"""The mirror: a hub as a BEMCom connector on MQTT."""
