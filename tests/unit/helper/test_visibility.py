"""A stream shows at most what /proc shows its caller."""

import pytest

from helper.probes.visibility import Mode, Visibility
from helper.sampler.visibility import ProcMount, decide, proc_mount, read_proc_mount

PLAIN = "23 28 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:13 - proc proc rw"
NEW_WORDS = "23 28 0:22 / /proc rw,nosuid shared:13 - proc proc rw,gid=27,hidepid=invisible"
OLD_WORDS = "23 28 0:22 / /proc rw,nosuid - proc proc rw,hidepid=2"
OTHER_MOUNTS = (
    "24 28 0:23 / /sys rw - sysfs sysfs rw\n31 23 0:31 / /proc/sys/fs/binfmt_misc rw - binfmt_misc none rw\n"
    "40 28 0:44 / /srv/jail/proc rw - proc proc rw,hidepid=1"
)


@pytest.mark.parametrize(
    ("mountinfo", "mount"),
    [
        (PLAIN, ProcMount(0, 0)),
        (f"{OTHER_MOUNTS}\n{PLAIN}\n{OTHER_MOUNTS}", ProcMount(0, 0)),
        (NEW_WORDS, ProcMount(2, 27)),
        (OLD_WORDS, ProcMount(2, 0)),
        (f"{PLAIN}\n{NEW_WORDS}", ProcMount(2, 27)),
        (PLAIN.replace("proc rw", "proc rw,hidepid=noaccess", 1), ProcMount(1, 0)),
        (PLAIN.replace("proc rw", "proc rw,hidepid=ptraceable", 1), ProcMount(4, 0)),
    ],
)
def test_the_options_of_the_topmost_proc_are_found(mountinfo: str, mount: ProcMount) -> None:
    assert proc_mount(mountinfo) == mount


@pytest.mark.parametrize("mountinfo", ["", OTHER_MOUNTS, "broken", PLAIN + ",hidepid=shy", " - proc proc"])
def test_an_unknown_or_missing_proc_counts_as_hidden(mountinfo: str) -> None:
    assert proc_mount(mountinfo).hidepid == 4


@pytest.mark.parametrize(
    ("uid", "sees_others", "mount", "mode"),
    [
        (1000, False, ProcMount(0, 0), Mode.SEES_AS_PROC),
        (1000, True, ProcMount(0, 0), Mode.SEES_ALL),
        (0, False, ProcMount(4, 0), Mode.SEES_ALL),
        (1000, True, ProcMount(2, 0), Mode.SEES_ALL),
        (1000, False, ProcMount(1, 0), Mode.SEES_OWN),
        (1000, False, ProcMount(2, 0), Mode.SEES_OWN),
        (1000, False, ProcMount(2, 27), Mode.SEES_AS_PROC),
        (1000, False, ProcMount(4, 27), Mode.SEES_OWN),
        (2**31, False, ProcMount(2, 27), Mode.SEES_OWN),
        (2**32 - 2, False, ProcMount(0, 0), Mode.SEES_AS_PROC),
    ],
)
def test_hidepid_is_honoured_and_its_group_exempt(uid: int, sees_others: bool, mount: ProcMount, mode: Mode) -> None:
    groups = {1000: (100, 27)}
    seen = decide(uid, sees_others=sees_others, mount=mount, groups=lambda user: groups.get(user, ()))
    assert seen == Visibility(mode, 0 if mode is Mode.SEES_ALL else uid)


def test_all_who_see_everything_are_one_class_whoever_they_are() -> None:
    seen = {decide(uid, sees_others=True, mount=ProcMount(0, 0), groups=lambda _: ()) for uid in (0, 1000, 1001)}
    assert len(seen) == 1


def test_this_machines_own_proc_is_found() -> None:
    assert read_proc_mount().hidepid in {0, 1, 2, 4}
