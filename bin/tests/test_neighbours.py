"""What `bin/dev neighbours` makes of Odoo's own tests: only what fails with our addon, and not without it, counts."""

from collections.abc import Iterable

import pytest
from devtool import neighbours
from devtool.neighbours import Outcome
from devtool.output import DevError
from devtool.project import NEIGHBOURS_DB, WITHOUT_US_DB
from devtool.run_odoo_tests import is_called

TEST = "odoo.addons.sale.tests.test_eggs.TestEggs.test_boiled"
CLASS = "odoo.addons.sale.tests.test_eggs.TestEggs"


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """Which names were run in which database; what fails there can be set."""
    runs = Runs()
    monkeypatch.setattr(neighbours, "_run_part", runs.run)
    monkeypatch.setattr(neighbours, "_provide", lambda: None)
    monkeypatch.setattr(neighbours, "_CACHE", tmp_path / "cache.json")
    monkeypatch.setattr(neighbours.databases, "made_from", lambda name: {"made": runs.made})
    return runs


class Runs:
    def __init__(self):
        self.made = 1
        self.done = []
        self.failing: dict[str, Iterable[str]] = {NEIGHBOURS_DB: (), WITHOUT_US_DB: ()}

    def run(self, database: str, order: dict) -> Outcome:
        first = not order["part"]
        if first:
            self.done.append((database, [*order["names"]]))
        failed = dict.fromkeys(self.failing[database], "Traceback") if first else {}
        return Outcome(3, failed)


def run(**options) -> int:
    return neighbours.run(["sale"], **{"short": False, **options})


def test_all_passed_needs_no_second_run(runs):
    assert run() == 0
    assert runs.done == [(NEIGHBOURS_DB, [])]


def test_what_fails_only_with_our_addon_fails(runs, capsys):
    runs.failing[NEIGHBOURS_DB] = [TEST]
    assert run() == 1
    assert runs.done == [(NEIGHBOURS_DB, []), (WITHOUT_US_DB, [TEST])]
    assert f"1 fail only beside it:\n  {TEST}: NOT EXPECTED\nTraceback" in capsys.readouterr().out


@pytest.mark.parametrize("without", [TEST, CLASS])
def test_what_fails_without_our_addon_too_does_not_count(runs, capsys, without):
    runs.failing = {NEIGHBOURS_DB: [TEST], WITHOUT_US_DB: [without]}
    assert run() == 0
    assert f"1 of these fail without it too:\n  {TEST}\n" in capsys.readouterr().out


def test_what_passes_when_our_addon_breaks_its_class_counts(runs):
    runs.failing = {NEIGHBOURS_DB: [CLASS], WITHOUT_US_DB: [TEST]}
    assert run() == 1


def test_what_is_changed_on_purpose_is_told_with_its_reason(runs, capsys, monkeypatch):
    monkeypatch.setitem(neighbours.CHANGED_ON_PURPOSE, TEST, "eggs are fried")
    runs.failing[NEIGHBOURS_DB] = [TEST]
    assert run() == 0
    assert f"{TEST}: eggs are fried" in capsys.readouterr().out


def test_what_is_known_to_fail_without_us_is_not_run_again_until_that_database_changes(runs):
    runs.failing = {NEIGHBOURS_DB: [TEST], WITHOUT_US_DB: [TEST]}
    assert [run(), run()] == [0, 0]
    assert [database for database, _names in runs.done].count(WITHOUT_US_DB) == 1
    runs.made = 2
    assert run() == 0
    assert [database for database, _names in runs.done].count(WITHOUT_US_DB) == 2


def test_unknown_module_is_refused(runs):
    with pytest.raises(DevError, match="no tests of eggs"):
        neighbours.run(["eggs"], short=True)


def test_short_form_names_files_of_every_module():
    assert {name.split(".")[2] for name in neighbours.SHORT} == {*neighbours.TESTED}


def test_worker_takes_files_classes_and_tests_by_name():
    class Test:
        def id(self):
            return TEST

    names = [TEST, CLASS, CLASS.rpartition(".")[0]]
    assert all(is_called(Test(), [name]) for name in names)
    assert is_called(Test(), [])
    assert not is_called(Test(), [f"{CLASS}Fried", f"{TEST}_twice", "odoo.addons.sale.tests.test_egg"])
