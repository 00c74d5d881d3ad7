"""Where readings come from: the helper stream, /proc and recordings behind one protocol."""
