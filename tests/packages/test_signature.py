"""What is installed from our Flatpak repository is what the key's owner signed: judged by Flatpak itself."""

from __future__ import annotations

import shutil
import subprocess
import threading
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.vm.conftest import tool

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from subprocess import CompletedProcess

RECIPE: Final[Any] = tool("recipes.flatpak")
SIGNING: Final[Any] = tool("recipes.signing")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """Ours and somebody else's."""
    folder = tmp_path_factory.mktemp("keys")
    ours, others = (SIGNING.made(folder / who, f"{who} <{who}@example.org>") for who in ("ours", "others"))
    return ours, others


@pytest.fixture(scope="module")
def signed(keys: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository, signed with our key as flatpak-builder does in a release."""
    repository = tmp_path_factory.mktemp("signed") / "repo"
    shutil.copytree(RECIPE.FOLDER / "repo", repository)
    for command in (["build-sign", repository, RECIPE.ID], ["build-update-repo", repository]):
        done = subprocess.run(["flatpak", *command, *keys[0].options()], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return repository


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def served(repository: Path) -> Iterator[str]:
    """As people reach it: what comes over a network is checked, local files are believed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=repository))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def install(folder: Path, repository: Path, key: Any) -> CompletedProcess[str]:
    """Install the app alone into `folder`, trusting `key`; the first step that fails, or the last."""
    surroundings = RECIPE.surroundings() | {"HOME": str(folder), "FLATPAK_USER_DIR": str(folder / "flatpak")}
    public = key.write_public(folder / "key.gpg")
    with served(repository) as address:
        for words in (
            ["remote-add", f"--gpg-import={public}", "ours", address],
            ["install", "-y", "--noninteractive", "--no-deps", "--no-related", "ours", RECIPE.ID],
        ):
            command = ["flatpak", "--user", *words]
            done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
            if done.returncode:
                break
    return done


def installed(folder: Path) -> bool:
    return (folder / "flatpak" / "app" / RECIPE.ID / "current").exists()


def test_who_trusts_our_key_gets_the_app(keys: tuple[Any, Any], signed: Path, tmp_path: Path) -> None:
    done = install(tmp_path, signed, keys[0])
    assert done.returncode == 0, done.stderr
    assert installed(tmp_path)


def test_with_another_key_nothing_is_installed(keys: tuple[Any, Any], signed: Path, tmp_path: Path) -> None:
    done = install(tmp_path, signed, keys[1])
    assert done.returncode != 0
    assert "signature" in done.stderr.lower(), done.stderr
    assert not installed(tmp_path)


def test_without_a_signature_nothing_is_installed(keys: tuple[Any, Any], tmp_path: Path) -> None:
    done = install(tmp_path, RECIPE.FOLDER / "repo", keys[0])
    assert done.returncode != 0
    assert "no summary signatures found" in done.stderr, done.stderr
    assert not installed(tmp_path)


def test_a_repository_that_was_changed_after_it_was_signed_is_refused(
    keys: tuple[Any, Any], signed: Path, tmp_path: Path
) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(signed, changed)
    resident, another = (objects(changed, f"/smoothtask_gui/{name}.py") for name in ("resident", "watchdog"))
    resident.write_bytes(another.read_bytes())
    done = install(tmp_path, changed, keys[0])
    assert done.returncode != 0
    assert "orrupted" in done.stderr or "checksum" in done.stderr.lower(), done.stderr
    assert not installed(tmp_path)


def objects(repository: Path, name: str) -> Path:
    """Where the repository keeps that file of the app: ostree's archive mode."""
    (ref,) = subprocess.run(
        ["ostree", "refs", f"--repo={repository}", "--list", "app"], capture_output=True, text=True, check=True
    ).stdout.split()
    command = ["ostree", "ls", f"--repo={repository}", "-R", "-C", ref]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    (line,) = (line for line in lines if line.endswith(name))
    checksum = line.split()[4]
    return repository / "objects" / checksum[:2] / f"{checksum[2:]}.filez"


def test_a_name_that_gpg_has_no_key_of_is_said(tmp_path: Path) -> None:
    with pytest.raises(tool("steps").StepError, match=r"gpg has no key nobody@example\.org"):
        SIGNING.Key("nobody@example.org", tmp_path).write_public(tmp_path / "key.gpg")
