"""The one place that writes to the journal (standard error), one line a message.

A caller's text may reach a message, so everything that could start a new line, move the cursor or turn the reading
direction is escaped (log spoofing: CVE-2024-52337 in tuned), and the length is bounded.
"""

import sys

_LONGEST = 4000
_BIDI_AND_SEPARATORS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C, 0x2028, 0x2029}


def escaped(text: str) -> str:
    """`text` with control characters, line separators and bidi controls shown as escapes."""

    def shown(character: str) -> str:
        number = ord(character)
        hidden = number < 0x20 or 0x7F <= number < 0xA0 or 0xD800 <= number < 0xE000 or number in _BIDI_AND_SEPARATORS
        return f"\\u{number:04x}" if hidden else character

    return "".join(map(shown, text[:_LONGEST]))


def write(text: str) -> None:
    """Writes one line to the journal."""
    print(escaped(text), file=sys.stderr, flush=True)
