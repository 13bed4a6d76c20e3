"""Debian packages by the machine's own settings."""

from .output import DevError, run_logged
from .project import LOGS


def install(*packages: str) -> None:
    """Install as root; package lists are fetched only when the first try fails, as it does where there are none."""
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    remedy = f"install {' '.join(packages)} by hand, then run this again"
    try:
        run_logged(command, LOGS / "apt.log", remedy, env)
    except DevError:
        run_logged(["apt-get", "update"], LOGS / "apt.log", remedy, env)
        run_logged(command, LOGS / "apt.log", remedy, env)
