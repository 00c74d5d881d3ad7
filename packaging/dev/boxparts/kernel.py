"""The few system calls that Python 3.11 doesn't offer: mount, pivot_root, unshare, setns, prctl, through libc.

Each fails with OSError that names the call and what it was applied to.
"""

import ctypes
import os
from pathlib import Path

CLONE_NEWNS = 0x00020000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def own_mounts() -> None:
    """From here on this process has mounts of its own; nothing it mounts is seen outside."""
    _checked(_libc.unshare(CLONE_NEWNS), "unshare(CLONE_NEWNS)")
    _checked(_libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "make / private")


def own_mounts_and_root() -> None:
    """The same, and what is / here becomes the root of these mounts, which in a chroot it isn't.

    In a chroot the kernel makes no user namespaces (user_namespaces(7), EPERM) and tells paths from the root of the
    mounts (d_path(), fs/d_path.c), so bubblewrap fails there, and Flatpak with it. setns(2) leads out of the chroot,
    pivot_root(2) takes its folder along. All is private by then: where the machine's mounts are shared, its own root
    would be unmounted too.
    """
    _checked(_libc.unshare(CLONE_NEWNS), "unshare(CLONE_NEWNS)")
    here = Path.cwd()
    root = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    namespace = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    _checked(_libc.setns(namespace, CLONE_NEWNS), "setns to the mounts of this process")
    _checked(_libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "make / private")
    in_chroot = not os.path.samestat(os.fstat(root), Path("/").stat())
    os.fchdir(root)
    if in_chroot:
        place = Path.cwd()
        bind(place, place)  # pivot_root(2) takes mount points only
        os.chdir(place)
        _checked(_libc.pivot_root(b".", b"."), f"pivot_root to {place}")
        _checked(_libc.umount2(b".", MNT_DETACH), "unmount the old root")
    os.chroot(".")
    os.chdir(here)
    os.close(root)
    os.close(namespace)


def mount_tmpfs(target: Path, mode: str = "755") -> None:
    """Covers `target` with an empty file system in memory, creating the folder where it is missing."""
    target.mkdir(parents=True, exist_ok=True)
    options = f"mode={mode}".encode()
    _checked(_libc.mount(b"tmpfs", os.fsencode(target), b"tmpfs", MS_NODEV, options), f"mount tmpfs on {target}")


def mount_proc(hidepid: int, gid: int) -> None:
    """Covers /proc with one of the same process namespace that hides others' processes from all but group `gid`."""
    options = f"hidepid={hidepid},gid={gid}".encode()
    _checked(_libc.mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV, options), f"mount /proc, hidepid={hidepid}")


def bind(source: Path, target: Path) -> None:
    """Shows `source` at `target` too; `target` exists."""
    flags = MS_BIND | MS_REC
    _checked(_libc.mount(os.fsencode(source), os.fsencode(target), None, flags, None), f"bind {source} on {target}")


def enter_mounts_of(pid: int) -> None:
    """Puts this process into the mounts and the root folder of process `pid`.

    setns(2) resets the root to that of the namespace, which in a chroot is the wrong one; hence the second step.
    """
    root = os.open(f"/proc/{pid}/root", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    here = Path.cwd()
    namespace = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    _checked(_libc.setns(namespace, CLONE_NEWNS), f"setns to the mounts of process {pid}")
    os.fchdir(root)
    os.chroot(".")
    os.chdir(here)
    os.close(root)
    os.close(namespace)


def adopt_orphans() -> None:
    """Makes this process the parent of its orphaned descendants, so that it can end and reap them all: prctl(2)."""
    _checked(_libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl(PR_SET_CHILD_SUBREAPER)")


def signal_when_parent_dies(number: int) -> None:
    """Asks for signal `number` when the parent dies; lost when the user id changes: prctl(2)."""
    _checked(_libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0), "prctl(PR_SET_PDEATHSIG)")
