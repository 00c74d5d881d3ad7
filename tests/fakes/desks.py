"""A desk with a clock, and the changes that a hot machine and a busy app give it."""

from smoothtask_gui.domain.changes import Draft, Fired, Key, Resolved, Updated
from smoothtask_gui.domain.choices import Scope, ScopeKind
from smoothtask_gui.domain.desk import Desk
from smoothtask_gui.domain.effects import Effect
from smoothtask_gui.domain.incident import (
    Action,
    Deed,
    ProcessIdentity,
    Severity,
    Share,
)
from tests.fakes.batches import SECOND

CODER = ProcessIdentity(7, 100, 1000, "HandBrakeCLI")
FOX = ProcessIdentity(8, 100, 1000, "firefox")
HEAT: Key = ("overheating", "cpu")
BUSY: Key = ("runaway", "7:100")
EPOCH = 1_700_000_000 * SECOND
ALL = Scope(ScopeKind.EVERYTHING)


def heat(*who: ProcessIdentity, severity: Severity = Severity.WARNING, title: str = "CPU at 96 °C") -> Draft:
    shares = tuple(Share(each.comm, 0.7 / (at + 1), each) for at, each in enumerate(who))
    actions = (Action.SHOW, *([Action.STOP] if who else []), Action.SNOOZE)
    return Draft(
        severity, title, "HandBrakeCLI 71 %.\nIts critical limit is 100 °C.", "coretemp/Package", 96.0, 100.0,
        shares, 0.29, "estimated from CPU time", actions, who[0].comm if who else "",
    )  # fmt: skip


def busy(who: ProcessIdentity = CODER, severity: Severity = Severity.WARNING) -> Draft:
    actions = (Action.SHOW, Action.STOP, Action.SNOOZE)
    title = f"{who.comm} has used 3 cores for 1 min"
    return Draft(severity, title, "Started by bash.", f"{who.pid}:{who.start_ns}", 3.0, 0.9,
                 (Share(who.comm, 0.9, who),), 0.1, "estimated from CPU time", actions)  # fmt: skip


def cooled(after: str = "2 min 10 s") -> Resolved:
    return Resolved(HEAT, f"CPU cooled down to 71 °C after {after}", fact="CPU cooled down to 71 °C")


def calm(who: ProcessIdentity = CODER) -> Resolved:
    return Resolved(busy_key(who), f"{who.comm} calmed down after 2 min", fact=f"{who.comm} calmed down")


def busy_key(who: ProcessIdentity) -> Key:
    return ("runaway", f"{who.pid}:{who.start_ns}")


class Table:
    """A desk and its clock."""

    def __init__(self, per_hour: int = 12) -> None:
        self.desk = Desk(per_hour, 1)
        self.now_ns = 100 * SECOND

    @property
    def realtime_ns(self) -> int:
        return EPOCH + self.now_ns

    def apply(self, *changes: Fired | Updated | Resolved, after_s: int = 1) -> tuple[Effect, ...]:
        self.now_ns += after_s * SECOND
        return self.desk.apply(changes, self.now_ns, self.realtime_ns)

    def fire(self, key: Key, draft: Draft) -> tuple[Effect, ...]:
        return self.apply(Fired(key, draft, self.now_ns))

    def snooze(self, scope: Scope, seconds: int) -> tuple[Effect, ...]:
        return self.desk.snooze(scope, self.now_ns + seconds * SECOND, self.now_ns, self.realtime_ns)

    def wake(self, after_s: int) -> tuple[Effect, ...]:
        self.now_ns += after_s * SECOND
        return self.desk.wake(self.now_ns, self.realtime_ns)

    def deed(self, action: Action, *, succeeded: bool = True, target: str = "HandBrakeCLI") -> Deed:
        return Deed(self.realtime_ns, "you", action, target, f"{target} was dealt with.", succeeded)
