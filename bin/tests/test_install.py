"""The addons that join ours to others, upgraded, and then all of ours uninstalled: nothing stays behind, nothing is
complained of. (A new installation: ``test_wheels``; the main addon with its data: ``test_upgrade``.)
"""

import pytest
from devtool import databases, project
from installations import ADDON, copy_of, find_leftovers, get_warnings, run_odoo, uninstall

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("addon", project.glue_addons(), ids=lambda addon: addon.name)
def test_glue_addon_leaves_nothing_behind(addon):
    with copy_of(databases.provide_glue(addon), "install") as name:
        assert get_warnings(run_odoo(name, "-u", ADDON)) == []

        assert get_warnings(uninstall(name, addon.name)) == []
        assert [left for left in find_leftovers(name, addon.name) if left.startswith("record")] == []

        assert get_warnings(uninstall(name, ADDON)) == []
        assert "\n".join(find_leftovers(name, "continuity")) == ""
