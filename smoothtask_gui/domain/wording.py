"""What a person reads: titles of at most 60 characters (the fact and a name), bodies of at most two lines (evidence).

Plain text. Names come in already safe (`naming.process_name`, `text.safe_text`); here they are only shortened, in the
middle, so that the fact always stays whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from smoothtask_gui.domain.culprit import BLAME_CORES, HIDDEN
from smoothtask_gui.domain.incident import Action
from smoothtask_gui.domain.text import celsius, duration, elide, percent, size

if TYPE_CHECKING:
    from smoothtask_gui.domain.culprit import Culprits
    from smoothtask_gui.domain.heat import Heat
    from smoothtask_gui.domain.incident import Deed, Share

TITLE_WIDTH: Final = 60
_MINUTE_NS: Final = 60_000_000_000
_NAME_WIDTH: Final = 24
_BODY_LINES: Final = 2
_ALSO_MOST: Final = 2
_DONE: Final = {Action.PAUSE: "paused", Action.LIMIT: "limited", Action.STOP: "stopped"}
GPU_WORTH_A_WORD: Final = 0.05
WORTH_A_WORD: Final = 0.005
"""What would be shown as less than a percent isn't shown beside others; it is in the rest."""


def titled(template: str, name: str) -> str:
    """`template` with {name} in it, the name shortened until the whole fits a title."""
    room = TITLE_WIDTH - len(template.replace("{name}", ""))
    return elide(template.replace("{name}", elide(name, max(4, room))), TITLE_WIDTH)


def heat_title(heat: Heat, culprits: Culprits | None) -> str:
    """As in "CPU at 96 °C: HandBrake is heating it"; `culprits` is None where CPU time is no evidence (a disk)."""
    fact = _heat_fact(heat)
    if culprits is None:
        return titled("{name}" + fact.removeprefix(heat.name) + _limit_remark(heat), heat.name)
    if culprits.blamed is not None:
        are = "are" if culprits.blamed.app_id == HIDDEN.app_id else "is"
        return titled(f"{fact}: {{name}} {are} heating it", culprits.blamed.name)
    if culprits.busy_cores is None:
        return elide(fact + _limit_remark(heat), TITLE_WIDTH)
    if culprits.busy_cores < BLAME_CORES:
        return elide(f"{fact} though hardly busy", TITLE_WIDTH)
    return elide(f"{fact}: no single app stands out", TITLE_WIDTH)


def heat_body(heat: Heat, culprits: Culprits | None, throttled_ns: int | None) -> str:
    """Who used the CPU on the first line, limit and throttling on the second."""
    second = []
    if heat.limit_c is not None:
        second.append(_limit_sentence(heat.limit_name, heat.limit_c))
    if throttled_ns is not None:
        second.append("It is being throttled." if throttled_ns < 1e9 else f"Throttled for {duration(throttled_ns)}.")
    first = "" if culprits is None else shares_line(culprits)
    return "\n".join(line for line in (first, " ".join(second)) if line)


def heat_resolved_title(heat: Heat | None, name: str, lasted_ns: int, *, unknown: bool) -> str:
    if unknown:
        return titled("{name}: its temperature can't be read any more", name)
    return titled(f"{{name}}{_cooled(heat)} after {duration(lasted_ns)}", name)


def heat_resolved_fact(heat: Heat | None, name: str) -> str:
    return titled("{name}" + _cooled(heat), name)


def shares_line(culprits: Culprits) -> str:
    """As in "HandBrake 71 %, the rest 29 % of CPU use in the last minute (estimated from CPU time)."."""
    if culprits.busy_cores is None:
        return "Who used the CPU isn't known yet."
    first, *others = culprits.shares or (None,)
    told = [share for share in (first, *others) if share is not None and (share is first or _counts(share))]
    named = [f"{elide(share.name, _NAME_WIDTH)} {percent(share.ratio)}{_gpu(share)}" for share in told]
    if culprits.rest_ratio is not None and culprits.rest_ratio >= WORTH_A_WORD:
        named.append(f"the rest {percent(culprits.rest_ratio)}")
    if not named:
        return "The CPU was idle."
    span = "minute" if culprits.window_ns >= 0.9 * _MINUTE_NS else duration(culprits.window_ns)
    what = "CPU energy" if culprits.method.is_of_energy else "CPU use"
    return begun(f"{', '.join(named)} of {what} in the last {span} ({culprits.method}).")


def begun(sentence: str) -> str:
    """The sentence with a capital where it begins with words of ours; names of apps stay as they are written."""
    return sentence[:1].upper() + sentence[1:] if sentence.startswith(HIDDEN.name) else sentence


def also_line(body: str, others: list[str]) -> str:
    """`body` with the titles of the incident's other alerts, still within two lines."""
    if not others:
        return body
    also = "Also: " + "; ".join(others[:_ALSO_MOST])
    also += f"; {len(others) - _ALSO_MOST} more." if len(others) > _ALSO_MOST else "."
    lines = [line for line in body.split("\n") if line]
    if len(lines) < _BODY_LINES:
        return "\n".join([*lines, also])
    return "\n".join([*lines[: _BODY_LINES - 1], f"{lines[_BODY_LINES - 1]} {also}"])


def below_line(first: str, body: str) -> str:
    """`first` above the evidence, within two lines."""
    return "\n".join([first, *body.split("\n")[: _BODY_LINES - 1]])


def took_sentence(lasted_ns: int) -> str:
    return f"It took {duration(lasted_ns)}."


def expected_title(name: str) -> str:
    """The end of an incident that the person called normal."""
    return titled("You expect this of {name}", name)


def resolved_after_deed(fact: str, deed: Deed, lasted_ns: int) -> str:
    """As in "CPU cooled down to 71 °C after x264 was paused (2 min 10 s)"; a long name leaves no room for the time."""
    after = f"{fact} after {{name}} was {_DONE[deed.action]}"
    whom = "it" if deed.target in fact else deed.target
    took = f" ({duration(lasted_ns)})"
    fits = len(after) - len("{name}") + len(whom) + len(took) <= TITLE_WIDTH
    return titled(after + took if fits else after, whom)


def oom_title(name: str, rss_bytes: int) -> str:
    return titled(f"The kernel stopped {{name}} to free memory ({size(rss_bytes)})", name)


def oom_body(app: str) -> str:
    """`app` is whose process it was, "" where its own name says that."""
    whose = f"It belonged to {elide(app, _NAME_WIDTH)}. " if app else ""
    return f"Memory had run out. {whose}What wasn't saved is lost."


def _heat_fact(heat: Heat) -> str:
    at = "" if heat.temperature_c is None else f" at {celsius(heat.temperature_c)}"
    if heat.throttled and not heat.is_over:
        return f"{heat.name} throttled{at}"
    return f"{heat.name}{at or ' is too hot'}"


def _cooled(heat: Heat | None) -> str:
    if heat is None or heat.temperature_c is None:
        return " cooled down"
    return f" cooled down to {celsius(heat.temperature_c)}"


def _limit_remark(heat: Heat) -> str:
    return "" if heat.limit_c is None else f", {heat.limit_name} {celsius(heat.limit_c)}"


def _limit_sentence(name: str, limit_c: float) -> str:
    """Whose limit it is: the driver's ("Its critical limit is 100 °C."), or the person's own ("Its own limit …")."""
    if name.startswith("limit set"):
        return f"The {name} is {celsius(limit_c)}; its driver gives none."
    return f"Its {name} is {celsius(limit_c)}."


def _counts(share: Share) -> bool:
    return share.ratio >= WORTH_A_WORD or bool(_gpu(share))


def _gpu(share: Share) -> str:
    """What it uses of the graphics card beside the processor, where that is worth a word."""
    worth_it = share.gpu_ratio is not None and share.gpu_ratio >= GPU_WORTH_A_WORD
    return f" (GPU {percent(share.gpu_ratio or 0.0)})" if worth_it else ""
