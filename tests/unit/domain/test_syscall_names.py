import os
import platform

import pytest

from smoothtask_gui.domain.syscall_names import TEXTS, syscall_names


@pytest.mark.parametrize(("machine", "number", "name"), [("x86_64", 0, "read"), ("x86_64", 232, "epoll_wait"),
                                                        ("x86_64", 424, "pidfd_send_signal"), ("aarch64", 63, "read"),
                                                        ("riscv64", 29, "ioctl")])  # fmt: skip
def test_a_number_is_the_name_that_the_kernel_s_headers_give_it(machine: str, number: int, name: str) -> None:
    assert syscall_names(machine)[number] == name


def test_no_name_stands_twice_and_an_unknown_machine_has_none() -> None:
    for machine in TEXTS:
        names = list(syscall_names(machine).values())
        assert len(names) == len(set(names)) > 300
    assert syscall_names("st-none") == {}
    assert syscall_names(platform.machine()) or os.uname().machine not in TEXTS
