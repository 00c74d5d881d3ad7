"""Options of the services: pairs of a name and a value, parsed by hand, for argparse costs 2 MiB of memory."""

from collections.abc import Mapping


def chosen_options(program: str, defaults: Mapping[str, str], words: list[str]) -> dict[str, str]:
    """`defaults` with the values given in `words`; ValueError that tells the usage."""
    if len(words) % 2 or any(word not in defaults for word in words[::2]):
        raise ValueError(f"usage: {program} {' '.join(f'[{name} VALUE]' for name in defaults)}")
    return {**defaults, **dict(zip(words[::2], words[1::2], strict=True))}
