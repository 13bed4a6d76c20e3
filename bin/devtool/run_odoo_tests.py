"""Runs Odoo's own tests with Odoo's own runner and Python: `python run_odoo_tests.py DATABASE LOGFILE ORDER RESULT`.

ORDER and RESULT are files. The order: `modules`; `http`, whether tests that need a browser or a server are wanted;
`names`, only what is called so, be it files, classes or tests (all when empty); `part` of `parts`, when several
processes share the work by file. The result: `count`, how many ran, and `failed`, the traceback of each by its name; a
class that could not be set up fails by its own.

All run on the whole registry, *at_install* ones too: what matters is whether the addon changes their outcome.
"""

import json
import logging
import re
import socket
import sys
import threading
from pathlib import Path

import odoo.http
import odoo.modules.registry
import odoo.tests.result
from odoo import api
from odoo.service import server
from odoo.tests import HttpCase, loader
from odoo.tests.result import OdooTestResult
from odoo.tests.suite import OdooSuite
from odoo.tools import config

_OF_CLASS = re.compile(r"(?:setUpClass|tearDownClass) \((.+)\)")


class Result(OdooTestResult):
    """Remembers what failed, which Odoo's only logs and counts."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.failed = {}

    def logError(self, flavour, test, error):  # noqa: N802 - Odoo's name
        super().logError(flavour, test, error)
        self.failed.setdefault(get_name(test), self._exc_info_to_string(error, test))


def get_name(test) -> str:
    """The name of a test, of the one that a subtest belongs to, or of the class of which the set-up failed."""
    name = getattr(test, "test_case", test).id()
    of_class = _OF_CLASS.fullmatch(name)
    return of_class.group(1) if of_class else name


def main(database: str, log: str, order: str, result: str) -> None:
    order = json.loads(Path(order).read_text())
    load(database, log)
    tests = choose(**order)
    serve(database, any(isinstance(test, HttpCase) for test in tests))
    outcome = Result()
    OdooSuite(tests)(outcome)
    server.server.httpd.shutdown()
    Path(result).write_text(json.dumps({"count": outcome.testsRun, "failed": outcome.failed}))


def load(database: str, log: str) -> None:
    """Odoo as it is when it tests, except that it does not begin by itself as soon as the registry is there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["-d", database, "--logfile", log, f"--http-port={port}", "--max-cron-threads=0", "--log-level=warn"]
    config.parse_config([*options, f"--db-filter=^{database}$"], setup_logging=True)
    logging.captureWarnings(True)
    odoo.tests.result.ODOO_TEST_MAX_FAILED_TESTS = sys.maxsize
    threading.current_thread().dbname = database
    threading.current_thread().testing = True
    server.load_server_wide_modules()
    odoo.modules.registry.Registry(database)
    config["test_enable"] = True


def serve(database: str, is_asked: bool) -> None:
    """Answer the requests that tests make of themselves."""
    if is_asked:
        with odoo.modules.registry.Registry(database).cursor() as cr:
            api.Environment(cr, api.SUPERUSER_ID, {})["ir.qweb"]._pregenerate_assets_bundles()
    server.server = server.ThreadedServer(odoo.http.root)
    server.server.http_spawn()


def choose(modules: list[str], http: bool, names: list[str], part: int, parts: int) -> list:
    """The tests, in the order in which Odoo runs them."""
    config["test_tags"] = ",".join(f"/{module}" for module in modules)
    found = [*loader.make_suite(modules, "at_install"), *loader.make_suite(modules, "post_install")]
    wanted = [test for test in found if (http or not isinstance(test, HttpCase)) and is_called(test, names)]
    files = sorted({test.__module__ for test in wanted})[part::parts]
    return [test for test in wanted if test.__module__ in files]


def is_called(test, names: list[str]) -> bool:
    return not names or any(f"{test.id()}.".startswith(f"{name}.") for name in names)


if __name__ == "__main__":
    main(*sys.argv[1:])
