<<<<<<< HEAD
"""The edges of the app: each module here does one thing to the world outside, and says how it fails."""
=======
"""Ports to the outside: the bus, notifications, settings, history."""
>>>>>>> sources
