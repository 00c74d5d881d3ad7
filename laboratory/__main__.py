"""python -m laboratory [judge|record|hidden] [NAME…]; `./dev scenarios` is the door.

judge: marks for the recordings that ship; exits 1 below the targets. record: makes them anew; needs root. hidden: how
often one would blame the wrong side where processes are hidden.
"""

from __future__ import annotations

import os
import sys
from typing import Final

from laboratory import score
from laboratory.hidden import weigh
from laboratory.judge import mark_all
from laboratory.keeping import MOST_BYTES, all_bytes, kept
from laboratory.lanes import side_by_side
from laboratory.record import RecordError, record
from laboratory.situation import Situation, SituationError, read_situations
from smoothtask_gui.domain.rules import RulesError
from smoothtask_gui.sources.recording import RecordingError

CORES: Final = len(os.sched_getaffinity(0))


def main(words: list[str]) -> int:
    """Returns the exit code: 0 done, 1 below the targets or broken, 2 wrong usage."""
    job, *names = words or ["judge"]
    try:
        situations = read_situations()
        if unknown := set(names) - {each.name for each in situations}:
            print(f"there is no situation {min(unknown)!r}; there are {', '.join(e.name for e in situations)}")
            return 2
        chosen = [each for each in situations if not names or each.name in names]
        if job == "hidden":
            print(weigh([each.name for each in chosen if kept(each.name).exists()], CORES))
            return 0
        return record_all(chosen) if job == "record" else judge_all(chosen)
    except (SituationError, RecordError, RecordingError, RulesError, OSError) as error:
        print(f"laboratory: {error}", file=sys.stderr)
        return 1


def record_all(situations: list[Situation]) -> int:
    """Make the recordings, side by side where the machine has the cores; those that fail are named at the end."""

    def record_one(situation: Situation) -> int:
        print(f"{situation.name}: {situation.says} ({situation.seconds} s)", flush=True)
        octets = record(situation)
        print(f"{situation.name}: {octets / 1e3:.0f} kB", flush=True)
        return octets

    failed = side_by_side(situations, CORES, record_one)
    for message in failed:
        print(f"laboratory: {message}", file=sys.stderr)
    total = all_bytes()
    print(f"{total / 1e6:.1f} MB in all recordings, at most {MOST_BYTES / 1e6:.1f}")
    return 1 if failed or total > MOST_BYTES else 0


def judge_all(situations: list[Situation]) -> int:
    """Play what is recorded; a situation without a recording counts as a failure."""
    unrecorded = [each.name for each in situations if not kept(each.name).exists()]
    marks = mark_all([each for each in situations if each.name not in unrecorded], CORES)
    if marks:
        print(score.table(marks))
        print(f"\n{score.summary(score.add_up(marks))}")
    found = score.add_up(marks)
    missed = [*score.shortfalls(found), *score.too_slow(found), *(f"{name} isn't recorded" for name in unrecorded)]
    if missed:
        print("\nbelow the targets: " + "; ".join(missed))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
