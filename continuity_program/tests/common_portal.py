from freezegun import freeze_time
from lxml import html

from odoo.tests import HttpCase, new_test_user

from .common import ContinuityCase

PAGE = '/my/continuity'


class PortalCase(HttpCase, ContinuityCase):
    """Ann Archer has six monthly books from 1 January 2027 on; the first has been ordered, and it is 10 January."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = new_test_user(
            cls.env, 'ann-portal', groups='base.group_portal', name="Ann Archer", partner_id=cls.customer.id
        )
        cls.other_user = new_test_user(cls.env, 'bob-portal', groups='base.group_portal')
        cls.program = cls._create_program(6)

    def setUp(self):
        super().setUp()
        frozen = freeze_time('2027-01-10 12:00:00')
        frozen.start()
        self.addCleanup(frozen.stop)
        self.subscription = self._sell_plan()

    def _sell_plan(self, program=None, **kwargs):
        subscription = self._sell(program or self.program, **kwargs)
        self._run_job('create_orders', domain=[('id', '=', subscription.id)])
        return subscription.with_env(self.env)

    def _open(self, path='', subscription=None):
        """Return the page of the subscription, as parsed HTML."""
        response = self.url_open(f'{PAGE}/{(subscription or self.subscription).id}{path}')
        self.assertEqual(response.status_code, 200)
        return html.fromstring(response.text)

    def _change(self, change, subscription=None, on_page=None, **values):
        """Fill in the form of a change on the page and send it; return the text that the page shows then."""
        subscription = subscription or self.subscription
        page = self._open(subscription=subscription) if on_page is None else on_page
        forms = page.xpath(f"//*[starts-with(@id, 'continuity_{change}')]//form[contains(@action, '/change/')]")
        self.assertTrue(forms, f"no form for {change}")
        fields = {**dict(forms[0].form_values()), **values}
        return self._post(f'{PAGE}/{subscription.id}/change/{change}', fields)

    def _post(self, url, fields):
        response = self.url_open(url, data=fields)
        self.assertEqual(response.status_code, 200)
        self.env.invalidate_all()
        return self._get_text(html.fromstring(response.text), 'continuity_notice')

    def _get_csrf(self):
        """Return a token of the session, as any form of the portal has one."""
        return html.fromstring(self.url_open('/my/security').text).xpath("//input[@name='csrf_token']/@value")[0]

    def _send(self, change, subscription=None, **values):
        """Send a change past its form, with a good CSRF token; return the text that the page shows then."""
        subscription = subscription or self.subscription
        return self._post(f'{PAGE}/{subscription.id}/change/{change}', {'csrf_token': self._get_csrf(), **values})

    def _get_text(self, page, element_id):
        return ' '.join(''.join(page.xpath(f"//*[@id='{element_id}']//text()")).split())

    def _get_offered(self, page):
        """Return the changes that the page has a form for."""
        return [action.rsplit('/', 1)[1] for action in page.xpath("//form/@action") if '/change/' in action]

    def _get_rows(self, page, section):
        """Return the table of a section as a list of rows of texts."""
        rows = page.xpath(f"//section[@aria-labelledby='continuity_{section}_title']//tbody/tr")
        return [[' '.join(cell.text_content().split()) for cell in row.xpath('./td')] for row in rows]
