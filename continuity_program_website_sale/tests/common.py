from functools import partial
from unittest.mock import patch

from freezegun import freeze_time
from lxml import html

from odoo import fields, http
from odoo.tests import HttpCase, new_test_user

from odoo.addons.continuity_program.tests.common import ContinuityCase


class ShopCase(HttpCase, ContinuityCase):
    """A shop with a demo provider of cards. Ann Archer has a login, others have none."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # No test changes a page, and to read the shop's pages anew is most of what a test takes.
        kept = partial(cls.registry.clear_cache, 'default', 'assets', 'stable', 'routing')
        cls.startClassPatcher(patch.object(cls.registry, 'clear_all_caches', kept))
        cls.website = cls.env['website'].search([('company_id', '=', cls.company.id)], limit=1)
        cls.website.show_line_subtotals_tax_selection = 'tax_included'
        provider = cls.env.ref('payment.payment_provider_demo')
        provider.write({'state': 'test', 'is_published': True, 'allow_tokenization': True})
        cls.demo_method = cls.env.ref('payment_demo.payment_method_demo')
        cls.address = {
            'email': "ann@example.com",
            'phone': "+32 9 123 45 67",
            'street': "1 Long Street",
            'city': "Ghent",
            'zip': "9000",
            'country_id': cls.env.ref('base.be').id,
        }
        cls.customer.write(cls.address)
        new_test_user(cls.env, 'ann-shop', groups='base.group_portal', partner_id=cls.customer.id)

    def _publish(self, events=3, product=None, **values):
        """Return the parent product, for sale in the shop, of a program with these values."""
        program = self._create_program(events, **values)
        return self._create_parent_product(program, is_published=True, **(product or {}))


class ShopPagesCase(ShopCase):
    """What the pages of the shop ask for and show on 10 January 2027 at noon, without a browser."""

    def setUp(self):
        super().setUp()
        frozen = freeze_time('2027-01-10 12:00:00')
        frozen.start()
        self.addCleanup(frozen.stop)
        self.authenticate(None, None)

    # === PAGES === #

    def _open(self, url):
        """Return a page of the shop, as parsed HTML."""
        response = self.url_open(url)
        self.assertEqual(response.status_code, 200)
        return html.fromstring(response.text)

    def _get_text(self, page, xpath):
        return ' '.join(' '.join(page.xpath(f"({xpath})[1]//text()")).split())

    def _post(self, url, **values):
        """Send a form of the shop and return the page that it leads to."""
        response = self.url_open(url, data={'csrf_token': http.Request.csrf_token(self), **values})
        self.assertEqual(response.status_code, 200)
        self.env.invalidate_all()
        return response

    # === BUYING === #

    def _add(self, product, quantity=1):
        """Put a product into the cart and return the cart."""
        self.make_jsonrpc_request(
            '/shop/cart/add',
            {'product_template_id': product.product_tmpl_id.id, 'product_id': product.id, 'quantity': quantity},
        )
        self.env.invalidate_all()
        return self.env['sale.order'].search([('website_id', '=', self.website.id)], order='id desc', limit=1)

    def _change_quantity(self, cart, quantity):
        self.make_jsonrpc_request(
            '/shop/cart/update', {'line_id': cart.continuity_subscription_ids.order_line_id.id, 'quantity': quantity}
        )
        self.env.invalidate_all()

    def _enter_address(self, **values):
        """Fill in the address form as somebody without a login."""
        response = self._post(
            '/shop/address/submit',
            name="Bob Baker",
            use_delivery_as_billing='true',
            address_type='billing',
            **{**self.address, 'email': "bob@example.com", **values},
        )
        self.assertIn('redirectUrl', response.json())

    def _go_to_payment(self):
        """Go through the checkout and return the payment step."""
        self._open('/shop/checkout')
        page = self._open('/shop/payment')
        self.env.invalidate_all()
        return page

    def _get_form(self, page):
        """Return what the payment form asks for: (mode, amount), or nothing where there is no form."""
        forms = page.xpath("//form[@id='o_payment_form']")
        return (forms[0].get('data-mode'), float(forms[0].get('data-amount') or 0)) if forms else None

    def _pay(self, page, state='done', **kwargs):
        """Send the payment form with a new card, and come back from the provider; return the transaction."""
        form = page.xpath("//form[@id='o_payment_form']")[0]
        is_validation = form.get('data-mode') == 'validation'
        values = self._send_payment(
            form.get('data-transaction-route'),
            access_token=form.get('data-access-token'),
            amount=None if is_validation else float(form.get('data-amount')),
            is_validation=is_validation,
            **kwargs,
        )
        return self._come_back(values['reference'], state)

    def _send_payment(self, route, **values):
        return self.make_jsonrpc_request(
            route,
            {
                'provider_id': self.demo_method.provider_ids.filtered(lambda provider: provider.code == 'demo').id,
                'payment_method_id': self.demo_method.id,
                'token_id': None,
                'flow': 'direct',
                'tokenization_requested': False,
                'landing_route': '/shop/payment/validate',
                **values,
            },
        )

    def _come_back(self, reference, state='done'):
        self.make_jsonrpc_request(
            '/payment/demo/simulate_payment',
            {'reference': reference, 'simulated_state': state, 'payment_details': "1234"},
        )
        transaction = self.env['payment.transaction'].search([('reference', '=', reference)])
        self.make_jsonrpc_request('/payment/status/poll', {'csrf_token': http.Request.csrf_token(self)})
        self.env.invalidate_all()
        return transaction

    def _get_payments(self, subscription):
        return [
            (payment.number, fields.Date.to_string(payment.due_date), payment.amount, payment.method)
            for payment in subscription.payment_ids.sorted('number')
        ]
