"""How many datagrams the kernel says have passed."""

from pathlib import Path

import pytest

from helper.probes.passed_datagrams import WRAP, PassedDatagrams

SNMP = (
    "Tcp: RtoAlgorithm ActiveOpens\nTcp: 1 4\n"
    "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors\nUdp: {} 11 13 {} 17\n"
    "UdpLite: InDatagrams NoPorts InErrors OutDatagrams\nUdpLite: 1000 0 0 1000\n"
)
SNMP6 = "Ip6InReceives         \t900\nUdp6InDatagrams       \t{}\nUdp6NoPorts\t5\nUdp6OutDatagrams \t{}\n"


def write(folder: Path, received: int, sent: int, received6: int = 0, sent6: int = 0) -> None:
    (folder / "snmp").write_text(SNMP.format(received, sent), encoding="ascii")
    (folder / "snmp6").write_text(SNMP6.format(received6, sent6), encoding="ascii")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, 100, 200, 300, 400)
    return tmp_path


def test_those_of_both_directions_and_families_are_counted_from_the_beginning_on(folder: Path) -> None:
    passed = PassedDatagrams(folder)
    passed.begin()
    assert passed.since() == 0
    write(folder, 101, 202, 304, 408)
    assert passed.since() == 1 + 2 + 4 + 8
    assert passed.since() == 0
    passed.close()


def test_what_passed_while_nobody_wanted_to_know_isn_t_counted(folder: Path) -> None:
    passed = PassedDatagrams(folder)
    passed.begin()
    passed.close()
    write(folder, 500, 500)
    passed.begin()
    assert passed.since() == 0
    passed.close()


def test_a_counter_that_wraps_goes_on(folder: Path) -> None:
    write(folder, WRAP - 3, 0)
    passed = PassedDatagrams(folder)
    passed.begin()
    write(folder, 4, 0)
    assert passed.since() == 7
    passed.close()


def test_without_ipv6_there_are_those_of_ipv4(folder: Path) -> None:
    (folder / "snmp6").unlink()
    passed = PassedDatagrams(folder)
    passed.begin()
    (folder / "snmp").write_text(SNMP.format(101, 200), encoding="ascii")
    assert passed.since() == 1
    passed.close()


@pytest.mark.parametrize("text", [None, "", "Udp: InDatagrams OutDatagrams\n", "\nUdp: A OutDatagrams\nUdp: 1 2\n"])
def test_what_can_t_be_read_is_not_known(folder: Path, text: str | None) -> None:
    passed = PassedDatagrams(folder)
    passed.begin()
    passed.close()
    (folder / "snmp").unlink()
    if text is not None:
        (folder / "snmp").write_text(text, encoding="ascii")
    passed.begin()
    assert passed.since() is None
    passed.close()
