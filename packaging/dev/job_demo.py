"""./dev demo: start a harmless runaway process and watch the alert come, act, and go.

Rules with a short wait are used (packaging/dev/demo/rules.toml). On a virtual desktop the demo presses Stop itself,
with a mouse click on the notification; on your own display you press it. Exits 1 if the alert doesn't come.
"""

import job_run
import places
import stage


def run(arguments: list[str]) -> int:
    """Tell the story; 1 if a chapter fails."""
    if arguments:
        print("usage: ./dev demo\n" + (__doc__ or "").partition("\n")[2].rstrip())
        return 0 if arguments in (["-h"], ["--help"]) else 2
    where = stage.set_up()
    story = [str(places.PYTHON), "-B", str(places.TOOLS / "demo" / "story.py"), "--logs", str(stage.RUN)]
    if not where.display:
        story += ["--clicks-itself", "--pictures", str(stage.PICTURES)]
    return job_run.attended(where.command(story))
