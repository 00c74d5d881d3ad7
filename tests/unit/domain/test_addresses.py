import pytest

from smoothtask_gui.domain.addresses import endpoint, state_name


@pytest.mark.parametrize(
    ("address", "port", "family", "only", "shown"),
    [
        (bytes((10, 0, 0, 1)), 80, 2, False, "10.0.0.1:80"),
        (b"", 0, 2, False, "0.0.0.0:*"),
        (b"", 443, 10, False, "*:443"),
        (b"", 443, 10, True, "[::]:443"),
        (bytes(15) + b"\x01", 22, 10, False, "[::1]:22"),
        (bytes(10) + b"\xff\xff\x7f\x00\x00\x01", 22, 10, False, "[::ffff:127.0.0.1]:22"),
    ],
)
def test_an_endpoint_is_written_as_ss_does(address: bytes, port: int, family: int, only: bool, shown: str) -> None:
    assert endpoint(address.ljust(16, b"\0") if family == 10 else address.ljust(4, b"\0"), port, family,
                    is_ipv6_only=only) == shown  # fmt: skip


def test_states_have_names_and_unknown_ones_say_so() -> None:
    assert [state_name(number, 6) for number in (1, 10, 6, 99)] == ["ESTABLISHED", "LISTEN", "TIME_WAIT", "UNKNOWN"]
    assert [state_name(number, 17) for number in (1, 7)] == ["ESTABLISHED", "UNCONNECTED"]
