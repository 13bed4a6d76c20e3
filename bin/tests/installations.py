"""What the tests of installing, upgrading and uninstalling share."""

import os
import re
from contextlib import contextmanager
from pathlib import Path

from devtool import databases, odoo_cli, postgres, project

SCRIPTS = Path(__file__).with_name("scripts")
ADDON = "continuity_program"
#: Columns in which Odoo writes the name of a model.
_NAMING_MODELS = ("model", "res_model", "model_name", "relation", "code", "key", "name", "path", "binding_model")
#: Odoo keeps the names that `mail` and others give to what our models inherit from them, until those are upgraded.
#: A module that is not installed stays in the list of modules.
_KEPT_BY_ODOO = "'ir.model.fields', 'ir.model.fields.selection', 'ir.model.inherit', 'ir.module.module'"
#: Names of modules; names read above; rows on foreign keys of others' tables, which Odoo keeps when the keys are gone.
_READ_OTHERWISE = (
    "ir_logging",
    "ir_module_module",
    "ir_module_module_dependency",
    "ir_model_data",
    "ir_model_constraint",
)


@contextmanager
def copy_of(source, kind):
    """A database of this process, dropped afterwards."""
    name = f"continuity_test_{os.getpid()}-{kind}"
    with project.locked():
        postgres.copy(source, name)
    try:
        yield name
    finally:
        postgres.drop(name)


def run_odoo(database, option, module):
    """Install (``-i``) or upgrade (``-u``), and return the log."""
    log = f"installation-{database}"
    odoo_cli.run_logged(["-d", database, option, module, "--stop-after-init", "--no-http"], log)
    return (project.LOGS / f"{log}.log").read_text()


def uninstall(database, *addons):
    """Uninstall, and return the log."""
    log = project.LOGS / "script-uninstall.log"
    assert databases.run_script(database, SCRIPTS / "uninstall.py", *addons) == 0
    return "\n".join(line for line in log.read_text().splitlines() if f" {database} " in line)


def get_warnings(log):
    return [line for line in log.splitlines() if re.search(r" (WARNING|ERROR|CRITICAL) |Traceback", line)]


def find_leftovers(database, word):
    """All in a database that has the word in its name, or names a model that has: as ``what|name``."""
    schema = f"""
        SELECT 'table', relname FROM pg_class WHERE relname LIKE '%{word}%'
        UNION ALL SELECT 'column', table_name || '.' || column_name FROM information_schema.columns
            WHERE column_name LIKE '%{word}%'
        UNION ALL SELECT 'constraint', conname FROM pg_constraint WHERE conname LIKE '%{word}%'
        UNION ALL SELECT 'function', proname FROM pg_proc WHERE proname LIKE '%{word}%'
        UNION ALL SELECT 'record', module || '.' || name FROM ir_model_data
            WHERE module LIKE '%{word}%' OR (name LIKE '%{word}%' AND model NOT IN ({_KEPT_BY_ODOO}))
    """
    return sorted(postgres.query(schema, database)) + sorted(_find_named(database, word))


def _find_named(database, word):
    names = ", ".join(f"'{name}'" for name in _NAMING_MODELS)
    columns = f"""
        SELECT table_name, column_name FROM information_schema.columns JOIN pg_tables ON tablename = table_name
         WHERE table_schema = 'public' AND column_name IN ({names}) AND udt_name IN ('varchar', 'text')
           AND table_name NOT IN ({', '.join(f"'{table}'" for table in _READ_OTHERWISE)})
    """
    pattern = f"%{word.replace('_', '[._]')}%".replace("%", "")
    selects = [
        f"SELECT '{table}', t.\"{column}\" FROM \"{table}\" t WHERE t.\"{column}\" ~ '{pattern}'"
        for table, column in (row.split("|") for row in postgres.query(columns, database))
    ]
    return postgres.query(" UNION ALL ".join(selects), database)
