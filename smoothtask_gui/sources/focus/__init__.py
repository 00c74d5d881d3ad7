"""Where the focus is, as the display server tells it."""
