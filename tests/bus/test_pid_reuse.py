"""A number that is another's by the time Control acts never gets that other one a signal."""

import json
import subprocess
import sys

from tests.bus.boxes import HERE, ROOT

ROUNDS = 1000


def test_in_1000_rounds_with_scarce_pids_no_other_process_is_signalled() -> None:
    """Half of them reuse the number before the call, half while polkit is asked."""
    box = [
        sys.executable, str(ROOT / "packaging" / "dev" / "box.py"), "--no-polkit", "--uid", "0", "--session", "none",
        "--control-argument=--most-actions", "--control-argument=1000000",
    ]  # fmt: skip
    inside = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    done = subprocess.run(
        [*inside, *box, "--", sys.executable, str(HERE / "reuse.py"), str(ROUNDS)],
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == {"told": {"Gone": ROUNDS}, "touched": 0}
