"""A box whose root has a password, and scripted polkit agents in alice's session that answer its prompts."""

import subprocess
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).with_name("agent.py")


class Agents:
    """`held` is the box (packaging/dev/box.py). One agent answers at a time: `answer` ends the one before."""

    password = "correct horse"

    def __init__(self, held: Any) -> None:
        self._held = held
        self._agents: list[subprocess.Popen[str]] = []
        made = subprocess.run(
            ["openssl", "passwd", "-6", "-stdin"], input=self.password, capture_output=True, text=True, check=True
        )
        shadow = held.path("/etc/shadow")
        lines = [f"root:{made.stdout.strip()}:19000:0:99999:7:::"]
        lines += [line for line in shadow.read_text().splitlines() if not line.startswith("root:")]
        shadow.write_text("\n".join([*lines, ""]))
        script = held.path(f"/run/dbus/box/{SCRIPT.name}")
        script.write_text(SCRIPT.read_text())
        script.chmod(0o644)

    def answer(self, mode: str) -> subprocess.Popen[str]:
        """From now on prompts are answered so (agent.py); the agent's output tells what they showed."""
        self.close()
        uid = self._held.path("/etc/passwd").read_text().split("alice:x:")[1].split(":")[0]
        words = [self._held.python, "-I", f"/run/dbus/box/{SCRIPT.name}", f"box{self._held.pid}x{uid}active", mode]
        agent = subprocess.Popen(self._held.command(*words, self.password), stdout=subprocess.PIPE, text=True)
        self._agents.append(agent)
        assert agent.stdout is not None
        assert agent.stdout.readline() == "ready\n"
        return agent

    def close(self) -> None:
        for agent in self._agents:
            agent.kill()
            agent.communicate()
        self._agents.clear()
