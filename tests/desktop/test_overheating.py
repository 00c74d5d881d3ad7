"""Overheating on a real desktop; no machine is heated for it, a recording is."""

from pathlib import Path

from smoothtask_gui.sources.recording import RecordingWriter
from tests.desktop.conftest import Scene
from tests.fakes.batches import Machine

RULES = "[overheating]\nfor_s = 1.0\nkeep_firing_for_s = 1.0\n[runaway]\nenabled = false\n"
TICK_S = 0.5


def rising(path: Path) -> None:
    """A machine that HandBrakeCLI heats to 96 °C of 100, recorded at two ticks a second."""
    machine = Machine(cpus=4)
    for name, cores in (("HandBrakeCLI", 2.8), ("firefox", 0.5), ("node", 0.2), ("sshd", 0.1)):
        machine.start(name, cores)
    with RecordingWriter(path, int(TICK_S * 1000), "test") as writer:
        for temperature_c in (60.0, 65.0, 70.0, 75.0, 80.0, 85.0, 90.0, 93.0, *(96.0,) * 8):
            machine.hot(temperature_c)
            writer.write(machine.tick(TICK_S))


def test_overheating_names_the_three_who_used_the_cpu_with_their_shares(scene: Scene) -> None:
    rising(scene.folder / "hot.rec")
    scene.rules.write_text(RULES)
    scene.start_app("--hidden", "--source", f"recording:{scene.folder / 'hot.rec'}")
    hot = r'string "CPU at 96 °C: HandBrakeCLI is heating it".*HandBrakeCLI 78 %, firefox 14 %, node 6 %, the rest 3 %'
    scene.until(lambda: scene.notified(hot), "the notification names them")
    scene.until(scene.notification, "it is on the screen")
    scene.picture("notification-overheating")
