"""Two addons made for this test extend all that child orders are made by in bulk, one below and one above ours: what is
made at night passes through each of these methods as what is made by hand does. And Odoo's waves get it too."""

import ast
import json
import os
import subprocess
from pathlib import Path

import pytest
from devtool import odoo_cli, postgres, project, venv

pytestmark = pytest.mark.soak

HERE = Path(__file__).resolve().parent
BULK = project.ROOT / "continuity_program/models/stock/bulk.py"
PROBE = '''\
"""Extends methods and takes note of each record that passes, by (model, method)."""

from collections import Counter, defaultdict

from odoo import models

SEEN = defaultdict(Counter)


def note(key, records, args):
    """By record; where a method is the model's, by what it is called with."""
    called_with = [str(args)] if key[0] in ("stock.quant", "stock.rule") and not records else []
    SEEN[key].update(records.ids or called_with)
'''
PROBED_CLASS = '''

class Probe{number}(models.Model):
    _inherit = "{model}"

    def {method}(self, *args, **kwargs):
        note(("{model}", "{method}"), self, args)
        return super().{method}(*args, **kwargs)
'''
#: What else is called for each record, whatever is done in bulk.
ALWAYS_CALLED = [
    ("sale.order", "action_confirm"),
    ("sale.order", "_action_confirm"),
    ("sale.order.line", "_action_launch_stock_rule"),
    ("stock.move", "_action_confirm"),
    ("stock.move", "_assign_picking_post_process"),
    ("stock.picking", "action_confirm"),
]


def replaced_methods():
    """(model, method) of all that a bulk way takes the place of, read from the source."""
    tree = ast.parse(BULK.read_text())
    table = next(
        node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "REPLACED_METHODS"
    )
    return [key for methods in ast.literal_eval(table).values() for key in methods]


def write_addon(folder, name, depends, methods=()):
    addon = folder / name
    addon.mkdir(parents=True)
    manifest = {"name": name, "version": "19.0.1.0.0", "license": "LGPL-3", "author": "Nobody", "depends": depends}
    (addon / "__manifest__.py").write_text(repr(manifest))
    (addon / "__init__.py").write_text("from . import probe\n")
    classes = [
        PROBED_CLASS.format(number=number, model=model, method=method) for number, (model, method) in enumerate(methods)
    ]
    (addon / "probe.py").write_text(PROBE + "".join(classes))


@pytest.fixture
def odoo(tmp_path):
    """Run Odoo with addons of this test beside ours, in a copy of the template."""
    database = f"continuity_test_{os.getpid()}-probe"
    settings = tmp_path / "odoo.conf"
    settings.write_text(
        project.ODOO_CONF.read_text().replace("addons_path = ", f"addons_path = {tmp_path / 'addons'},")
    )
    environment = odoo_cli.environment() | {"ODOO_RC": str(settings)}
    with project.locked():
        postgres.copy(project.TEMPLATE_DB, database)

    def run(modules, script):
        install = ["-d", database, "-i", ",".join(modules), "--stop-after-init", "--no-http", "--log-level=warn"]
        subprocess.run(odoo_cli.command(install), env=environment, check=True)
        command = [venv.PYTHON, project.ROOT / "bin/devtool/run_script.py", database, tmp_path / "odoo.log", script]
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr
        return json.loads(result.stdout.splitlines()[-1])

    yield run
    postgres.drop(database)


def test_each_record_passes_as_by_hand(odoo, tmp_path):
    methods = replaced_methods() + ALWAYS_CALLED
    write_addon(tmp_path / "addons", "a_probe_below", ["sale_stock"], methods)
    write_addon(tmp_path / "addons", "z_probe_above", ["continuity_program"], methods)

    seen = odoo(["a_probe_below", "z_probe_above"], HERE / "probe/count_calls.py")

    assert seen["order of addons"] == ["z_probe_above", "continuity_program", "a_probe_below"]
    for probe in ("a_probe_below", "z_probe_above"):
        by_hand = seen["by hand"][probe]
        assert sorted(by_hand) == sorted(f"{model}.{method}" for model, method in methods)
        assert seen["night"][probe] == by_hand, probe
    # Goods are reserved in a transaction of their own there: an addon above ours is asked with the orders, and then.
    twice = {"stock.move._action_assign": [2] * 6}
    assert seen["night that commits"]["a_probe_below"] == seen["by hand"]["a_probe_below"]
    assert seen["night that commits"]["z_probe_above"] == seen["by hand"]["z_probe_above"] | twice


def test_waves_get_what_is_made_at_night(odoo, tmp_path):
    write_addon(tmp_path / "addons", "a_probe_below", ["sale_stock"])

    waves = odoo(["stock_picking_batch"], HERE / "probe/build_waves.py")

    assert waves["by hand"] == {"lines": 3, "in waves": 3}
    assert waves["night"] == waves["night that commits"] == waves["by hand"]
    assert waves["made together"] is True
