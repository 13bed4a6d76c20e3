"""Runs a Python file inside Odoo: `python run_script.py DATABASE LOGFILE FILE [ARGUMENTS]`, with Odoo's own Python.

The file sees `env` (superuser), `self` and `odoo`, as in Odoo's shell, but its exit code is kept: an exception or a
`SystemExit` reaches the caller. Changes that the file does not commit are undone.
"""

import logging
import sys
import threading
from pathlib import Path

import odoo
import odoo.modules.registry
from odoo import api
from odoo.tools import config


def main(database: str, log: str, file: str, *arguments: str) -> None:
    config.parse_config(["-d", database, "--logfile", log, "--no-http", "--max-cron-threads=0"], setup_logging=True)
    logging.captureWarnings(True)
    threading.current_thread().dbname = database
    registry = odoo.modules.registry.Registry(database)
    code = compile(Path(file).read_bytes(), file, "exec")
    sys.argv = [file, *arguments]
    sys.path.insert(0, str(Path(file).resolve().parent))
    with registry.cursor() as cr:
        context = api.Environment(cr, api.SUPERUSER_ID, {})["res.users"].context_get()
        env = api.Environment(cr, api.SUPERUSER_ID, context)
        scope = {"__name__": "__main__", "__file__": file, "env": env, "self": env.user, "odoo": odoo}
        try:
            exec(code, scope)
        finally:
            cr.rollback()


if __name__ == "__main__":
    main(*sys.argv[1:])
