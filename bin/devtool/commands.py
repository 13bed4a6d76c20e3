"""The sub-commands of `bin/dev`: each takes its arguments and returns an exit code (nothing is 0)."""

import argparse
import os
import subprocess
from pathlib import Path

from . import (
    browser,
    checks,
    databases,
    demo_server,
    matrix,
    mutants,
    neighbours,
    odoo_cli,
    pictures,
    postgres,
    provision,
    venv,
    wheels,
)
from .output import DevError, say
from .project import DEMO_DB, DOMAIN_TESTS, LOCAL, ROOT, TEMPLATE_DB, addons, glue_addons, locked, main_addons

_NO_TESTS_COLLECTED = 5
# The whole suite on all processors, the tests of a file together; each worker on a copy of the database.
_IN_PARALLEL = ["--numprocesses=auto", "--dist=loadfile", "--no-loadscope-reorder"]
_SUITE = ["-m", "not soak", *_IN_PARALLEL]
_SOAK = ["-m", "soak", *_IN_PARALLEL]


def setup(arguments: list[str]) -> None:
    """Everything that the other sub-commands need."""
    _parser("setup").parse_args(arguments)
    provision.everything()
    say(f"ready: PostgreSQL on {postgres.socket_dir()}; Odoo is run with `bin/dev odoo`")


def test(arguments: list[str]) -> int:
    """pytest-odoo on a copy of the template, or of the database of a glue addon. Its own HTTP port is a free one.

    The tests of the core without Odoo, asked for alone, run without a database.
    """
    if _are_of_domain(arguments):
        return _test_domain(arguments)
    provision.everything()
    glue = [addon for addon in glue_addons() if any(argument.startswith(addon.name) for argument in arguments)]
    source = databases.provide_glue(glue[0]) if glue else TEMPLATE_DB
    if not browser.installed():
        say("   no Chromium: browser tours are skipped")
    with databases.short_lived("test", source=source) as name:
        options = ["--odoo-http", f"--odoo-database={name}", "--odoo-log-level=warn"]
        command = [venv.PYTHON, "-m", "pytest", *options, *(arguments or _SUITE)]
        environment = odoo_cli.environment() | {"HYPOTHESIS_STORAGE_DIRECTORY": str(LOCAL / "hypothesis")}
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
    no_tests_yet = code == _NO_TESTS_COLLECTED and not any(addon.glob("tests/**/test_*.py") for addon in addons())
    return 0 if no_tests_yet else code


def soak(arguments: list[str]) -> int:
    """The tests that take minutes: kills and outages, real servers, whole installations and upgrades."""
    _parser("soak").parse_args(arguments)
    return test(_SOAK)


def _are_of_domain(arguments: list[str]) -> bool:
    """Whether the paths among pytest's arguments, one at least, are all tests of the core without Odoo."""
    paths = [ROOT / argument.split("::")[0] for argument in arguments if not argument.startswith("-")]
    paths = [path for path in paths if path.exists()]
    return bool(paths) and all(path.resolve().is_relative_to(DOMAIN_TESTS) for path in paths)


def _test_domain(arguments: list[str]) -> int:
    """Plain pytest, that looks at nothing of the addon around these tests."""
    with locked():
        venv.provide()
    options = ["-p", "no:odoo", f"--confcutdir={DOMAIN_TESTS}"]
    return subprocess.run([venv.PYTHON, "-m", "pytest", *options, *arguments], cwd=ROOT, check=False).returncode


def mutate(arguments: list[str]) -> int:
    """Mutation testing of the core without Odoo."""
    parser = _parser("mutants")
    parser.add_argument("files", nargs="*", metavar="FILE", help="which files of domain/, by name; all without it")
    return mutants.run(parser.parse_args(arguments).files)


def test_matrix(arguments: list[str]) -> int:
    """The tests that take less than ten seconds, or what pytest's options choose, in each combination of addons."""
    parser = _parser("matrix")
    parser.add_argument("names", nargs="*", metavar="COMBINATION", help=f"of {', '.join(matrix.combinations())}")
    parser.add_argument("--coverage", action="store_true", help="tell what the tests run, also in .local/coverage")
    parser.add_argument("-k", metavar="EXPRESSION", help="pytest's: tests whose names match")
    options = parser.parse_args(arguments)
    provision.everything()
    chosen = ["-k", options.k] if options.k else ["-m", "not slow and not soak", *_IN_PARALLEL]
    return matrix.run(options.names, options.coverage, chosen)


def beside_neighbours(arguments: list[str]) -> int:
    """Our addon together with the rest of Odoo."""
    parser = _parser("neighbours")
    parser.add_argument("--short", action="store_true", help="without browser, and of Odoo's tests the nearest only")
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="only Odoo's own tests of these")
    options = parser.parse_args(arguments)
    provision.everything()
    return neighbours.run(options.modules, options.short)


def scratch(arguments: list[str]) -> int:
    """A Python file in an Odoo environment; its exit code is ours."""
    parser = _parser("scratch")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--keep", metavar="NAME", help="keep the copy of the template under this name")
    where.add_argument("--db", metavar="NAME", help="run on this database instead of a copy of the template")
    parser.add_argument("file", type=Path)
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="handed to the file in sys.argv")
    options = parser.parse_args(arguments)
    if not options.file.is_file():
        raise DevError(f"no file {options.file}", "give the path of a Python file")
    if options.db:
        provision.server()
        _check_exists(options.db)
        return databases.run_script(options.db, options.file, *options.arguments)
    provision.everything()
    with databases.short_lived("scratch", options.keep) as name:
        return databases.run_script(name, options.file, *options.arguments)


def shell(arguments: list[str]) -> int:
    """Odoo's interactive shell."""
    parser = _parser("shell")
    parser.add_argument("database", nargs="?", help="an existing database; a copy of the template without it")
    options = parser.parse_args(arguments)
    if options.database:
        provision.server()
        _check_exists(options.database)
        odoo_cli.replace_process(["shell", "-d", options.database])
    provision.everything()
    with databases.short_lived("shell") as name:
        command = odoo_cli.command(["shell", "-d", name])
        return subprocess.run(command, env=odoo_cli.environment(), check=False).returncode


def odoo(arguments: list[str]) -> None:
    """Odoo's own command line; this process becomes Odoo."""
    provision.server()
    odoo_cli.replace_process(arguments)


def lint(arguments: list[str]) -> int:
    """All checks, also when an early one fails."""
    parser = _parser("lint")
    parser.add_argument("--fix", action="store_true", help="first mend what the tools can mend by themselves")
    options = parser.parse_args(arguments)
    with locked():
        venv.provide()
    return (options.fix and checks.fix()) or checks.run()


def demo(arguments: list[str]) -> int:
    """The main job in one command."""
    parser = _parser("demo")
    parser.add_argument("--no-serve", action="store_true", help="stop after the table")
    parser.add_argument("--port", type=int, default=8069, help="where to serve (default: %(default)s)")
    options = parser.parse_args(arguments)
    if not options.no_serve:
        demo_server.check_port(options.port)
    provision.server()
    if not addons():
        raise DevError("there is no addon to show", "add the addon continuity_program")
    databases.make_demo()
    code = databases.run_script(DEMO_DB, databases.HERE / "simulate_year.py")
    if code or options.no_serve:
        return code
    return demo_server.serve(DEMO_DB, options.port)


def take_pictures(arguments: list[str]) -> int:
    """The pictures in docs/images, from a demo database of their own."""
    parser = _parser("pictures")
    parser.add_argument("--again", action="store_true", help="use the database of the last time, as it is")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which pictures, by file name; all without it")
    options = parser.parse_args(arguments)
    return pictures.make(options.names, options.again)


def i18n(arguments: list[str]) -> int:
    """The translation template, and the languages with the terms of it."""
    _parser("i18n").parse_args(arguments)
    provision.everything()
    code = 0
    for source, exported in (
        (TEMPLATE_DB, main_addons()),
        *((databases.provide_glue(addon), [addon]) for addon in glue_addons()),
    ):
        with databases.short_lived("i18n", source=source) as name:
            names = [addon.name for addon in exported]
            code |= databases.run_script(name, databases.HERE / "update_translations.py", *names)
    return code


def build(arguments: list[str]) -> None:
    """The addons as wheels."""
    _parser("build").parse_args(arguments)
    with locked():
        venv.provide()
    for wheel in wheels.build():
        print(wheel.relative_to(ROOT))


def bench(arguments: list[str]) -> int:
    """All comparisons of `benchmarks/`, or those that are named; Odoo's own Python runs them."""
    provision.everything()
    path = os.pathsep.join([str(ROOT / "bin"), odoo_cli.environment()["PYTHONPATH"]])
    command = [venv.PYTHON, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, env=odoo_cli.environment() | {"PYTHONPATH": path}, check=False).returncode


def stop(arguments: list[str]) -> None:
    """Stop PostgreSQL; the next command that needs it starts it again."""
    _parser("stop").parse_args(arguments)
    postgres.stop()


def _parser(name: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(prog=f"bin/dev {name}")


def _check_exists(database: str) -> None:
    if database not in postgres.databases():
        names = ", ".join(sorted(postgres.databases() - {"postgres", "template0", "template1"}))
        raise DevError(f"no database {database}", f"name one of these: {names}")
