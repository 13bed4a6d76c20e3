"""Orders that sell no plan: for every role they end as without our addon, and take no more queries."""

import json

import pytest
from devtool import databases
from devtool.project import BASE_DB, ROOT, TEMPLATE_DB

SCRIPT = ROOT / "bin" / "tests" / "plain_sales.py"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What `plain_sales.py` tells of a database without our addon, and of one with it."""
    found = []
    for source in (BASE_DB, TEMPLATE_DB):
        output = tmp_path_factory.mktemp("plain") / f"{source}.json"
        with databases.short_lived("scratch", source=source) as name:
            assert databases.run_script(name, SCRIPT, str(output)) == 0
        found.append(json.loads(output.read_text()))
    return found


@pytest.mark.soak
def test_everybody_may_do_what_he_may_without_the_addon(results):
    without, beside = ({name: result["outcome"] for name, result in found.items()} for found in results)
    assert beside == without


@pytest.mark.soak
def test_what_is_allowed_is_tried_by_somebody(results):
    """Else the two tests beside this one would compare refusals."""
    without, _beside = results
    tried = {name.split(": ")[1] for name in without}
    allowed = {name.split(": ")[1] for name, result in without.items() if result["outcome"] == "done"}
    assert tried - allowed <= {"delete_order"}  # Odoo deletes no confirmed order


@pytest.mark.soak
def test_no_more_queries(results):
    without, beside = (
        {name: result["queries"] for name, result in found.items() if "queries" in result} for found in results
    )
    assert len(without) > 60
    more = {name: f"{count} → {beside[name]}" for name, count in without.items() if beside[name] > count}
    assert more == {}
