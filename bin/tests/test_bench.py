"""The harness of `bin/dev bench`: what is measured where, and what is made of the figures."""

from contextlib import nullcontext

import pytest
from devtool.project import TEMPLATE_DB

from benchmarks import report, runner
from benchmarks.case import Case, Goal, Others


@pytest.fixture
def log(monkeypatch):
    """What the runner has done, by databases that are names only; each measurement takes a second longer."""
    done, rows = [], []

    def work(database, _case, task, _size):
        done.append((task, database))
        if task.startswith("seed"):
            return {}
        rows.append(task)
        return {"wall": len(rows), "cpu": len(rows), "queries": 0, "peak_kb": 0, "count": 1}

    monkeypatch.setattr(runner, "_work", work)
    monkeypatch.setattr(runner, "_provide_others", lambda case: f"with {case.others.addons[0]}")
    monkeypatch.setattr(runner, "step", lambda _text: nullcontext())
    monkeypatch.setattr(runner.postgres, "copy", lambda source, target: done.append(("copy", f"{source} to {target}")))
    monkeypatch.setattr(runner.postgres, "drop", lambda name: done.append(("drop", name)))
    return done


def make_case(**values):
    return Case(
        name="eggs",
        title="Eggs",
        text="Boiled.",
        unit="egg",
        seed=None,
        variants={"ours": None},
        sizes=(3,),
        quick_sizes=(2,),
        rounds=2,
        others=Others(("spam",), None, {"theirs": None}),
        **values,
    )


def test_others_run_on_a_database_of_their_own(log):
    runner.measure(make_case(), quick=True)
    assert log == [
        ("copy", f"{TEMPLATE_DB} to continuity_bench_eggs"),
        ("seed", "continuity_bench_eggs"),
        ("copy", "with spam to continuity_bench_eggs_others"),
        ("seed others", "continuity_bench_eggs_others"),
        ("copy", "continuity_bench_eggs to continuity_bench_eggs_run"),
        ("ours", "continuity_bench_eggs_run"),
        ("drop", "continuity_bench_eggs_run"),
        ("copy", "continuity_bench_eggs_others to continuity_bench_eggs_others_run"),
        ("theirs", "continuity_bench_eggs_others_run"),
        ("drop", "continuity_bench_eggs_others_run"),
        ("drop", "continuity_bench_eggs"),
        ("drop", "continuity_bench_eggs_others"),
    ]


def test_each_round_begins_with_another(log):
    result = runner.measure(make_case(), quick=False)
    turns = [(row["round"], row["variant"], row["size"]) for row in result["rows"]]
    assert turns == [(0, "ours", 3), (0, "theirs", 3), (1, "theirs", 3), (1, "ours", 3)]


def test_page_tells_all_and_judges_what_has_a_limit(log, monkeypatch):
    def ratio(results, figure):
        return results.ratio("theirs", "ours", figure)

    goals = [Goal("faster", ratio, at_least=1.2), Goal("slower", ratio, at_most=1.2), Goal("just told", ratio)]
    case = make_case(goals=goals)
    monkeypatch.setitem(report.CASES, "eggs", case)
    page = report.render_case(runner.measure(case, quick=False)).splitlines()
    # By rounds: 2 / 1 and 3 / 4.
    assert [line for line in page if line.startswith(("| faster", "| slower", "| just"))] == [
        "| faster (≥ 1.2) | 1.38 | 1.38 | met |",
        "| slower (≤ 1.2) | 1.38 | 1.38 | not met |",
        "| just told | 1.38 | 1.38 |  |",
    ]
    assert [line.split(" | ")[:3] for line in page if line.startswith(("| ours", "| theirs"))] == [
        ["| ours", "3", "2.5e+03"],
        ["| theirs", "3", "2.5e+03"],
    ]
