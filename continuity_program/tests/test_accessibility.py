from itertools import pairwise

from lxml import etree, html

from odoo.tests import TransactionCase, tagged

from .common import day
from .common_portal import PAGE, PortalCase


@tagged('post_install', '-at_install')
class TestPortalAccessibility(PortalCase):
    """Each portal page of the addon can be used without seeing it: fields have labels, what is pressed has a name,
    tables have headers, and headings come in order. Contrast and focus are those of Odoo's own styles."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.card = cls._create_token(demo_simulated_state='done')
        cls.card.provider_id.is_published = True
        cls.program.write({'portal_swap_product_ids': cls.books[9].ids, 'announce_days': 30, 'reply_days': 20})

    def setUp(self):
        super().setUp()
        self.authenticate('ann-portal', 'ann-portal')

    def _open_main(self, path, status=200):
        """Return a page without Odoo's header and footer."""
        response = self.url_open(path)
        self.assertEqual(response.status_code, status)
        return html.fromstring(response.text).xpath('//main')[0]

    def _get_name(self, element):
        """Return what tells an element to who does not see it."""
        return ' '.join([element.text_content(), *element.xpath('.//@aria-label | .//img/@alt')]).strip()

    def _is_labelled(self, field):
        labels = field.xpath('ancestor::label') + field.xpath('//label[@for=$id]', id=field.get('id', ''))
        return bool(field.get('aria-label') or any(self._get_name(label) for label in labels))

    def _get_flaws(self, main):
        """Return what is wrong with a page, each as (what, where)."""
        fields = main.xpath('.//input[not(@type="hidden")] | .//select | .//textarea')
        pressed = main.xpath('.//button | .//a[@href] | .//summary')
        headings = [int(heading.tag[1]) for heading in main.xpath('.//h1 | .//h2 | .//h3 | .//h4 | .//h5 | .//h6')]
        flaws = [('no label', field) for field in fields if not self._is_labelled(field)]
        flaws += [('no name', element) for element in pressed if not self._get_name(element)]
        flaws += [('no scope', cell) for cell in main.xpath('.//th[not(@scope)]')]
        flaws += [('no header', table) for table in main.xpath('.//table[not(.//th)]')]
        flaws += [('no alt', image) for image in main.xpath('.//img[not(@alt)]')]
        return [
            *((what, etree.tostring(element)[:150]) for what, element in flaws),
            *(('heading', level) for before, level in pairwise([0, *headings]) if level > before + 1),
        ]

    def test_flaws_are_found(self):
        main = html.fromstring(
            '<main><h1>A</h1><h3>B</h3><input name="x"/><a href="#"><i class="fa"></i></a><table><tr><th>C</th></tr>'
            '</table><label for="y"> </label><input id="y"/><label>Z <input/></label><img src="p.png"/></main>'
        )
        self.assertEqual(
            [what for what, _where in self._get_flaws(main)],
            ['no label', 'no label', 'no name', 'no scope', 'no alt', 'heading'],
        )

    def test_list(self):
        self.assertEqual(self._get_flaws(self._open_main(PAGE)), [])
        self.assertEqual(self._get_flaws(self._open_main(f'{PAGE}?filterby=ended')), [])

    def test_page_with_every_change_and_a_declined_payment(self):
        self.card.demo_simulated_state = 'error'
        subscription = self._sell_plan()
        self._deliver(subscription.child_order_ids)
        self._run_job('process_payments', on=day('2027-01-10'))

        main = self._open_main(f'{PAGE}/{subscription.id}')

        self.assertEqual(len(main.xpath('.//details//form[contains(@action, "/change/")]')), 7)
        self.assertTrue(main.xpath('.//*[@id="continuity_declined"]'))
        self.assertEqual(self._get_flaws(main), [])

    def test_page_of_a_paused_plan(self):
        self.subscription._pause()
        self.assertEqual(self._get_flaws(self._open_main(f'{PAGE}/{self.subscription.id}')), [])

    def test_announced_shipment(self):
        self._run_job('announce', on=day('2027-01-10'))
        path = self.subscription.line_ids[1]._get_announcement_url().split('/continuity/')[1]

        main = self._open_main(f'/continuity/{path}')

        self.assertTrue(main.xpath('.//button[@name="continuity_decline"]'))
        self.assertEqual(self._get_flaws(main), [])
        self.assertEqual(self._get_flaws(self._open_main(f'/continuity/{path}x', status=404)), [])


@tagged('post_install', '-at_install')
class TestViewAccessibility(TransactionCase):
    """The views of the addon: lists and cards where icons carry meaning."""

    def _get_views(self):
        """Yield the views as they are in the addon's files, each with its name."""
        data = self.env['ir.model.data'].search([('module', '=', 'continuity_program'), ('model', '=', 'ir.ui.view')])
        for view in self.env['ir.ui.view'].browse(data.mapped('res_id')):
            yield view.name, etree.fromstring(view.arch_db)

    def test_buttons_with_icons_have_text(self):
        """Odoo's lists give a button its title as a tooltip only, which is no name."""
        found = {
            f"{name}: {button.get('name')}"
            for name, arch in self._get_views()
            for button in arch.xpath('//button[@icon]')
            if not button.get('string') and not ''.join(button.itertext()).strip() and not button.xpath('.//field')
        }
        self.assertEqual(found, set())

    def test_icons_have_a_name_or_are_hidden(self):
        found = {
            f"{name}: {icon.get('class')}"
            for name, arch in self._get_views()
            for icon in arch.xpath('//*[(self::i or self::span) and contains(@class, "fa-")]')
            if not (icon.get('aria-label') or icon.get('title') or icon.get('aria-hidden') == 'true')
        }
        self.assertEqual(found, set())

    def test_tables_have_headers(self):
        found = {name for name, arch in self._get_views() for _cell in arch.xpath('//th[not(@scope)]')}
        self.assertEqual(found, set())
