"""User accounts that exist only inside the box: copies of passwd, group and shadow with lines added, mounted over."""

import os
import pwd
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from boxparts import kernel

SERVICE_USER = "smoothtask"
TEST_USERS = ("alice", "bob")
FIRST_UID = 59001
"""Of the test users. Boxes that run side by side share these ids, and so the rights over each other's processes; one
that must not (hidepid hides by id) asks for ids of its own."""


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    uid: int
    home: Path


def _free_uid(candidates: Sequence[int], taken: set[int]) -> int:
    return next(uid for uid in candidates if uid not in taken)


def _wanted(user: str | None, uid: int | None, first_uid: int) -> list[Account]:
    """The accounts to add: the service user, the test users and whoever was named, each unless it is there already."""
    known = {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}
    taken = set(known.values())
    accounts: list[Account] = []

    def add(name: str, number: int, home: str) -> None:
        taken.add(number)
        known[name] = number
        accounts.append(Account(name, number, Path(home)))

    if SERVICE_USER not in known:
        add(SERVICE_USER, _free_uid(range(999, 100, -1), taken), "/nonexistent")
    for name in (*TEST_USERS, *([user] if user else [])):
        if name not in known:
            add(name, _free_uid(range(first_uid, 60000), taken), f"/run/dbus/box/home/{name}")
    if uid is not None and uid not in taken:
        add(f"user{uid}", uid, f"/run/dbus/box/home/user{uid}")
    return accounts


def add_accounts(scratch: Path, user: str | None, uid: int | None, first_uid: int = FIRST_UID) -> None:
    """Makes the accounts known to everything inside; no account of the machine is changed."""
    accounts = _wanted(user, uid, first_uid)
    lines = {
        "passwd": [f"{a.name}:x:{a.uid}:{a.uid}::{a.home}:/bin/sh" for a in accounts],
        "group": [f"{a.name}:x:{a.uid}:" for a in accounts],
        "shadow": [f"{a.name}:*:19000:0:99999:7:::" for a in accounts],
    }
    for name, added in lines.items():
        source, copy = Path("/etc", name), scratch / name
        shutil.copyfile(source, copy)
        with copy.open("a", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in added)
        status = source.stat()
        os.chown(copy, status.st_uid, status.st_gid)
        copy.chmod(status.st_mode & 0o7777)
        kernel.bind(copy, source)
    for account in accounts:
        if account.home.is_relative_to(scratch):
            account.home.mkdir(mode=0o700, parents=True)
            os.chown(account.home, account.uid, account.uid)
    (scratch / "home").mkdir(exist_ok=True)
