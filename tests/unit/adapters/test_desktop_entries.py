from __future__ import annotations

import os
from pathlib import Path

from smoothtask_gui.adapters.desktop_entries import KEEP_S, DesktopEntries, application_folders, parse_entry
from smoothtask_gui.domain.description import Application
from tests.fakes.trees import plant


def entry(name: str, *lines: str) -> str:
    return "\n".join(["[Desktop Entry]", "Type=Application", f"Name={name}", f"Name[de]={name}-de", *lines])


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_an_entry_is_found_by_id_by_program_and_by_window_class(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "org.mozilla.firefox.desktop": entry("Firefox", "Icon=firefox", "Exec=/usr/lib/firefox/firefox-bin %u"),
            "kde/org.kde.kate.desktop": entry("Kate", "Exec=kate -b %U", "StartupWMClass=Kate"),
        },
    )
    desktop = DesktopEntries([tmp_path])
    firefox = Application("org.mozilla.firefox", "Firefox", "firefox")
    assert desktop.by_id(["gnome-firefox", "org.mozilla.firefox"]) == firefox
    assert desktop.by_program("/usr/lib/firefox/firefox-bin") == firefox
    assert desktop.by_id(["kde-org.kde.kate"]) == desktop.by_program("/opt/bin/kate")
    assert desktop.by_program("/opt/KATE") == desktop.by_id(["kde-org.kde.kate"])
    assert desktop.by_program("/usr/bin/bash") is None


def test_a_shortcut_into_a_program_does_not_name_the_program(tmp_path: Path) -> None:
    plant(
        tmp_path,
        {
            "a-game.desktop": entry("A Game", "Exec=steam steam://rungameid/7"),
            "b-game.desktop": entry("B Game", "Exec=steam steam://rungameid/8"),
            "steam.desktop": entry("Steam", "Exec=steam %U"),
            "one.desktop": entry("One", "Exec=player --one"),
            "two.desktop": entry("Two", "Exec=player --two"),
            "lonely.desktop": entry("Lonely", "Exec=lonely --quiet %f"),
        },
    )
    desktop = DesktopEntries([tmp_path])
    found = [desktop.by_program(f"/usr/bin/{name}") for name in ("steam", "player", "lonely")]
    assert [application.name if application else None for application in found] == ["Steam", None, "Lonely"]


def test_what_lies_beside_the_program_that_a_link_leads_to_is_the_applications(tmp_path: Path) -> None:
    plant(
        tmp_path, {"opt/browser/start": "#!/bin/sh", "opt/browser/browser": "", "bin/browse": Path("opt/browser/start")}
    )
    (tmp_path / "opt/browser/start").chmod(0o755)
    plant(tmp_path, {"home/me/bin/tool": ""})
    (tmp_path / "home/me/bin/tool").chmod(0o755)
    plant(tmp_path / "entries", {"t.desktop": entry("Tool", f"Exec={tmp_path}/home/me/bin/tool")})
    plant(tmp_path / "entries", {"b.desktop": entry("Browser", f"Exec={tmp_path}/bin/browse %U")})
    desktop = DesktopEntries([tmp_path / "entries"])
    for program in ("start", "browser"):
        found = desktop.by_program(f"{tmp_path}/opt/browser/{program}")
        assert found is not None
        assert found.name == "Browser"
    assert desktop.by_program(f"{tmp_path}/opt/other/thing") is None
    assert desktop.by_program(f"{tmp_path}/home/me/bin/thing") is None


def test_the_first_folder_wins_and_hides(tmp_path: Path) -> None:
    plant(tmp_path / "own", {"a.desktop": entry("Mine"), "b.desktop": entry("B", "Hidden=true")})
    plant(tmp_path / "shared", {"a.desktop": entry("Theirs"), "b.desktop": entry("B")})
    desktop = DesktopEntries([tmp_path / "own", tmp_path / "shared"])
    assert desktop.by_id(["a"]) == Application("a", "Mine", "")
    assert desktop.by_id(["b"]) is None


def test_a_launcher_is_nobodys_program(tmp_path: Path) -> None:
    plant(tmp_path, {"a.desktop": entry("A", "Exec=env X=1 a"), "b.desktop": entry("B", 'Exec="unclosed')})
    desktop = DesktopEntries([tmp_path])
    assert desktop.by_program("/usr/bin/env") is None
    assert desktop.by_id(["b"]) is not None


def test_a_panel_that_is_not_displayed_does_not_name_its_program(tmp_path: Path) -> None:
    plant(tmp_path, {"a-panel.desktop": entry("Panel", "Exec=a", "NoDisplay=true"), "z.desktop": entry("A", "Exec=a")})
    found = DesktopEntries([tmp_path]).by_program("a")
    assert found is not None
    assert found.name == "A"


def test_what_is_no_entry_is_left_out_and_nothing_hangs(tmp_path: Path) -> None:
    plant(tmp_path, {"broken.desktop": b"\xff\x00[Desktop", "link.desktop": "[Desktop Entry]\nType=Link\nName=x"})
    os.mkfifo(tmp_path / "fifo.desktop")
    (tmp_path / "loop").symlink_to(tmp_path)
    for number, program in enumerate(("a\0b", "x" * 5000, '"unclosed', "/", "..", "")):
        plant(tmp_path, {f"odd{number}.desktop": entry(f"Odd {number}", f"Exec={program} %U")})
    desktop = DesktopEntries([tmp_path, tmp_path / "nothing"])
    assert desktop.by_id(["broken", "link", "fifo"]) is None
    assert desktop.by_id(["odd0"]) == Application("odd0", "Odd 0", "")
    assert desktop.by_program("b") is None
    assert parse_entry(tmp_path / "nothing") == {}


def test_a_new_entry_is_found_after_a_while_without_reading_folders_for_every_question(tmp_path: Path) -> None:
    clock = Clock()
    desktop = DesktopEntries([tmp_path], clock)
    assert desktop.by_id(["a"]) is None
    plant(tmp_path, {"a.desktop": entry("A")})
    assert desktop.by_id(["a"]) is None
    clock.now_s += KEEP_S
    assert desktop.by_id(["a"]) is not None


def test_folders_come_from_the_environment_own_first_relative_ones_ignored(tmp_path: Path) -> None:
    folders = application_folders({"XDG_DATA_DIRS": "/a:relative:/a"}, tmp_path)
    assert folders[0] == tmp_path / ".local/share/applications"
    assert [str(folder) for folder in folders].count("/a/applications") == 1
    assert all(folder.is_absolute() for folder in folders)
