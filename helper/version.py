"""The version of the helper package; tests/contract compares it with pyproject.toml."""

VERSION = "0.1.0"
