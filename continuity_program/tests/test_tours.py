import time

from odoo.fields import Command
from odoo.tests import HttpCase, new_test_user, tagged


@tagged('post_install', '-at_install')
class TestTours(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        books = cls.env['product.product'].create(
            [
                {'name': f"Book {number}", 'type': 'consu', 'is_storable': True, 'list_price': 20.0, 'taxes_id': False}
                for number in range(1, 4)
            ]
        )
        club = cls.env['continuity.program'].create(
            {
                'name': "Book Club",
                'prompt_start_date': True,
                'line_ids': [Command.create({'product_id': book.id}) for book in books],
            }
        )
        refill = cls.env['continuity.program'].create(
            {'name': "Refill", 'line_ids': [Command.create({'product_id': books[0].id, 'repeat_forever': True})]}
        )
        cls.club_product = cls.env['product.template'].create(
            {'name': "Tour Book Club", 'type': 'service', 'continuity_program_id': club.id}
        )
        cls.env['product.template'].create(
            {'name': "Tour Coffee Plan", 'type': 'service', 'continuity_program_id': refill.id}
        )
        cls.customer = cls.env['res.partner'].create({'name': "Tour Customer"})
        cls.agent = new_test_user(cls.env, 'continuity_agent', groups='sales_team.group_sale_salesman')
        cls.manager = new_test_user(cls.env, 'continuity_manager', groups='sales_team.group_sale_manager')

    def _read_orders_slowly(self):
        """As on a busy server: what an agent does while the order is read again must not be lost."""
        read = self.env.registry['sale.order'].web_read

        def read_slowly(orders, specification):
            time.sleep(0.5)
            return read(orders, specification)

        self.patch(self.env.registry['sale.order'], 'web_read', read_slowly)

    def test_agent_sells_by_the_page(self):
        self._read_orders_slowly()

        self.start_tour('/odoo/sales/new', 'continuity_sell', login='continuity_agent')

        order = self.env['sale.order'].search([('partner_id', '=', self.customer.id)])
        self.assertEqual(order.state, 'sale')
        club, refill = order.continuity_subscription_ids.sorted('id')
        self.assertEqual((club | refill).mapped('state'), ['running', 'running'])
        self.assertEqual(club.line_ids.mapped('product_id.name'), ["Book 1", "Book 2", "Book 3"])
        self.assertEqual(refill.line_ids.sorted('event_number').mapped('quantity'), [7.0] + [1.0] * 11)

    def test_page_opens_for_variants_and_optional_products(self):
        binding = self.env['product.attribute'].create(
            {'name': "Binding", 'value_ids': [Command.create({'name': "Hard"}), Command.create({'name': "Soft"})]}
        )
        choice = self.env['product.template'].create(
            {
                'name': "Tour Choice Club",
                'type': 'service',
                'continuity_program_id': self.club_product.continuity_program_id.id,
                'attribute_line_ids': [
                    Command.create({'attribute_id': binding.id, 'value_ids': [Command.set(binding.value_ids.ids)]})
                ],
            }
        )
        self.env['product.template'].create(
            {
                'name': "Tour Lamp",
                'type': 'consu',
                'taxes_id': False,
                'optional_product_ids': [Command.set(self.club_product.ids)],
            }
        )

        self.start_tour('/odoo/sales/new', 'continuity_configurator', login='continuity_agent')

        order = self.env['sale.order'].search([('partner_id', '=', self.customer.id)])
        self.assertEqual(len(order.order_line), 3)
        self.assertEqual(order.continuity_subscription_ids.product_id.product_tmpl_id, choice | self.club_product)

    def test_page_opens_after_a_refused_save(self):
        self.start_tour('/odoo/sales/new', 'continuity_refused_save', login='continuity_agent')

        order = self.env['sale.order'].search([('partner_id', '=', self.customer.id)])
        self.assertEqual(len(order.continuity_subscription_ids), 1)

    def test_manager_runs_a_job(self):
        order = self.env['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'order_line': [Command.create({'product_id': self.club_product.product_variant_id.id})],
            }
        )
        order.action_confirm()

        self.start_tour('/odoo/continuity-subscriptions', 'continuity_run_job', login='continuity_manager')

        self.assertEqual(order.continuity_child_ids.order_line.product_id.name, "Book 1")

    def test_customer_saves_a_card_in_the_portal(self):
        provider = self.env.ref('payment.payment_provider_demo')
        provider.write({'state': 'test', 'is_published': True})
        order = self.env['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'require_signature': False,
                'require_payment': True,
                'order_line': [Command.create({'product_id': self.club_product.product_variant_id.id})],
            }
        )
        subscription = order.continuity_subscription_ids
        subscription.payment_method = 'token'
        order.action_quotation_sent()

        self.start_tour(order.get_portal_url(), 'continuity_save_card')

        self.assertEqual(order.state, 'sale')
        self.assertEqual(subscription.payment_token_id.partner_id, self.customer)
        self.assertEqual(subscription.state, 'running')
        self.assertEqual(self.env['payment.transaction'].search([('continuity_order_id', '=', order.id)]).amount, 0.0)

    def test_customer_declines_an_announced_shipment(self):
        self.customer.email = 'tour@example.com'
        self.club_product.continuity_program_id.announce_days = 40
        order = self.env['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'order_line': [Command.create({'product_id': self.club_product.product_variant_id.id})],
            }
        )
        order.action_confirm()
        self.env['continuity.job.run']._execute('announce', domain=[('order_id', '=', order.id)])
        line = order.continuity_subscription_ids.line_ids.sorted('event_number')[1]

        self.start_tour(line._get_announcement_url().removeprefix(line.get_base_url()), 'continuity_decline')

        self.assertRecordValues(line, [{'state': 'skipped', 'is_declined': True}])
