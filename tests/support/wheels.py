"""The wheel, built from a copy of the checkout."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from bench.files import CONF

ROOT = Path(CONF).parent
SOURCES = ("bench", "generators", "conf")
FILES = ("pyproject.toml", "scripts/wheel.py", "README.md", "LICENSE")


def built(folder: Path) -> Path:
    """The wheel, in a folder; from a copy: setuptools leaves its folders beside what it builds."""
    copy, out = folder / "source", folder / "wheel"
    for name in SOURCES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "scripts").mkdir()
    for name in FILES:
        shutil.copy(ROOT / name, copy / name)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), str(copy))
    (wheel,) = out.glob("*.whl")
    return wheel


def pip(*arguments: str, python: str = sys.executable, seconds: int = 300) -> None:
    """Run pip, which must succeed."""
    command = [python, "-m", "pip", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
