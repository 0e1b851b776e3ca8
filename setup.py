"""What `pyproject.toml` cannot say: a wheel carries `conf/` as `bench/_conf`."""

from pathlib import Path
from shutil import copytree, rmtree

from setuptools import setup
from setuptools.command.build_py import build_py


class WithConf(build_py):
    """Copies the configs, which lie beside the packages; an editable install reads them there."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "bench", "_conf")
            rmtree(target, ignore_errors=True)  # a config that is gone stays gone
            copytree("conf", target)


setup(cmdclass={"build_py": WithConf})
