"""One file per BPF object: its reader. See `probe.py` for what they have in common."""
