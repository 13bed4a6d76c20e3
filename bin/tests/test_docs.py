"""What docs/behaviour.md promises: a source for each rule, tests that exist, and the headings that the code names."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BEHAVIOUR = ROOT / "docs" / "behaviour.md"
ADDONS = sorted(ROOT.glob("continuity_program*"))

PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]

TEST_NAME = re.compile(r"`(test_\w+)\.(\w+)\.(\w+)`")
REMARK = re.compile(r"\*\((?P<sources>.+?)(?:; (?P<tests>`.+`))?\)\*$")
SOURCE = re.compile(r"design §\d(\.\d+)?(, §\d(\.\d+)?)*|\*\*chosen\*\*|issue \d+")
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([\w-]+))?\)")
ANCHOR = re.compile(r"behaviour\.md#([\w-]+)")


def read_rules(text: str) -> list[str]:
    """Return each bullet, and each row of a table but its heading, as one line."""
    rules, in_bullet, rows = [], False, 0
    for line in text.splitlines():
        rows = rows + 1 if line.startswith("|") else 0
        if rows:
            in_bullet = False
            if rows > 2:
                rules.append(line.strip("| "))
        elif re.match(r" *[-*+] ", line):
            in_bullet = True
            rules.append(line.strip())
        elif in_bullet and line.startswith("  "):
            rules[-1] += f" {line.strip()}"
        else:
            in_bullet = False
    return rules


def get_remark_error(rule: str) -> str | None:
    """Return what is wrong with the remark at the end of a rule, or nothing."""
    remark = REMARK.search(rule[rule.rfind("*(") :])
    if not remark:
        return "no remark with its source at the end"
    if not re.fullmatch(rf"(?:{SOURCE.pattern})(?:, (?:{SOURCE.pattern}))*", remark["sources"]):
        return f"unknown source: {remark['sources']}"
    tests = remark["tests"]
    if tests and not all(TEST_NAME.fullmatch(test) for test in tests.split(", ")):
        return f"not written as `file.Class.method`: {tests}"
    return None


def get_anchors(text: str) -> set[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    seen, anchors = Counter(), set()
    for heading in re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        anchors.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return anchors


def find_tests() -> set[tuple[str, str, str]]:
    """Return (file, class, method) of each test method of the addons."""
    return {
        (path.stem, node.name, method.name)
        for addon in ADDONS
        for path in (addon / "tests").rglob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
        for method in node.body
        if isinstance(method, ast.FunctionDef) and method.name.startswith("test_")
    }


def test_each_test_named_exists():
    named = set(TEST_NAME.findall(BEHAVIOUR.read_text()))
    assert named
    assert sorted(named - find_tests()) == []


def test_each_rule_has_its_source():
    rules = read_rules(BEHAVIOUR.read_text())
    assert len(rules) > 100
    assert [(error, rule) for rule in rules if (error := get_remark_error(rule))] == []


def test_each_anchor_is_a_heading():
    anchors = get_anchors(BEHAVIOUR.read_text())
    files = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    for addon in ADDONS:
        files += [path for kind in ("py", "xml", "js") for path in addon.rglob(f"*.{kind}")]
    named = {(anchor, str(path.relative_to(ROOT))) for path in files for anchor in ANCHOR.findall(path.read_text())}
    assert named
    assert sorted((anchor, path) for anchor, path in named if anchor not in anchors) == []
    inside = re.findall(r"\]\(#([\w-]+)\)", BEHAVIOUR.read_text())
    assert sorted(set(inside) - anchors) == []


def test_each_link_leads_somewhere():
    """Pages, their headings and their pictures; links to other places are not followed."""
    missing = []
    for page in PAGES:
        for target, anchor in LINK.findall(page.read_text()):
            path = (page.parent / target).resolve() if target else page
            if not path.exists() or (anchor and anchor not in get_anchors(path.read_text())):
                missing.append((page.name, target, anchor))
    app_page = ROOT / "continuity_program" / "static" / "description" / "index.html"
    sources = re.findall(r'(?:src|href)="([^"]+)"', app_page.read_text())
    assert sources
    missing += [(app_page.name, source) for source in sources if not (app_page.parent / source).exists()]
    assert missing == []


def test_each_picture_is_shown():
    text = "".join(page.read_text() for page in PAGES)
    assert [path.name for path in (ROOT / "docs" / "images").iterdir() if f"images/{path.name}" not in text] == []


def test_lines_are_short():
    lines = enumerate(BEHAVIOUR.read_text().splitlines(), 1)
    assert [number for number, line in lines if len(line) > 160] == []


@pytest.mark.parametrize(
    ("rule", "error"),
    [
        ("- A rule. *(design §4; `test_a.TestA.test_b`)*", None),
        ("- A rule. *(design §3.1, §6, **chosen**)*", None),
        ("- A rule (in brackets). *(issue 5; `test_a.TestA.test_b`, `test_a.TestA.test_c`)*", None),
        ("- A rule.", "no remark with its source at the end"),
        ("- A rule. *(design §4)* And more.", "no remark with its source at the end"),
        ("- A rule. *(hearsay)*", "unknown source: hearsay"),
        ("- A rule. *(design §4; `test_b`)*", "not written as `file.Class.method`: `test_b`"),
    ],
)
def test_remarks_are_read(rule, error):
    assert get_remark_error(rule) == error
