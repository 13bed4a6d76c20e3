"""Run by `bin/dev i18n` with `env`: write the translation template of addons, and bring their languages in line."""

import io
import sys
from pathlib import Path

import polib

from odoo.tools.translate import trans_export

# As entries are matched by their text, a changed text is a new one: the old translation is not kept as a guess.


def read_terms(addon: str) -> polib.POFile:
    """The terms of an addon, as it is installed here."""
    buffer = io.BytesIO()
    trans_export(None, [addon], buffer, "po", env)  # noqa: F821 - given by `bin/dev scratch`
    return polib.pofile(buffer.getvalue().decode())


def bring_in_line(template: polib.POFile, path) -> int:
    """Give a language the terms of the template; return how many it does not translate."""
    known = {entry.msgid: entry.msgstr for entry in polib.pofile(str(path))}
    language = polib.POFile(wrapwidth=78)
    language.metadata = {**template.metadata, "Language": path.stem}
    for entry in template:
        language.append(
            polib.POEntry(
                msgid=entry.msgid,
                msgstr=known.get(entry.msgid, ""),
                occurrences=entry.occurrences,
                comment=entry.comment,
            )
        )
    language.save(str(path))
    return len(language.untranslated_entries())


for addon in sys.argv[1:]:
    folder = Path(__file__).parents[2] / addon / "i18n"
    folder.mkdir(exist_ok=True)
    template = read_terms(addon)
    template.save(str(folder / f"{addon}.pot"))
    print(f"{addon}: {len(template)} terms")
    for path in sorted(folder.glob("*.po")):
        print(f"  {path.stem}: {bring_in_line(template, path)} not translated")
