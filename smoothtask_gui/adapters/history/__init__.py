"""The flight recorder on the disk: one SQLite file, one thread that writes it, readers that open it for a moment."""
