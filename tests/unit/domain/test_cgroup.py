from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smoothtask_gui.domain.cgroup import Place, parse_place

USER = "0::/user.slice/user-1000.slice/user@1000.service/app.slice"
ID = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("path", "unit", "ids"),
    [
        (f"{USER}/app-gnome-firefox-4711.scope", "app-gnome-firefox-4711.scope", ("firefox", "gnome-firefox")),
        (f"{USER}/app-org.kde.konsole@0a1b.service", "app-org.kde.konsole@0a1b.service", ("org.kde.konsole",)),
        (f"{USER}/app-com.google.Chrome-99.scope", "app-com.google.Chrome-99.scope", ("com.google.Chrome",)),
        (
            rf"{USER}/app-gnome-google\x2dchrome-7.scope",
            "app-gnome-google-chrome-7.scope",
            ("google-chrome", "gnome-google-chrome"),
        ),
        (f"{USER}/snap.firefox.firefox-0c3a.scope", "snap.firefox.firefox-0c3a.scope", ("firefox_firefox",)),
        (f"{USER}/vte-spawn-1.scope", "vte-spawn-1.scope", ()),
        ("0::/user.slice/user-0.slice/session-2.scope", "session-2.scope", ()),
        ("0::/system.slice/cron.service", "cron.service", ()),
        ("0::/init.scope", "init.scope", ()),
        ("0::/", None, ()),
        ("", None, ()),
    ],
)
def test_unit_and_application_are_read_from_the_path(path: str, unit: str | None, ids: tuple[str, ...]) -> None:
    place = parse_place(path + "\n")
    assert (place.unit, place.application_ids) == (unit, ids)


def test_a_flatpak_is_named_by_its_scope() -> None:
    place = parse_place(f"{USER}/app-flatpak-org.mozilla.firefox-123.scope")
    assert (place.flatpak_id, place.application_ids) == ("org.mozilla.firefox", ("org.mozilla.firefox",))


@pytest.mark.parametrize(
    ("path", "container"),
    [
        (f"0::/system.slice/docker-{ID}.scope", "docker 0123456789ab"),
        (f"0::/docker/{ID}", "docker 0123456789ab"),
        (f"{USER}/libpod-{ID}.scope/container", "podman 0123456789ab"),
        (f"0::/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope", "containerd 0123456789ab"),
        ("0::/lxc.payload.web/system.slice/nginx.service", "lxc web"),
        (r"0::/machine.slice/machine-my\x2ddebian.scope/payload", "machine my-debian"),
        (f"{USER}/app-gnome-docker-1.scope", None),
    ],
)
def test_a_container_is_told_from_the_names_its_engine_gives(path: str, container: str | None) -> None:
    assert parse_place(path).container == container


def test_where_both_hierarchies_are_mounted_systemds_own_is_read() -> None:
    text = "5:cpu:/\n1:name=systemd:/system.slice/cron.service\n0::/\n"
    assert parse_place(text).unit == "cron.service"


@given(st.text(max_size=200))
def test_any_text_gives_a_place(text: str) -> None:
    assert isinstance(parse_place("0::/" + text), Place)
