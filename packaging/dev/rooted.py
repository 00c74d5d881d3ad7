"""Running a command with what is / here as the root of its mounts, which in a chroot it isn't.

boxparts/kernel.py says why. It takes root to get there; the command keeps the user who asks. As a script:
rooted.py UID COMMAND… (root only).
"""

import os
import pwd
import sys
from collections.abc import Sequence
from pathlib import Path

import privilege
from boxparts import kernel


def command(words: Sequence[str | Path]) -> list[str]:
    """The words, to be run there."""
    return privilege.as_root(["/usr/bin/python3", "-B", __file__, str(os.geteuid()), *words])


def enter(user: pwd.struct_passwd, words: list[str]) -> None:
    """Become the command."""
    kernel.own_mounts_and_root()
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.execvp(words[0], words)


if __name__ == "__main__":
    enter(pwd.getpwuid(int(sys.argv[1])), sys.argv[2:])
