import time

from odoo import fields
from odoo.fields import Command
from odoo.tests import HttpCase, new_test_user, tagged

from .common import ContinuityCase, day


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

    def _quote_in_advance(self, **values):
        """Return a quotation of a plan of three books for 60.00, billed in advance."""
        self.club_product.continuity_program_id.bill_upfront = True
        line = Command.create({'product_id': self.club_product.product_variant_id.id})
        return self.env['sale.order'].create(
            {'partner_id': self.customer.id, 'order_line': [line], 'user_id': self.agent.id, **values}
        )

    def test_agent_gives_ten_percent(self):
        self.agent.group_ids |= self.env.ref('sale.group_discount_per_so_line')
        # The first discount of a company makes its product, which a salesperson may not.
        self.env.company.sale_discount_product_id = self.env['product.product'].create(
            {'name': "Discount", 'type': 'service', 'invoice_policy': 'order', 'taxes_id': False}
        )
        order = self._quote_in_advance()

        self.start_tour(f'/odoo/sales/{order.id}', 'continuity_give_discount', login='continuity_agent')

        self.assertEqual(order.amount_total, 54.0)
        self.assertEqual(order.continuity_subscription_ids.payment_ids.amount, 54.0)

    def test_customer_pays_a_discounted_plan_in_the_portal(self):
        provider = self.env.ref('payment.payment_provider_demo')
        provider.write({'state': 'test', 'is_published': True})
        order = self._quote_in_advance(require_signature=False, require_payment=True, prepayment_percent=1.0)
        self.env['sale.order.discount'].with_context(active_id=order.id).create(
            {'sale_order_id': order.id, 'discount_type': 'so_discount', 'discount_percentage': 0.1}
        ).action_apply_discount()
        order.action_quotation_sent()

        self.start_tour(order.get_portal_url(), 'continuity_pay_discounted')

        self.env['continuity.job.run']._execute('process_payments', domain=[('order_id', '=', order.id)])
        self.assertEqual(order.state, 'sale')
        self.assertEqual(order.transaction_ids.mapped('amount'), [54.0])
        self.assertEqual(order.invoice_ids.amount_total, 54.0)
        self.assertEqual(order.continuity_subscription_ids.payment_ids.mapped('state'), ['paid'])

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


@tagged('post_install', '-at_install')
class TestOfficeTours(ContinuityCase, HttpCase):
    """What the office does with programs that are sold already."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The browser lives today.
        cls.today = fields.Date.today()
        cls.halves = cls._create_schedule("In halves", (50.0, 0), (50.0, 30))
        cls.books.taxes_id = False
        cls._create_user(
            'office', 'sales_team.group_sale_manager', 'account.group_account_invoice', 'stock.group_stock_user'
        )

    def _start(self, action, record, tour):
        self.start_tour(f'/odoo/action-{action}/{record.id}', tour, login='office')

    def test_plan_is_edited(self):
        subscription = self._sell(self._create_program(3), confirm=False, on=self.today)
        subscription.order_line_id.name = "Book Club"

        self._start('sale.action_quotations', subscription.order_id, 'continuity_edit_plan')

        self.assertEqual(subscription.line_ids.mapped('quantity'), [1.0, 4.0, 1.0])
        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 21.0, 11.0])

    def test_sold_plans_follow_the_program(self):
        subscription = self._sell(self._create_program(3), on=self.today)

        self._start('continuity_program.continuity_program_action', subscription.program_id, 'continuity_sync')

        self.assertEqual(subscription.line_ids.mapped('quantity'), [1.0, 2.0, 1.0])

    def test_declined_and_tried_again_with_another_card(self):
        subscription = self._sell_by_card(demo_simulated_state='error')
        self._create_token(payment_details='1111', demo_simulated_state='done')
        self._run_job('process_payments')
        payment = subscription.payment_ids[0]
        self.assertEqual(payment.state, 'declined')

        self._start('continuity_program.continuity_payment_action', payment, 'continuity_decline_and_retry')

        self.assertEqual(payment.transaction_ids.sorted('id').mapped('state'), ['error', 'done'])
        self.assertFalse(subscription.child_order_ids.continuity_payment_hold)

    def test_delivery_is_held_and_released(self):
        subscription = self._sell_by_card(demo_simulated_state='done')
        self.env['stock.quant']._update_available_quantity(
            self.books[0], subscription.order_id.warehouse_id.lot_stock_id, 5.0
        )
        payment = subscription.payment_ids[0]

        self._start('continuity_program.continuity_payment_action', payment, 'continuity_hold_and_release')

        self.assertEqual(subscription.child_order_ids.picking_ids.state, 'done')

    def _sell_by_card(self, **token):
        """Return a subscription of today, in halves by card, with its first child order."""
        self._create_token(**token)
        subscription = self._sell(self._create_program(2, payment_term_id=self.halves.id), on=self.today)
        self._run_job('create_orders')
        return subscription


@tagged('post_install', '-at_install')
class TestPortalTours(ContinuityCase, HttpCase):
    """What the customer does in the portal, on a phone."""

    browser_size = '390x844'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The browser lives today.
        cls.today = fields.Date.today()
        new_test_user(
            cls.env, 'ann-portal', groups='base.group_portal', name=cls.customer.name, partner_id=cls.customer.id
        )

    def _start(self, tour):
        self.start_tour('/my', tour, login='ann-portal')

    def _sell_declined(self):
        """Return a subscription whose card was declined for the first shipment."""
        self._create_token(demo_simulated_state='error').provider_id.is_published = True
        subscription = self._sell(self._create_program(3), on=self.today)
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        self._run_job('process_payments')
        self.assertEqual(subscription.payment_ids.state, 'declined')
        return subscription

    def test_customer_pauses(self):
        subscription = self._sell(self._create_program(3), on=self.today)

        self._start('continuity_portal_pause')

        self.assertEqual((subscription.state, subscription.resume_date), ('paused', day('2040-01-01')))

    def test_customer_pays_a_declined_instalment(self):
        subscription = self._sell_declined()

        self._start('continuity_portal_pay')

        self.assertEqual(subscription.payment_ids.state, 'paid')
        self.assertEqual(subscription.payment_ids.invoice_id.amount_residual, 0.0)

    def test_customer_saves_another_card(self):
        subscription = self._sell_declined()

        self._start('continuity_portal_card')

        self.assertEqual(subscription.payment_token_id.payment_details, "4111111111119876")
        self._run_job('process_payments')
        self.assertEqual(subscription.payment_ids.state, 'paid')
