"""A desktop on paper: processes with their origins, as a systemd session, a bare one and a terminal start them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from smoothtask_gui.domain.apps import AppGrouper
from smoothtask_gui.domain.description import Application
from smoothtask_gui.domain.origin import Origin
from smoothtask_gui.domain.rates import rates
from smoothtask_gui.domain.sample import ExitedRate, Sample
from tests.fakes.batches import SECOND, batch, process

if TYPE_CHECKING:
    from smoothtask_gui.domain.app import App, Apps

FIREFOX = Application("firefox", "Firefox", "firefox")
USER = "/user.slice/user-1000.slice"
MANAGED = f"{USER}/user@1000.service/app.slice"
SESSION = f"{USER}/session-2.scope"


@dataclass
class Desktop:
    """Processes by pid; `look` gives the sample of the next second, grouped."""

    grouper: AppGrouper = field(default_factory=AppGrouper)
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    origins: list[Origin] = field(default_factory=list)
    now_ns: int = 10_000 * SECOND

    def run(self, pid: int, comm: str, parent: int = 1, **row: Any) -> int:
        """A process without origin: as where /proc doesn't tell (a sandbox, an old recording)."""
        self.rows[pid] = process(pid, comm=comm.encode()[:15], parent_pid=parent, uid=1000) | row
        return pid

    def start(self, pid: int, comm: str, parent: int = 1, *, row: dict[str, Any] | None = None, **origin: Any) -> int:
        """A process with its origin; `row` changes fields of its reading."""
        self.run(pid, comm, parent, **(row or {}))
        self.tell(pid, **origin)
        return pid

    def tell(self, pid: int, **origin: Any) -> None:
        self.origins.append(Origin(pid, self.rows[pid]["start_ns"], **origin))

    def shell(self, pid: int, parent: int, cgroup: str = SESSION) -> int:
        """A shell that a person types into."""
        return self.start(pid, "bash", parent, cgroup=cgroup, session_pid=pid, has_terminal=True)

    def sample(self, *exited: ExitedRate) -> Sample:
        self.now_ns += SECOND
        found = [row for _, row in sorted(self.rows.items())]
        made = rates(batch(self.now_ns - SECOND, *found), batch(self.now_ns, *found))
        assert made is not None
        return Sample(
            **{name: getattr(made, name) for name in Sample.__slots__ if name != "exited"}, exited=tuple(exited)
        )

    def look(self, *exited: ExitedRate) -> Apps:
        self.grouper.learn(self.origins)
        self.origins.clear()
        return self.grouper.group(self.sample(*exited)).apps

    def app(self, pid: int) -> App:
        """The app of a living process."""
        apps = self.look()
        return apps.apps[apps.app_of[sorted(self.rows).index(pid)]]
