"""The sampler's own command line: what is left out has the value of the security rules, what is wrong is refused."""

import pytest

from helper.__main__ import options_from
from helper.bus.authority import Patience
from helper.bus.quotas import Limits


def test_without_options_the_limits_are_those_of_the_security_rules() -> None:
    options = options_from([])
    assert options.limits == Limits(4, 32, 100, 5)
    assert options.patience == Patience(silent_s=5, prompt_s=120)
    assert options.idle_s == 60
    assert options.interface_file.name == "io.github.smoothtask.Sampler1.xml"
    assert options.interface_file.exists()


def test_the_loader_is_chosen_by_the_kernel_unless_the_service_is_told() -> None:
    assert options_from([]).loader == "auto"
    assert options_from(["--loader", "bcc"]).loader == "bcc"
    assert (options_from([]).bcc_dir / "process_events.c").exists()


def test_options_are_taken() -> None:
    options = options_from(["--idle-seconds", "0.5", "--object-dir", "/objects", "--streams-per-user", "32"])
    assert (options.idle_s, str(options.object_dir), options.limits.streams_per_uid) == (0.5, "/objects", 32)


@pytest.mark.parametrize(
    "words", [["--idle-seconds"], ["--nope", "1"], ["--loader", "raw"], ["--idle-seconds", "soon"], ["1"]]
)
def test_what_makes_no_sense_is_refused(words: list[str]) -> None:
    with pytest.raises(ValueError, match=r"usage|could not convert"):
        options_from(words)
