"""Every example of docs/extending.md, as it stands: put together to one addon, installed by Odoo, and looked at by its
tests (bin/tests/examples)."""

import re
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest
from devtool import databases, odoo_cli
from devtool.project import ROOT

PAGE = ROOT / "docs" / "extending.md"
EXAMPLES = Path(__file__).parent / "examples"
ADDON = "continuity_examples"
BLOCK = re.compile(r"^```(\w+)\n(.+?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"(?:# |<!-- )([\w/]+\.(?:py|xml))(?: -->)?\n")
# It is no file of the addon, but run where the addon is installed.
CALLS = "# run it in `bin/dev shell`\n"


def read_examples(page: str) -> dict[str, str]:
    """Return the text of each file of the addon; what the page says of one file in several places comes one after the
    other, as the page shows it."""
    files = defaultdict(list)
    for _language, text in BLOCK.findall(page):
        if text.startswith(CALLS):
            files["tests/calls.py"].append(text)
            continue
        named = FILE.match(text)
        assert named, f"an example that belongs to no file: {text[:60]}"
        files[named[1]].append(text[named.end() :])
    return {name: "\n".join(parts) for name, parts in files.items()}


def write_addon(folder: Path, files: dict[str, str]) -> None:
    """Write the addon: what the page does not show is what each addon has."""
    data = sorted(name for name in files if name.endswith(".xml"))
    manifest = {"name": "Examples", "depends": ["continuity_program"], "data": data, "license": "LGPL-3"}
    modules = {
        part: [Path(name).stem for name in files if name.startswith(f"{part}/") and not name.endswith("calls.py")]
        for part in ("models", "tests")
    }
    modules["tests"].append("test_behaviour")
    files = {
        **files,
        "__manifest__.py": repr(manifest),
        "__init__.py": "from . import models\n",
        "tests/test_behaviour.py": (EXAMPLES / "test_behaviour.py").read_text(),
        **{f"{part}/__init__.py": f"from . import {', '.join(names)}\n" for part, names in modules.items()},
    }
    for name, text in files.items():
        path = folder / ADDON / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.slow
def test_each_example_holds(tmp_path):
    files = read_examples(PAGE.read_text())
    assert len(BLOCK.findall(PAGE.read_text())) >= len(files) > 5
    write_addon(tmp_path, files)
    with databases.short_lived("extending") as name:
        command = odoo_cli.command(
            [
                *("-d", name, "-i", ADDON, "--addons-path", odoo_cli.addons_path(tmp_path)),
                *("--test-tags", f"/{ADDON}", "--stop-after-init", "--http-port", "0", "--no-http"),
            ]
        )
        result = subprocess.run(command, env=odoo_cli.environment(), capture_output=True, text=True, check=False)
    log = result.stdout + result.stderr
    assert result.returncode == 0, log
    tests = sum(text.count("def test_") for file, text in files.items() if file.startswith("tests/"))
    tests += (EXAMPLES / "test_behaviour.py").read_text().count("def test_")
    assert re.search(rf"0 failed, 0 error\(s\) of {tests} tests", log), log


def test_each_block_is_an_example():
    """None is left out by the way it is written."""
    page = PAGE.read_text()
    assert page.count("```") == 2 * len(BLOCK.findall(page))
