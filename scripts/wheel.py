"""Build step that puts `conf/`, which lies beside the packages, into a wheel as `bench/_conf`."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree, rmtree

from setuptools.command.build_py import build_py

CONF = Path("conf")


class WithConf(build_py):
    """Copies the configs into what is built; an editable install reads them where they lie."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "bench", "_conf")
            rmtree(target, ignore_errors=True)  # a config that is gone stays gone
            copytree(CONF, target)

    def get_source_files(self) -> list[str]:
        """What a source distribution must hold for a wheel to be built from it."""
        configs = [str(path) for path in sorted(CONF.rglob("*.yaml"))]
        return [*super().get_source_files(), *configs, "scripts/wheel.py"]
