import asyncio
from pathlib import Path

import pytest

from smoothtask_gui.cli.arguments import parser, with_command
from smoothtask_gui.cli.check_machine import kernel


@pytest.mark.parametrize("words", [[], ["run"]])
def test_the_tray_app_s_options_are_the_same_with_and_without_its_command(words: list[str]) -> None:
    given = ["--hidden", "--settings", "--rules", "r.toml", "--source", "procfs"]
    found = vars(parser().parse_args(with_command([*words, *given])))
    assert found == {
        "command": "run",
        "hidden": True,
        "settings": True,
        "rules": Path("r.toml"),
        "source": "procfs",
        "version": False,
        "desktop_files": None,
    }


def test_a_kernel_without_type_information_is_a_warning_with_a_way_out(tmp_path: Path) -> None:
    (row,) = [row for row in asyncio.run(kernel(sysfs_root=tmp_path)) if row.check == "btf"]
    assert row.state == "warning"
    assert "no /sys/kernel/btf/vmlinux" in row.detail
    assert "CONFIG_DEBUG_INFO_BTF" in row.remedy


def test_an_internal_error_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from smoothtask_gui.cli import main as module

    def broken(_arguments: object) -> int:
        return int("x")

    monkeypatch.setattr(module, "_dispatch", broken)
    assert module.main(["doctor"]) == 1
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert "internal error at test_options.py" in shown
