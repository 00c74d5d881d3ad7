"""A box (packaging/dev/box.py) for the benchmarks: real bus, real polkitd, the sampler as its own user."""

import json
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

TOP = Path(__file__).parents[1]
TOOLS = TOP / "packaging" / "dev"
FIRST_UID = 59101
PATIENCE_S = 30
ALL_KINDS, OTHERS_IN_FULL = 0b1111, 1 << 16  # enum st_kinds, bpf/records.h
DEFAULT_KINDS = 0b11_0111_1111  # all but the opt-in ones
SEE_ALL_RULE = "polkit.addRule(function(action) { if (/monitor-others$/.test(action.id)) return polkit.Result.YES; });"


class Clients:
    """Stream clients of one user in a box (benchmarks/clients.py), reading until `end`."""

    def __init__(self, command: list[str]) -> None:
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=TOP)

    def opened(self) -> dict[str, Any]:
        """What it says once each of its streams has had its first batch: sampler_pid, first_batch_ms."""
        assert self._process.stdout is not None
        said = select.poll()  # select(2) takes no descriptor above 1023, and a benchmark may hold thousands
        said.register(self._process.stdout, select.POLLIN)
        line = self._process.stdout.readline() if said.poll(PATIENCE_S * 1000) else ""
        if not line:
            self._process.terminate()
            raise RuntimeError(f"the stream clients ended early (exit {self._process.wait()})")
        return dict(json.loads(line))

    def end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(20)


class Box:
    """A held box; a context manager."""

    def __enter__(self) -> Self:
        sys.path.insert(0, str(TOOLS))
        from box import HeldBox

        self._held = HeldBox()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def users(self, count: int) -> list[str]:
        """That many accounts more, in the box's own copy of passwd."""
        names = [f"reader{number}" for number in range(count)]
        lines = "".join(f"{name}:x:{FIRST_UID + n}:{FIRST_UID + n}::/tmp:/bin/sh\n" for n, name in enumerate(names))
        adding = self._held.command("sh", "-c", f"printf '{lines}' >>/etc/passwd", user="root", session="none")
        subprocess.run(adding, check=True)
        return names

    def command(self, *words: str | Path, user: str = "alice") -> list[str]:
        """The words, to be run in the box as this user in an active session."""
        return list(self._held.command(*map(str, words), user=user))

    def run(self, *words: str | Path, user: str = "alice") -> str:
        """Run to the end; what it printed."""
        return subprocess.run(self.command(*words, user=user), check=True, stdout=subprocess.PIPE, text=True).stdout

    def let_everybody_see_all(self) -> None:
        """A polkit rule, in the box's own rules folder, that grants monitor-others."""
        shell = f"cat >/etc/polkit-1/rules.d/50-bench.rules <<'END'\n{SEE_ALL_RULE}\nEND"
        subprocess.run(self._held.command("sh", "-c", shell, user="root", session="none"), check=True)

    @contextmanager
    def clients(
        self, streams: int = 1, period_ms: int = 1000, user: str = "alice", kinds: int = ALL_KINDS
    ) -> Iterator[dict[str, Any]]:
        """Streams of one user, being read; yields what Clients.opened says."""
        words = [sys.executable, "-m", "benchmarks.clients", str(streams), str(period_ms), str(kinds)]
        clients = Clients(self.command(*words, user=user))
        try:
            yield clients.opened()
        finally:
            clients.end()
