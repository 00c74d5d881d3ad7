"""The pure core: readings in, decisions out; no Qt, no D-Bus, no clock, no files, no asyncio."""
