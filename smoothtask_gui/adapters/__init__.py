"""Ports to the outside: the bus, notifications, settings, history."""
