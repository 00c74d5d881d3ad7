"""The key that signs a Flatpak repository: gpg's, by its name, in the releaser's keyring or in a folder of its own."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from steps import StepError, logged


@dataclass(frozen=True, slots=True)
class Key:
    """`home`: the folder of its keyring, None for the person's own."""

    name: str
    home: Path | None = None

    def options(self) -> tuple[str, ...]:
        """For the commands of Flatpak that sign."""
        return (f"--gpg-sign={self.name}", *([f"--gpg-homedir={self.home}"] if self.home else []))

    def write_public(self, target: Path) -> Path:
        """The half that people get, as `flatpak remote-add --gpg-import` takes it. StepError if there is none."""
        home = ["--homedir", self.home] if self.home else []
        done = subprocess.run(["gpg", *home, "--batch", "--export", self.name], capture_output=True, check=False)
        if done.returncode or not done.stdout:
            raise StepError(f"gpg has no key {self.name}: {done.stderr.decode(errors='replace').strip()}")
        target.write_bytes(done.stdout)
        return target


def made(home: Path, name: str) -> Key:
    """A key that is made now, and goes with `home`."""
    home.mkdir(mode=0o700, exist_ok=True)
    command = ["gpg", "--homedir", home, "--batch", "--passphrase", "", "--quick-generate-key", name, "ed25519"]
    logged("key", command, f"making a key for {name}")
    return Key(name.partition("<")[2].rstrip(">") or name, home)
