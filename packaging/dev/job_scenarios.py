"""./dev scenarios [--record | --hidden] [NAME…]: marks of the rules for the recorded situations (laboratory/).

Plays the recordings that ship, in seconds; exits 1 below the targets. With --record the situations happen anew on this
machine, for real and in real time (side by side as far as there are cores: two hours on two), and their recordings are
replaced; needs root or sudo. With --hidden: how often one would blame the wrong side where processes are hidden.
"""

import places
import privilege
import ready
import shared
import steps

LIMIT_S = 4 * 3600


def run(arguments: list[str]) -> int:
    """Judge or record; the laboratory's exit code."""
    if {"-h", "--help"} & set(arguments):
        print(__doc__)
        return 0
    names = [word for word in arguments if word not in ("--record", "--hidden")]
    if "--record" not in arguments:
        ready.ensure(set())
        job = "hidden" if "--hidden" in arguments else "judge"
        return steps.bounded([str(places.PYTHON), "-m", "laboratory", job, *names], LIMIT_S)
    privilege.ask_once()
    ready.ensure({"bpf", "box", "desk", "cc", "lab"})
    return steps.bounded(shared.command([places.PYTHON, "-m", "laboratory", "record", *names]), LIMIT_S)
