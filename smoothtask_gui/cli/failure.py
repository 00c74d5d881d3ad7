"""The one exception that ends a command with exit code 1 and its message as the line on stderr."""

from __future__ import annotations


class Failure(Exception):  # noqa: N818 - it is how a command ends, not a bug
    """What failed, on what, why, and what can be done: one sentence."""
