import io
import re
from pathlib import Path

import polib

from odoo.tests import TransactionCase, tagged
from odoo.tools.translate import trans_export

FOLDER = Path(__file__).parents[1] / 'i18n'
LANGUAGES = ['de', 'es', 'fr', 'nl']
#: What has to be the same in each language: what is filled in, and the marks of a text.
FIXED = re.compile(r'%\(\w+\)[sd]|%[sd]|\{\{.*?\}\}|</?[a-z]+|\bt-[a-z-]+="[^"]*"')


@tagged('post_install', '-at_install')
class TestTranslations(TransactionCase):
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

    def test_each_language_is_complete(self):
        self.assertEqual(sorted(path.stem for path in FOLDER.glob('*.po')), LANGUAGES)
        for language in LANGUAGES:
            po = polib.pofile(str(FOLDER / f'{language}.po'))
            with self.subTest(language):
                self.assertEqual(self._get_terms(po), self._get_terms(self.template))
                self.assertEqual([entry.msgid for entry in po.untranslated_entries() + po.fuzzy_entries()], [])
                for entry in po:
                    self.assertEqual(sorted(FIXED.findall(entry.msgstr)), sorted(FIXED.findall(entry.msgid)))

    def test_a_customer_reads_his_own_language(self):
        self.env['res.lang']._activate_lang('nl_NL')
        self.env['ir.module.module']._load_module_terms(['continuity_program'], ['nl_NL'])
        field = self.env['ir.model.fields']._get('continuity.subscription', 'next_date')

        self.assertNotEqual(field.with_context(lang='nl_NL').field_description, field.field_description)
