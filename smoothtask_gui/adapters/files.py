"""Small files, read and replaced so that nothing hangs and nothing is lost.

Only regular files are opened: a symlink, FIFO, device or folder in a file's place is refused at once (O_NOFOLLOW,
O_NONBLOCK; open(2)). A replacement is written beside the file, synced, then renamed over it: whoever reads sees the old
text or the new, also after a crash or on a full disk. Failures are FileError, a sentence that names the file.
"""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

LARGEST_BYTES: Final = 1 << 20
KINDS: Final = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class FileError(Exception):
    """A file can't be read or written; the message names it and says why."""


def read_text(path: Path) -> str | None:
    """The text of the regular file `path`; None if there is none. FileError if it can't or mustn't be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        require_regular(path)
        raise FileError(f"{path} can't be read: {error.strerror}") from error
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode):
            raise FileError(f"{path} is {_kind(mode)}, not a file; move it away")
        content = _read_all(handle, LARGEST_BYTES + 1)
    except OSError as error:
        raise FileError(f"{path} can't be read: {error.strerror}") from error
    finally:
        os.close(handle)
    if len(content) > LARGEST_BYTES:
        raise FileError(f"{path} is larger than {LARGEST_BYTES >> 20} MiB; move it away")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileError(f"{path}, line {line}: not UTF-8 text") from error


def _read_all(handle: int, most_bytes: int) -> bytes:
    content = b""
    while len(content) < most_bytes and (piece := os.read(handle, most_bytes - len(content))):
        content += piece
    return content


def require_regular(path: Path) -> None:
    """Raise FileError if something that isn't a regular file stands at `path`."""
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return
        raise FileError(f"{path} can't be reached: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        raise FileError(f"{path} is {_kind(mode)}, not a file; move it away")


def replace_text(path: Path, text: str) -> None:
    """Make `text` the content of `path`, at once and for good; on FileError the old content stands."""
    require_regular(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(handle)
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise FileError(f"{path} can't be written: {error.strerror}; what was there is kept") from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some network file systems refuse to sync a folder; the rename stands
            os.fsync(handle)
    finally:
        os.close(handle)


def _kind(mode: int) -> str:
    return next((name for test, name in KINDS if test(mode)), "no regular file")
