"""How many UDP sockets the kernel says there are."""

from pathlib import Path

import pytest

from helper.probes.bound_datagrams import BoundDatagrams

V4 = "sockets: used 319\nTCP: inuse 9 orphan 0 tw 0 alloc 10\nUDP: inuse {} mem 3\nUDPLITE: inuse 7\nRAW: inuse 1\n"
V6 = "TCP6: inuse 4\nUDP6: inuse {}\nUDPLITE6: inuse 8\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sockstat").write_text(V4.format(5), encoding="ascii")
    (tmp_path / "sockstat6").write_text(V6.format(12), encoding="ascii")
    return tmp_path


def test_those_of_both_families_are_counted_each_time_anew(folder: Path) -> None:
    bound = BoundDatagrams(folder)
    assert bound.count() == 17
    (folder / "sockstat").write_text(V4.format(4), encoding="ascii")
    assert bound.count() == 16
    bound.close()


def test_without_ipv6_there_are_those_of_ipv4_until_it_comes(folder: Path) -> None:
    (folder / "sockstat6").unlink()
    bound = BoundDatagrams(folder)
    assert bound.count() == 5
    (folder / "sockstat6").write_text(V6.format(1), encoding="ascii")
    assert bound.count() == 6
    bound.close()


@pytest.mark.parametrize("text", [None, "", "UDP: inuse", "UDP: inuse many mem 3\n"])
def test_what_can_t_be_read_is_not_known(folder: Path, text: str | None) -> None:
    (folder / "sockstat").unlink()
    if text is not None:
        (folder / "sockstat").write_text(text, encoding="ascii")
    bound = BoundDatagrams(folder)
    assert bound.count() is None
    bound.close()
