"""SmoothTask's app: sources in, rules, notifications and windows out. Ships without the helper."""
