"""The tests of the addons that join ours to others, in a database of their own that has those too."""

import os
import subprocess

import pytest
from devtool.project import ROOT, glue_addons


@pytest.mark.soak
@pytest.mark.parametrize("addon", glue_addons(), ids=lambda addon: addon.name)
def test_glue_addon(addon):
    command = [ROOT / "bin" / "dev", "test", f"{addon.name}/tests", "-q"]
    # What this run tells its own workers is not for that one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "OPENERP_"))}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
