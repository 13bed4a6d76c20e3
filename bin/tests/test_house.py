"""The shape that docs/architecture.md promises: rooms, files that can be read at a sitting, methods defined once."""

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from devtool.project import ROOT, addons

MODELS = ROOT / "continuity_program" / "models"
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
#: The longest file, and the longest file of tests.
MAX_LINES, MAX_TEST_LINES = 500, 600


def get_section(title: str) -> str:
    """The text below a heading of docs/architecture.md."""
    return re.split(r"^##+ ", ARCHITECTURE.split(f"# {title}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def get_files() -> list[Path]:
    """All that is written by hand and run: addons, tool, benchmarks."""
    folders = [*addons(), ROOT / "bin", ROOT / "benchmarks"]
    return [path for folder in folders for kind in ("py", "js", "xml", "scss") for path in folder.rglob(f"*.{kind}")]


def get_modules() -> list[tuple[Path, ast.Module]]:
    """The modules of the rooms, parsed."""
    return [(path, ast.parse(path.read_text())) for path in sorted(MODELS.rglob("*.py")) if path.stem != "__init__"]


def get_model(cls: ast.ClassDef) -> str | None:
    """The model that a class defines or extends."""
    values = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in cls.body
        if isinstance(node, ast.Assign) and node.targets[0].id in ("_name", "_inherit")
    }
    return values.get("_name", values.get("_inherit"))


def get_methods(cls: ast.ClassDef) -> list[str]:
    return [node.name for node in cls.body if isinstance(node, ast.FunctionDef)]


@pytest.mark.parametrize("addon", addons(), ids=lambda addon: addon.name)
def test_a_method_of_a_model_is_defined_once(addon):
    defined = Counter(
        (get_model(cls), method)
        for folder in ("models", "wizard", "report")
        for path in (addon / folder).rglob("*.py")
        for cls in ast.parse(path.read_text()).body
        if isinstance(cls, ast.ClassDef) and get_model(cls)
        for method in get_methods(cls)
    )
    assert [key for key, count in defined.items() if count > 1] == []


def test_files_can_be_read_at_a_sitting():
    too_long = {}
    for path in get_files():
        count = len(path.read_text().splitlines())
        if count > (MAX_TEST_LINES if "tests" in path.parts else MAX_LINES):
            too_long[str(path.relative_to(ROOT))] = count
    assert too_long == {}


def test_no_test_module_uses_anothers_fixtures():
    imported = [
        (str(path.relative_to(ROOT)), node.module)
        for path in ROOT.glob("continuity_program*/tests/**/*.py")
        if path.stem != "__init__"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and re.match(r"(.+\.)?test_", node.module or "")
    ]
    assert imported == []


def get_calls_between_rooms() -> set[tuple[str, str]]:
    """Which room calls which: by the methods of our own that are defined in one room only."""
    modules = get_modules()
    homes = defaultdict(set)
    for path, module in modules:
        for cls in module.body:
            if isinstance(cls, ast.ClassDef):
                for method in get_methods(cls):
                    homes[method].add(path.parent.name)
    calls = set()
    for path, module in modules:
        for node in ast.walk(module):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                rooms = homes.get(node.func.attr, set())
                is_super = ast.unparse(node.func.value).startswith("super(")
                if len(rooms) == 1 and path.parent.name not in rooms and not is_super:
                    calls.add((path.parent.name, *rooms))
    return calls


def test_rooms_call_down_but_where_it_is_told_why():
    """Who is told of what follows may be above; all else is asked of a room below."""
    section = get_section("Who calls whom")
    floors = re.findall(r"`(\w+)`", section.strip().split("\n\n")[0])
    named = set(re.findall(r"^\| `(\w+)` → `(\w+)` \| \S", section, re.MULTILINE))
    assert sorted(floors) == sorted(path.name for path in MODELS.iterdir() if (path / "__init__.py").exists())
    assert {
        (caller, room) for caller, room in get_calls_between_rooms() if floors.index(caller) < floors.index(room)
    } == named


def test_the_walk_names_files_and_methods_that_are_there():
    steps = re.findall(r"^\d+\. .*", get_section("The way of an order"), re.MULTILINE)
    assert len(steps) == 12
    for step in steps:
        path, method = re.search(r"`([\w/]+\.py)`.*?`(\w+)`", step).groups()
        assert f"def {method}(" in (ROOT / "continuity_program" / path).read_text(), step
