"""How a guest is started when things go wrong: real QEMUs, whose kernel of a hundred bytes says a word and halts."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.vm.conftest import IMAGES, tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GUEST: Final = tool("vm.guest")
KEPT: Final = tool("vm.kept")
SETUP_AT: Final = 0x200
CODE_AT: Final = 0x268
LOADED_HIGH: Final = 1
SAY: Final = bytes.fromhex("ba f803 be 0000 2e ac 84c0 74 03 ee eb f7 f4 eb fd")
"""mov dx,COM1; mov si,TEXT; 1: cs lodsb; test al,al; jz 2f; out dx,al; jmp 1b; 2: hlt; jmp 2b"""


def kernel(word: str) -> bytes:
    """That says a word on the first serial port: Documentation/arch/x86/boot.rst, protocol 2.00."""
    image = bytearray(0x600)
    image[0x1F1] = 1  # sectors of setup
    image[0x1FE:0x204] = b"\x55\xaa\xeb" + bytes([CODE_AT - SETUP_AT - 2]) + b"Hd"
    image[0x202:0x208] = b"HdrS" + struct.pack("<H", 0x200)
    image[0x211] = LOADED_HIGH
    code = bytearray(SAY)
    code[4:6] = struct.pack("<H", CODE_AT - SETUP_AT + len(SAY))
    text = bytes(code) + word.encode() + b"\n\0"
    image[CODE_AT : CODE_AT + len(text)] = text
    return bytes(image)


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A guest's, with a disk and an initrd that nobody reads."""
    made = tmp_path_factory.mktemp("guest")
    for name in ("disk.raw", "initrd"):
        (made / name).write_bytes(bytes(1 << 20))
    return made


@pytest.fixture
def guest(folder: Path) -> Iterator[Any]:
    made = GUEST.Guest(folder, IMAGES.KEY, IMAGES.ACPI_TABLE, 1)
    yield made
    made.stop()


def told(folder: Path) -> str:
    return (folder / GUEST.LIFE).read_text()


def test_a_kept_state_that_qemu_refuses_is_told_and_forgotten_and_the_guest_boots(folder: Path, guest: Any) -> None:
    (folder / "vmlinuz").write_bytes(kernel(GUEST.READY))
    kept = KEPT.Kept(folder)
    kept.begin()
    (folder / "state").write_bytes(b"no state of a guest")
    (folder / "state.made-of").write_text(guest._recipe())
    guest.start()
    assert guest.monitor.ask("query-status")["status"] == "running"
    assert "boots, as its kept state is of no use" in told(folder)
    assert "Not a migration stream" in told(folder)
    assert not kept.is_of(guest._recipe())


def test_a_state_of_another_disk_is_not_gone_on_from(folder: Path, guest: Any) -> None:
    (folder / "vmlinuz").write_bytes(kernel(GUEST.READY))
    recipe = guest._recipe()
    (folder / "disk.raw").write_bytes(bytes(2 << 20))
    assert guest._recipe() != recipe


def test_a_guest_that_panics_is_started_once_more_and_then_given_up_with_its_words(folder: Path, guest: Any) -> None:
    (folder / "vmlinuz").write_bytes(kernel(f"{GUEST.PANIC} - not syncing"))
    with pytest.raises(GUEST.GuestError, match="not syncing"):
        guest.start()
    assert told(folder).count("booted once more") == 2  # to be kept, and as nothing was
