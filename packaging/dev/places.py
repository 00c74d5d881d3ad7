"""Where things lie in the checkout. All of build/ can be thrown away."""

from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
TOOLS = TOP / "packaging" / "dev"
BUILD = TOP / "build"
LOGS = BUILD / "log"
VENV = BUILD / "venv"
PYTHON = VENV / "bin" / "python"
LOCK_FILE = TOP / "requirements" / "dev.txt"
BPF_OBJECTS = BUILD / "bpf"
