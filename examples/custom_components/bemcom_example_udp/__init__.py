"""A connector for BEMCom Connectors, to copy: devices that push JSON over UDP."""
