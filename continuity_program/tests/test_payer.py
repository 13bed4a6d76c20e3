from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import day
from .common_payments import ChargeCase


@tagged('post_install', '-at_install')
class TestInvoiceAddress(ChargeCase):
    """Who gets the bills is one fact, on the parent order: changed there or on the subscription."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.office = cls.env['res.partner'].create(
            {'name': "Office", 'parent_id': cls.customer.id, 'type': 'other', 'email': 'office@example.com'}
        )
        cls.program = cls._create_program(3)

    def _sell_on_account(self, program=None, **values):
        return self._sell(program or self.program, payment_method='on_account', payment_token_id=False, **values)

    def test_changed_on_the_page_it_reaches_the_order(self):
        for confirm in (False, True):
            with self.subTest(confirmed=confirm):
                subscription = self._sell_on_account(confirm=confirm)
                subscription.partner_invoice_id = self.office
                self.assertEqual(subscription.order_id.partner_invoice_id, self.office)

    def test_changed_on_the_order_it_reaches_the_subscription_and_is_tracked(self):
        subscription = self._sell_on_account()
        self.env.flush_all()
        self.flush_tracking()

        subscription.order_id.partner_invoice_id = self.office
        self.env.flush_all()
        self.flush_tracking()

        self.assertEqual(subscription.partner_invoice_id, self.office)
        tracked = subscription.message_ids.tracking_value_ids.filtered(
            lambda value: value.field_id.name == 'partner_invoice_id'
        )
        self.assertEqual(tracked.mapped('new_value_char'), [self.office.display_name])

    def flush_tracking(self):
        self.env.cr.precommit.run()

    def test_what_is_not_billed_yet_follows_and_what_is_stays(self):
        subscription = self._sell_on_account()
        self._run_job('create_orders')
        self._run_job('create_orders', day('2027-02-01'))
        billed, unbilled = subscription.child_order_ids.sorted('commitment_date')
        self._deliver(billed)
        self._run_job('process_payments', day('2027-01-01'))
        bill = billed.invoice_ids

        subscription.partner_invoice_id = self.office
        self._deliver(unbilled.with_env(self._as_of(day('2027-02-01'))))
        self._run_job('create_orders', day('2027-03-01'))
        self._run_job('process_payments', day('2027-02-01'))

        self.assertEqual((billed.partner_invoice_id, bill.partner_id), (self.customer, self.customer))
        self.assertEqual((unbilled.partner_invoice_id, unbilled.invoice_ids.partner_id), (self.office, self.office))
        third = subscription.child_order_ids - billed - unbilled
        self.assertEqual(third.partner_invoice_id, self.office)

    def test_two_plans_of_one_order_follow_together(self):
        first = self._sell_on_account(confirm=False)
        other = self._create_parent_product(self._create_program(2))
        first.order_id.order_line = [(0, 0, {'product_id': other.id})]
        first.order_id.action_confirm()
        self._run_job('create_orders')
        plans = first.order_id.continuity_subscription_ids
        self.assertEqual(len(plans), 2)

        (plans - first).partner_invoice_id = self.office

        self.assertEqual(first.partner_invoice_id, self.office)
        self.assertEqual(plans.child_order_ids.partner_invoice_id, self.office)

    def test_a_bill_in_draft_follows_with_the_terms_that_were_agreed(self):
        self.customer.property_payment_term_id = False
        subscription = self._sell_on_account(self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id))
        bill = subscription.order_id._create_invoices()
        terms = bill.invoice_payment_term_id

        subscription.order_id.partner_invoice_id = self.office

        self.assertEqual((bill.partner_id, bill.invoice_payment_term_id), (self.office, terms))
        self._run_job('process_payments')
        self.assertEqual((bill.state, bill.payment_state), ('posted', 'not_paid'))
        mail = self.env['mail.mail'].search([('model', '=', 'account.move'), ('res_id', '=', bill.id)])
        self.assertEqual(mail.recipient_ids, self.office)

    def test_a_child_order_that_is_paid_by_somebody_else_stays(self):
        subscription = self._sell_on_account()
        self._run_job('create_orders')
        child = subscription.child_order_ids
        aunt = self.env['res.partner'].create({'name': "Aunt"})
        child.partner_invoice_id = aunt

        subscription.partner_invoice_id = self.office

        self.assertEqual(child.partner_invoice_id, aunt)


@tagged('post_install', '-at_install')
class TestAnotherCustomer(ChargeCase):
    """An order that becomes another customer's takes payer, card and plan with it, or is refused in words."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls.env['res.partner'].create({'name': "Bob", 'email': 'bob@example.com'})

    def test_a_quotation_takes_payer_card_and_plan_with_it(self):
        subscription = self._sell(self._create_program(2), confirm=False)
        self.assertEqual((subscription.payment_method, subscription.payment_token_id), ('token', self.token))

        subscription.order_id.partner_id = self.other

        self.assertEqual(subscription.partner_id, self.other)
        self.assertEqual(subscription.partner_invoice_id, self.other)
        self.assertEqual(subscription.partner_shipping_id, self.other)
        self.assertEqual((subscription.payment_method, subscription.payment_token_id.ids), ('on_account', []))

    def test_the_card_of_the_other_customer_is_charged(self):
        subscription = self._sell(self._create_program(2, bill_upfront=True), confirm=False)
        card = self._create_token(self.other)
        subscription.order_id.partner_id = self.other
        self.assertEqual(subscription.payment_token_id, card)

        subscription.order_id.action_confirm()
        self._run_job('process_payments')

        self.assertEqual(subscription.payment_ids.transaction_ids.token_id, card)
        self.assertEqual(subscription.payment_ids.invoice_id.partner_id, self.other)

    def test_a_running_plan_is_not_another_customers(self):
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')
        for order in subscription.order_id | subscription.child_order_ids:
            with self.assertRaisesRegex(UserError, f"{subscription.name}.*Ann Archer.*Sell it to Bob"):
                order.partner_id = self.other
        self.assertEqual(subscription.partner_id, self.customer)

    def test_a_contact_of_the_same_customer_may_have_it(self):
        subscription = self._sell(self._create_program(2))
        contact = self.env['res.partner'].create({'name': "Ann's Son", 'parent_id': self.customer.id})

        subscription.order_id.partner_id = contact

        self.assertEqual((subscription.partner_id, subscription.payment_token_id), (contact, self.token))
