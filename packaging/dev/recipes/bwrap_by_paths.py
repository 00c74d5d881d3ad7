#!/usr/bin/python3 -B
"""Stands for bwrap (FLATPAK_BWRAP) in a chroot: descriptors that Flatpak gives it become paths.

bwrap looks /proc/self/fd/N up in a mount namespace of its own, where the kernel tells the path from that namespace's
root, not from the chroot's (d_path(), fs/d_path.c). Here it is looked up before. For builds and tests: Flatpak gives
descriptors because somebody might put another folder in a path's place.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path

BY_PATH = {"--bind-fd": "--bind", "--ro-bind-fd": "--ro-bind"}


def by_paths(words: Iterable[str]) -> list[str]:
    """The words, and in the place of --args what its descriptor holds, up to the sandbox's own command."""
    found: list[str] = []
    left = iter(words)
    for word in left:
        if word == "--":
            found += [word, *left]
        elif word == "--args":
            with os.fdopen(int(next(left)), "rb") as held:
                found += by_paths(held.read().decode(errors="surrogateescape").split("\0")[:-1])
        elif word in BY_PATH:
            found += [BY_PATH[word], str(Path(f"/proc/self/fd/{next(left)}").readlink())]
        else:
            found.append(word)
    return found


if __name__ == "__main__":
    os.execv("/usr/bin/bwrap", ["bwrap", *by_paths(sys.argv[1:])])
