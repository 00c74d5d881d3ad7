"""The parts of box.py: one throw-away system, without touching the machine it runs on. Standard library only."""
