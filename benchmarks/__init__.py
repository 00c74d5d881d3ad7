"""What the project promises, measured: one module a promise, run by ./dev bench."""
