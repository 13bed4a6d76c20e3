"""The tests of the addons that join ours to others, in a database of their own that has those too."""

import subprocess

import pytest
from devtool.project import ROOT, glue_addons


@pytest.mark.slow
@pytest.mark.parametrize("addon", glue_addons(), ids=lambda addon: addon.name)
def test_glue_addon(addon):
    command = [ROOT / "bin" / "dev", "test", f"{addon.name}/tests", "-q"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
