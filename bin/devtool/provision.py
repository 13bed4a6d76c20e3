"""What has to be there before anything runs. Each part does nothing when it is already there."""

from . import browser, databases, odoo_cli, odoo_source, postgres, venv
from .project import locked


def server() -> None:
    """Odoo, its Python environment, its configuration and a running PostgreSQL, but no database."""
    with locked():
        _server()


def everything() -> None:
    """All that `setup` promises."""
    with locked():
        _server()
        browser.provide()
        databases.provide()


def _server() -> None:
    odoo_source.provide()
    venv.provide()
    postgres.start()
    odoo_cli.write_configuration()
