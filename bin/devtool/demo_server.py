"""Serve the demo database on a local port."""

import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from . import odoo_cli
from .output import DevError, say
from .project import LOGS

_START_SECONDS = 120
_LOG = LOGS / "demo-server.log"


def check_port(port: int) -> None:
    """Fail early: the simulated year takes longer than one wants to wait for this message."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise DevError(f"port {port} cannot be used: {error.strerror}", "choose another with --port N") from error


def serve(database: str, port: int) -> int:
    """Serve until interrupted."""
    try:
        with running(database, port) as server:
            say(f"\nOpen http://127.0.0.1:{port}/odoo")
            say("Log in as admin / admin (all rights) or demo / demo (a user of the sales department).")
            if printing_lack := get_printing_lack():
                say(printing_lack)
            say(f"Odoo's log: {_LOG}. Stop with Ctrl-C.")
            return server.wait()
    except KeyboardInterrupt:
        say("stopping")
        return 0


def get_printing_lack() -> str:
    """What to tell whoever wants to print: Odoo finds the program that makes its PDFs on the PATH."""
    if shutil.which("wkhtmltopdf", path=odoo_cli.environment()["PATH"]):
        return ""
    return (
        "Documents print as web pages, not as PDF, and mails carry none: install Debian's package wkhtmltopdf for it."
    )


@contextmanager
def running(database: str, port: int, *options: str):
    """A server for as long as the block lasts. It has a session of its own: it stops because we tell it, once."""
    arguments = ["-d", database, "--db-filter", f"^{database}$", "--http-port", str(port), "--logfile", str(_LOG)]
    command = odoo_cli.command(["server", *arguments, *options])
    with subprocess.Popen(command, env=odoo_cli.environment(), start_new_session=True) as server:
        try:
            _wait_until_open(server, port, _LOG)
            yield server
        finally:
            server.terminate()


def _wait_until_open(server: subprocess.Popen, port: int, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise DevError("the demo server does not answer", f"mend what {log} tells")
