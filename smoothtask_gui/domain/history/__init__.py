"""The flight recorder's decisions: what is kept of each moment, for how long, and what a span of it says. Pure."""
