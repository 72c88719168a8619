"""A real Home Assistant process, driven from outside and through a browser."""
