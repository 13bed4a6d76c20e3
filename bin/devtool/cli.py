"""The command line of `bin/dev`."""

import errno
import signal
import sys
from types import FrameType

from . import commands
from .output import DevError, say

_COMMANDS = {
    "setup": (commands.setup, "get Odoo 19, Python packages, PostgreSQL and the template database; seconds when done"),
    "demo": (commands.demo, "simulate a year on demo data, print what the jobs did, serve it: [--no-serve] [--port N]"),
    "test": (commands.test, "the whole suite, or what pytest's own arguments choose, on a copy of the template"),
    "soak": (commands.soak, "the tests that take minutes: kills, outages, whole installations and upgrades"),
    "matrix": (
        commands.test_matrix,
        "the tests in each combination of our addons, alone and together: [COMBINATION...] [--coverage] [-k EXPR]",
    ),
    "scratch": (
        commands.scratch,
        "run a Python file with `env` on a copy of the template: [--keep NAME | --db NAME] FILE",
    ),
    "shell": (commands.shell, "Odoo's shell on a copy of the template, or on a named database: [DB]"),
    "odoo": (commands.odoo, "Odoo's own command line with the project's configuration: ARGUMENTS..."),
    "lint": (
        commands.lint,
        "ruff, prettier, pylint-odoo, mypy, checks of XML and of what Odoo 19 takes silently and wrongly: [--fix]",
    ),
    "mutants": (commands.mutate, "change the code of domain/ bit by bit, and tell what no test notices: [FILE...]"),
    "neighbours": (
        commands.beside_neighbours,
        "Odoo's own tests with and without ours, ours beside other addons: [--short] [MODULE...]",
    ),
    "i18n": (commands.i18n, "write the translation template anew, and bring the languages in line with it"),
    "build": (commands.build, "build the addons as wheels, into .local/dist"),
    "pictures": (commands.take_pictures, "take the pictures of the documentation anew: [--again] [NAME...]"),
    "bench": (commands.bench, "measure speed, and write benchmarks/RESULTS.md: [NAME...] [--quick] [--fsync]"),
    "stop": (commands.stop, "stop the project's PostgreSQL server"),
}


def main() -> int:
    """Run one sub-command; its arguments are its own business, since some hand them on."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help", "help"):
        print(_help())
        return 0
    if name not in _COMMANDS:
        say(f"bin/dev: no sub-command {name!r}\n\n{_help()}")
        return 2
    signal.signal(signal.SIGTERM, _terminate)
    try:
        return _COMMANDS[name][0](arguments) or 0
    except DevError as error:
        say(f"\nbin/dev {name}: {error.problem}\n  Remedy: {error.remedy}")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        say(f"\nbin/dev {name}: the disk is full ({error.filename})\n  Remedy: free some space, then run this again")
    except KeyboardInterrupt:
        return 130
    return 1


def _help() -> str:
    lines = [f"  {name:<10} {text}" for name, (_function, text) in _COMMANDS.items()]
    return "\n".join(["usage: bin/dev COMMAND [ARGUMENTS...]", "", *lines])


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    """Leave through the clean-up code: short-lived databases are dropped, child processes ended."""
    sys.exit(128 + signal.SIGTERM)
