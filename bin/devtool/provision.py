"""What has to be there before anything runs. Each part does nothing when it is already there."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from . import browser, databases, oca, odoo_cli, odoo_source, postgres, venv
from .project import locked


def server() -> None:
    """Odoo, its Python environment, its configuration and a running PostgreSQL, but no database."""
    with locked():
        _server()


def everything() -> None:
    """All that `setup` promises."""
    with locked():
        _server()
        together(browser.provide, databases.provide)


def _server() -> None:
    together(odoo_source.provide, _packages)
    postgres.start()
    odoo_cli.write_configuration()


def _packages() -> None:
    venv.provide()
    oca.provide()


def together(*parts: Callable) -> None:
    """Run parts at the same time: they mostly wait for the network, and a bare machine has two of each to do."""
    with ThreadPoolExecutor() as pool:
        for running in [pool.submit(part) for part in parts]:
            running.result()
