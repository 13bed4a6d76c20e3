"""How the suite is shared among processors (`bin/dev test`)."""

from pathlib import Path

import pytest

_PROCESS_TESTS = Path(__file__).parent / "continuity_program/tests/process"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    """Keep the tests of a file together, and all those that start processes: these share a seeded database."""
    # What a worker knows of `--dist=loadgroup`.
    if not config.getoption("loadgroup", default=False):
        return
    for item in items:
        path = item.path.parent if item.path.is_relative_to(_PROCESS_TESTS) else item.path
        item.add_marker(pytest.mark.xdist_group(str(path.relative_to(config.rootpath))))
