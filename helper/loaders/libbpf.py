"""The one door to libbpf.so.1: open an object, fix its constants, load, attach, read.

ctypes rather than a binding: the helper needs two dozen functions that have been stable since libbpf 1.0, and a
binding would be one more thing to ship and trust. It works with libbpf 1.1 (Debian 12) and later.
Fails with LoaderError, and only with it; a failed open leaves nothing in the kernel.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import struct
from collections import deque
from pathlib import Path
from threading import local
from typing import TYPE_CHECKING, Final, cast

from helper.loaders.errors import LoaderError
from helper.loaders.function_exits import FunctionExits, offer_by
from helper.loaders.kernel_types import names_in
from helper.loaders.map_memory import MapShape
from helper.loaders.together import Together
from helper.machine import Machine, read_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from helper.loaders.together import Part

KERNEL_BTF: Final = Path("/sys/kernel/btf/vmlinux")
CONSTANTS_SECTION: Final = ".rodata.constants"
WITHOUT: Final = {b"bpf_rdonly_cast": "without-kfuncs", b"bpf_iter_task_new": "without-task-iterator"}
"""Functions of the kernel that bpf/core_fixes.bpf.h declares, oldest first, and the folder of the objects for kernels
that lack it and those after it (before 6.2, before 6.7); packaging/dev/build_bpf.py makes them."""
ACCEPT_ARGUMENT: Final = b"proto_accept_arg"  # its accepted_socket()
LOG_LINES: Final = 24
LOG_LINE_BYTES: Final = 1 << 18  # a rejected program's whole log comes as one line
LOG_TAIL_CHARACTERS: Final = 2000
ERRNO_MAX: Final = 4095
ITERATION_OPTIONS: Final = struct.Struct("@QPI4x")  # struct bpf_iter_attach_opts, <bpf/libbpf.h>
ITERATION_TARGET_BYTES: Final = 16  # union bpf_iter_link_info, <linux/bpf.h>; its map_fd comes first

_pointer, _text, _int, _size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
_print_callback = ctypes.CFUNCTYPE(_int, _int, _pointer, _pointer)
record_callback = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _size)
_PROTOTYPES: Final[dict[str, tuple[type | None, list[type]]]] = {
    "libbpf_set_print": (_pointer, [_print_callback]),
    "bpf_object__open_file": (_pointer, [_text, _pointer]),
    "bpf_object__load": (_int, [_pointer]),
    "bpf_object__close": (None, [_pointer]),
    "bpf_object__find_map_by_name": (_pointer, [_pointer, _text]),
    "bpf_object__next_map": (_pointer, [_pointer, _pointer]),
    "bpf_object__next_program": (_pointer, [_pointer, _pointer]),
    "bpf_program__name": (_text, [_pointer]),
    "bpf_program__fd": (_int, [_pointer]),
    "bpf_prog_load": (_int, [_int, _text, _text, _text, _size, _pointer]),
    "bpf_program__set_autoload": (_int, [_pointer, ctypes.c_bool]),
    "bpf_program__attach": (_pointer, [_pointer]),
    "bpf_program__attach_iter": (_pointer, [_pointer, _pointer]),
    "bpf_map__fd": (_int, [_pointer]),
    "bpf_map__type": (_int, [_pointer]),
    "bpf_map__key_size": (ctypes.c_uint32, [_pointer]),
    "bpf_map__value_size": (ctypes.c_uint32, [_pointer]),
    "bpf_map__max_entries": (ctypes.c_uint32, [_pointer]),
    "bpf_map__map_flags": (ctypes.c_uint32, [_pointer]),
    "bpf_map__set_max_entries": (_int, [_pointer, ctypes.c_uint32]),
    "bpf_map__name": (_text, [_pointer]),
    "bpf_map__set_autocreate": (_int, [_pointer, ctypes.c_bool]),
    "bpf_map__reuse_fd": (_int, [_pointer, _int]),
    "bpf_map__set_initial_value": (_int, [_pointer, _pointer, _size]),
    "bpf_link__fd": (_int, [_pointer]),
    "bpf_link__destroy": (_int, [_pointer]),
    "bpf_iter_create": (_int, [_int]),
    "bpf_map_lookup_elem": (_int, [_int, _pointer, _pointer]),
    "bpf_map_update_elem": (_int, [_int, _pointer, _pointer, ctypes.c_uint64]),
    "bpf_map_lookup_batch": (_int, [_int, _pointer, _pointer, _pointer, _pointer, _pointer, _pointer]),
    "bpf_map_lookup_and_delete_elem": (_int, [_int, _pointer, _pointer]),
    "libbpf_num_possible_cpus": (_int, []),
    "ring_buffer__new": (_pointer, [_int, record_callback, _pointer, _pointer]),
    "ring_buffer__epoll_fd": (_int, [_pointer]),
    "ring_buffer__consume": (_int, [_pointer]),
    "ring_buffer__free": (None, [_pointer]),
}


class _Log(local):
    """What libbpf said in this thread: it calls back in the thread that called it."""

    def __init__(self, vsnprintf: Callable[..., int]) -> None:
        self._vsnprintf = vsnprintf
        self.lines: deque[str] = deque(maxlen=LOG_LINES)

    def take(self, level: int, text: int, arguments: int) -> int:
        if level == 0:  # LIBBPF_WARN
            line = ctypes.create_string_buffer(LOG_LINE_BYTES)
            self._vsnprintf(line, LOG_LINE_BYTES, text, arguments)
            self.lines.append(line.value[-LOG_TAIL_CHARACTERS:].decode("utf-8", "replace"))
        return 0


class Libbpf:
    """The library, and where the package's objects lie. Make one and pass it to the probes."""

    has_parts = True
    """Whether several probes share an object (helper/probes/parts.py)."""

    def __init__(
        self,
        objects: Path,
        library: str = "libbpf.so.1",
        kernel_btf: Path = KERNEL_BTF,
        machine: Machine | None = None,
    ) -> None:
        """`machine` sizes the maps, this one if None. Raises LoaderError if the library is missing or too old."""
        self._objects = objects
        self.machine = machine or read_machine()
        self._kernel_btf = kernel_btf
        self._names: frozenset[bytes] | None = None
        try:
            self.calls = ctypes.CDLL(library, use_errno=True)
            for name, (result, arguments) in _PROTOTYPES.items():
                function = getattr(self.calls, name)
                function.restype, function.argtypes = result, arguments
        except (OSError, AttributeError) as reason:
            hint = f"the library {library} is missing or too old ({reason}); install libbpf 1.0 or later"
            raise LoaderError(library, "library", errno.ENOENT, hint=hint) from reason
        vsnprintf = ctypes.CDLL(None).vsnprintf
        vsnprintf.restype, vsnprintf.argtypes = _int, [_pointer, _size, _pointer, _pointer]
        self._log = _Log(vsnprintf)
        self.together = Together()
        self.function_exits = FunctionExits(lambda: offer_by(self.calls))
        self._printer = _print_callback(self._log.take)
        # Never freed: libbpf calls whichever was set last, maybe after its door is gone. Taking it back when the door
        # is collected would take another one's away, in the middle of a load.
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._printer))

    def open(self, name: str) -> BpfObject:
        """Opens `<name>.bpf.o`; nothing is in the kernel yet."""
        path = self._path(name)
        if not os.access(self._kernel_btf, os.R_OK):
            hint = f"this kernel gives no type information ({self._kernel_btf}): it lacks CONFIG_DEBUG_INFO_BTF"
            raise LoaderError(name, "btf", errno.ENOENT, hint=hint)
        self.begin()
        handle = self.calls.bpf_object__open_file(os.fsencode(path), None)
        if not handle:
            raise self.error(name, "open", ctypes.get_errno())
        return BpfObject(self, name, _Handle(self.calls, handle))

    def _path(self, name: str) -> Path:
        """Of the object that fits this kernel."""
        lacking = [folder for function, folder in WITHOUT.items() if not self.lends(function)]
        paths = [self._objects / folder / f"{name}.bpf.o" for folder in (*lacking[:1], "")]
        return next((path for path in paths if path.exists()), paths[-1])

    def lends(self, function: bytes) -> bool:
        """Whether this kernel has one of the functions in `WITHOUT`."""
        return self._has(function)

    @property
    def accept_takes_struct(self) -> bool:
        """Whether this kernel's inet_csk_accept() has that in the place of three arguments: 6.10."""
        return self._has(ACCEPT_ARGUMENT)

    def _has(self, name: bytes) -> bool:
        """All names are looked up at once, when the first is asked for."""
        if self._names is None:
            self._names = names_in(self._kernel_btf, (*WITHOUT, ACCEPT_ARGUMENT))
        return name in self._names

    def begin(self) -> None:
        """Forgets this thread's lines of the step before; libbpf has one printer for the whole process."""
        self.calls.libbpf_set_print(self._printer)
        self._log.lines.clear()

    def error(self, program: str, step: str, number: int) -> LoaderError:
        tail = "".join(self._log.lines)[-LOG_TAIL_CHARACTERS:]
        return LoaderError(program, step, abs(number), tail, _lockdown_hint(abs(number)))

    def check(self, program: str, step: str, result: int) -> int:
        """`result` unless it is negative (an errno): then raises LoaderError."""
        if result < 0:
            raise self.error(program, step, result)
        return result


def _lockdown_hint(number: int) -> str:
    """bpf_probe_read* is refused with a bare EINVAL under lockdown=confidentiality (kernel/trace/bpf_trace.c)."""
    if number not in {errno.EINVAL, errno.EPERM}:
        return ""
    try:
        state = Path("/sys/kernel/security/lockdown").read_text(encoding="ascii")
    except OSError:
        return ""
    if "[confidentiality]" not in state:
        return ""
    return "the kernel is locked down (confidentiality), which forbids eBPF to read kernel memory"


class _Handle:
    """libbpf's object, freed when the last that uses it lets go."""

    def __init__(self, calls: ctypes.CDLL, pointer: int) -> None:
        self.pointer = pointer
        self._calls = calls
        self._users = 1

    def share(self) -> _Handle:
        self._users += 1
        return self

    def let_go(self) -> None:
        self._users -= 1
        if not self._users:
            self._calls.bpf_object__close(self.pointer)


class BpfObject:
    """An object file on its way into the kernel, or a probe's part of one. Close it, whatever happened."""

    def __init__(self, door: Libbpf, name: str, handle: _Handle, part: Part | None = None) -> None:
        """`part`: which programs and maps count as this object's; None for all."""
        self.name = name
        self._door = door
        self._calls = door.calls
        self._shared: _Handle | None = handle
        self._part = part
        self._links: dict[str, int] = {}
        self._mappings: list[mmap.mmap] = []

    def part(self, part: Part) -> BpfObject:
        """A part of this object, to be attached and closed by itself; the object is freed when all are closed."""
        assert self._shared is not None  # noqa: S101 - nobody takes parts of a closed object
        return BpfObject(self._door, part.name, self._shared.share(), part)

    def close(self) -> None:
        for mapping in self._mappings:
            with contextlib.suppress(BufferError):  # rows in it are still shown: it goes with the last view of them
                mapping.close()
        for link in self._links.values():
            self._calls.bpf_link__destroy(link)
        if self._shared is not None:
            self._shared.let_go()
        self._mappings, self._links, self._shared = [], {}, None

    def set_constants(self, section: str, value: bytes) -> None:
        """Fills a .rodata section; only before `load`."""
        result = self._calls.bpf_map__set_initial_value(self._map(section), value, len(value))
        self._door.check(self.name, "configure", result)

    def reuse_map(self, name: str, fd: int) -> None:
        """Takes a map of another object (libbpf keeps a descriptor of its own) instead of a new one; before `load`."""
        self._door.check(self.name, "configure", self._calls.bpf_map__reuse_fd(self._map(name), fd))

    def leave_out(self, program_or_map: str) -> None:
        """Does not load this program, or not make this map, which none that is loaded uses; only before `load`."""
        for name, handle in self._programs():
            if name == program_or_map:
                self._door.check(name, "configure", self._calls.bpf_program__set_autoload(handle, False))
        for name, handle in self._maps():
            if name == program_or_map:
                self._door.check(name, "configure", self._calls.bpf_map__set_autocreate(handle, False))

    def keep_only(self, parts: Sequence[Part]) -> None:
        """Loads nothing that belongs to other parts: neither programs nor maps; only before `load`.

        The constants are made always.
        """
        wanted = {name for part in parts for name in (*part.programs, *part.maps)}
        for name, handle in self._programs():
            if name not in wanted:
                self._door.check(name, "configure", self._calls.bpf_program__set_autoload(handle, False))
        for name, handle in self._maps():
            if name not in wanted and name != CONSTANTS_SECTION:
                self._door.check(name, "configure", self._calls.bpf_map__set_autocreate(handle, False))

    def resize(self, entries: Mapping[str, int]) -> None:
        """Gives maps of these names so many entries; only before `load`."""
        for name, handle in self._maps():
            if name in entries:
                result = self._calls.bpf_map__set_max_entries(handle, entries[name])
                self._door.check(self.name, "configure", result)

    def shapes(self) -> tuple[MapShape, ...]:
        """The maps as they will be, or are, made; what another part of the object has is left out."""
        calls = self._calls
        return tuple(
            MapShape(
                name,
                calls.bpf_map__type(handle),
                calls.bpf_map__key_size(handle),
                calls.bpf_map__value_size(handle),
                calls.bpf_map__max_entries(handle),
                calls.bpf_map__map_flags(handle),
            )
            for name, handle in self._maps()
            if self._has(name)
        )

    def load(self) -> None:
        self._door.begin()
        self._door.check(self.name, "load", self._calls.bpf_object__load(self._handle))

    def attach(self, optional: Sequence[str] = ()) -> dict[str, LoaderError]:
        """Attaches every program that was loaded and isn't yet, by its section's name.

        Returns why `optional` ones were not. Raises LoaderError for others.
        """
        failed = {}
        for name, handle in self._programs():
            if name not in self._links and self._calls.bpf_program__fd(handle) >= 0:
                self._door.begin()
                link = self._attach(name, handle)
                if link:
                    self._links[name] = link
                elif name in optional:
                    failed[name] = self._door.error(name, "attach", ctypes.get_errno())
                else:
                    raise self._door.error(name, "attach", ctypes.get_errno())
        return failed

    def detach(self, programs: Sequence[str]) -> None:
        """These stay loaded and don't run any more, until `attach`."""
        for name in programs:
            if name in self._links:
                self._calls.bpf_link__destroy(self._links.pop(name))

    def runs(self, program: str) -> bool:
        """Whether it is attached."""
        return program in self._links

    @property
    def is_attached(self) -> bool:
        """Whether any of its programs is."""
        return bool(self._links)

    def _attach(self, name: str, handle: int) -> int | None:
        map_name = dict(self._part.iterated).get(name) if self._part is not None else None
        if map_name is None:
            return cast("int | None", self._calls.bpf_program__attach(handle))
        target = ctypes.create_string_buffer(struct.pack("@I", self.map_fd(map_name)), ITERATION_TARGET_BYTES)
        options = ctypes.create_string_buffer(
            ITERATION_OPTIONS.pack(ITERATION_OPTIONS.size, ctypes.addressof(target), ITERATION_TARGET_BYTES)
        )
        return cast("int | None", self._calls.bpf_program__attach_iter(handle, options))

    def new_iteration(self, program: str) -> int:
        """A file descriptor that yields one pass of an attached iterator; the caller closes it."""
        result = self._calls.bpf_iter_create(self._calls.bpf_link__fd(self._links[program]))
        return self._door.check(program, "read", result)

    def shared(self, section: str, entries: int = 1) -> mmap.mmap:
        """A .data section, or an array that may be mapped: what one side writes the other sees.

        Valid until `close`; a view of it that is kept keeps the map, and no more is written to it then.
        """
        handle = self._map(section)
        fd = self._calls.bpf_map__fd(handle)
        try:
            mapping = mmap.mmap(fd, entries * self._calls.bpf_map__value_size(handle))
        except OSError as reason:
            raise self._door.error(self.name, "map", reason.errno or 0) from reason
        self._mappings.append(mapping)
        return mapping

    def map_fd(self, name: str) -> int:
        return self._door.check(self.name, "map", self._calls.bpf_map__fd(self._map(name)))

    def fds(self) -> tuple[list[int], list[int]]:
        """File descriptors of the loaded programs and of the maps."""
        programs = [self._calls.bpf_program__fd(handle) for _, handle in self._programs()]
        maps = [self._calls.bpf_map__fd(handle) for name, handle in self._maps() if self._has(name)]
        return [fd for fd in programs if fd >= 0], [fd for fd in maps if fd >= 0]

    @property
    def _handle(self) -> int | None:
        return None if self._shared is None else self._shared.pointer

    def _has(self, name: str) -> bool:
        return self._part is None or name in self._part.programs or name in self._part.maps

    def _map(self, name: str) -> int:
        handle = self._calls.bpf_object__find_map_by_name(self._handle, name.encode())
        if not handle:
            raise LoaderError(self.name, "map", errno.ENOENT, hint=f"the object has no map {name}; rebuild it")
        return int(handle)

    def _programs(self) -> Iterator[tuple[str, int]]:
        handle = None
        while handle := self._calls.bpf_object__next_program(self._handle, handle):
            name = self._calls.bpf_program__name(handle).decode()
            if self._has(name):
                yield name, handle

    def _maps(self) -> Iterator[tuple[str, int]]:
        handle = None
        while handle := self._calls.bpf_object__next_map(self._handle, handle):
            yield self._calls.bpf_map__name(handle).decode(), handle
