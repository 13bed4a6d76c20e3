import io
from pathlib import Path

import polib

from odoo.tests import tagged
from odoo.tools.translate import trans_export

from .common import ContinuityCase

FOLDER = Path(__file__).parents[1] / 'i18n'


@tagged('post_install', '-at_install')
class TestTranslations(ContinuityCase):
    """``bin/dev i18n`` brings the files in line."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.template = polib.pofile(str(FOLDER / 'continuity_program.pot'))

    def _get_terms(self, po):
        return {entry.msgid for entry in po}

    def test_the_template_has_the_terms_of_today(self):
        buffer = io.BytesIO()
        trans_export(None, ['continuity_program'], buffer, 'po', self.env)

        self.assertEqual(self._get_terms(polib.pofile(buffer.getvalue().decode())), self._get_terms(self.template))

    def test_a_name_is_told_in_the_language_of_its_reader(self):
        self.env['res.lang']._activate_lang('nl_NL')
        line = self._sell(self._create_program(1)).line_ids
        self.assertIn("shipment 1: Book 1", line.display_name)

        self.assertIn("zending 1: Book 1", line.with_context(lang='nl_NL').display_name)
