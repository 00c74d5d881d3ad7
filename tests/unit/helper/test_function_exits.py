"""Whether programs at the return of functions are worth a load: asked once, and a refusal is never forgotten."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from helper.loaders.errors import LoaderError
from helper.loaders.function_exits import FunctionExits

if TYPE_CHECKING:
    from pathlib import Path


def knob(folder: Path, value: str) -> Path:
    file = folder / "ftrace_enabled"
    file.write_text(value, encoding="ascii")
    return file


def test_a_kernel_that_looks_for_the_function_takes_such_programs_and_is_asked_once(tmp_path: Path) -> None:
    answers = [errno.EINVAL]
    exits = FunctionExits(answers.pop, knob(tmp_path, "1\n"))
    assert exits.refusal is None
    assert exits.refusal is None


def test_any_other_answer_refuses_them_all_with_the_kernels_word(tmp_path: Path) -> None:
    for number in (errno.EPERM, errno.ENOTSUP, 0):
        answers = [number]
        exits = FunctionExits(answers.pop, tmp_path / "none")
        refusal = exits.refusal
        assert refusal is not None
        assert refusal.errno == number
        assert "takes no programs at the return of its functions" in str(refusal)
        assert exits.refusal is refusal


def test_where_ftrace_is_switched_off_nothing_is_offered(tmp_path: Path) -> None:
    file = knob(tmp_path, "0\n")
    answers: list[int] = []
    refusal = FunctionExits(answers.pop, file).refusal
    assert refusal is not None
    assert f"{file} is 0" in str(refusal)


def test_what_is_refused_later_is_remembered_with_its_reason(tmp_path: Path) -> None:
    exits = FunctionExits(lambda: errno.EINVAL, knob(tmp_path, "1\n"))
    assert exits.refusal is None
    late = LoaderError("udp4_sent", "attach", errno.EBUSY)
    exits.rule_out(late)
    assert exits.refusal is late
