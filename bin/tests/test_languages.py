"""The languages of each addon: complete, and with the same placeholders and tags as the text they translate."""

import re

import polib
import pytest
from devtool.project import ROOT, addons

LANGUAGES = ("de", "es", "fr", "nl")
FILES = [addon / "i18n" / f"{language}.po" for addon in addons() for language in LANGUAGES]
#: What must stand in a translation as it stands in the text: placeholders, expressions, tags with their attributes.
KEPT = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\{.*?\}\}|<[^<>]+>")
#: What is translated within a tag.
WORDS = re.compile(r'(alt|aria-label|placeholder|title)="[^"]*"')
#: What an expression says: a text that it comes to, not one that it compares with.
SAID = re.compile(r"\b(and|or) '[^']*'(?!\s*(?:in\b|not\b|[=!<>]))")


def get_kept(text):
    return sorted(
        SAID.sub(r"\1 ''", part) if part.startswith("{{") else WORDS.sub(r"\1", part) for part in KEPT.findall(text)
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_language_is_complete(path):
    language = polib.pofile(str(path))
    template = polib.pofile(str(path.with_name(f"{path.parents[1].name}.pot")))
    assert {entry.msgid for entry in language} == {entry.msgid for entry in template}
    assert [entry.msgid for entry in language if not entry.msgstr or entry.fuzzy] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_placeholders_and_tags_are_kept(path):
    different = [entry.msgid for entry in polib.pofile(str(path)) if get_kept(entry.msgid) != get_kept(entry.msgstr)]
    assert different == []
