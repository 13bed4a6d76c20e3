import io
from pathlib import Path

import polib

from odoo.tests import TransactionCase, tagged
from odoo.tools.translate import trans_export

ADDON = Path(__file__).parents[1]


@tagged('post_install', '-at_install')
class TestTranslations(TransactionCase):
    """``bin/dev i18n`` brings the file in line."""

    def test_the_template_has_the_terms_of_today(self):
        buffer = io.BytesIO()
        trans_export(None, [ADDON.name], buffer, 'po', self.env)

        template = polib.pofile(str(ADDON / 'i18n' / f'{ADDON.name}.pot'))
        exported = polib.pofile(buffer.getvalue().decode())
        self.assertEqual({entry.msgid for entry in exported}, {entry.msgid for entry in template})
