from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_regressions import RegressionCase


@tagged('post_install', '-at_install')
class TestPaidInAdvance(RegressionCase):
    def _sell_upfront(self, **kwargs):
        """Sell three books for 20, 21 and 22 in advance."""
        return self._sell_for(self.agent, self._create_program(3, bill_upfront=True), **kwargs)

    def _get_amounts(self, subscription):
        """Return what the order bills, the untaxed shares of the shipments and the planned payments."""
        return (
            subscription.order_id.amount_total,
            subscription.line_ids.mapped('prepaid_amount'),
            subscription.payment_ids.mapped('amount'),
        )

    def test_running_plan_takes_no_other_goods(self):
        subscription = self._sell_upfront().with_user(self.agent)
        line = subscription.line_ids[0]
        dozen = self.env.ref('uom.product_uom_dozen')
        for values in ({'quantity': 100.0}, {'product_id': self.books[5].id}, {'product_uom_id': dozen.id}):
            with self.subTest(values), self.assertRefused("is paid in advance: its product and quantity"):
                line.write(values)
        with self.assertRefused("is paid in advance: sell what comes in addition"):
            self.env['continuity.line'].with_user(self.agent).create(
                {'subscription_id': subscription.id, 'product_id': self.books[5].id, 'date_planned': self.today}
            )

        self.assertEqual((line.quantity, line.product_id.name, len(subscription.line_ids)), (1.0, "Book 1", 3))

    def test_running_plan_takes_date_carrier_and_address(self):
        line = self._sell_upfront().with_user(self.agent).line_ids[0]
        carrier = self._create_carrier()

        line.write({'date_planned': day('2027-01-05'), 'carrier_id': carrier.id})
        line.partner_shipping_id = self.elsewhere

        self.assertEqual(line.date_planned, day('2027-01-05'))
        self.assertEqual((line.carrier_id, line.partner_shipping_id), (carrier, self.elsewhere))
        self.assertEqual(line.prepaid_amount, 20.0)

    def test_shares_and_payments_follow_the_quantity_until_billed(self):
        subscription = self._sell_upfront()
        self.assertEqual(self._get_amounts(subscription), (69.3, [20.0, 21.0, 22.0], [69.3]))

        subscription.order_line_id.product_uom_qty = 2

        self.assertEqual(self._get_amounts(subscription), (138.6, [40.0, 42.0, 44.0], [138.6]))
        self.assertEqual(subscription.line_ids.mapped('quantity'), [2.0, 2.0, 2.0])

    def test_shares_and_payments_follow_the_discount(self):
        subscription = self._sell_upfront()

        subscription.order_line_id.discount = 50

        self.assertEqual(self._get_amounts(subscription), (34.65, [10.0, 10.5, 11.0], [34.65]))
        subscription.order_line_id.product_uom_qty = 2
        self.assertEqual(self._get_amounts(subscription), (69.3, [20.0, 21.0, 22.0], [69.3]))

    def test_quantity_is_fixed_once_billed(self):
        subscription = self._sell_upfront()
        self._run_job('process_payments')

        with self.assertRefused("is billed in advance: its quantity cannot change"):
            subscription.order_line_id.product_uom_qty = 2

        self.assertEqual(self._get_amounts(subscription), (69.3, [20.0, 21.0, 22.0], [69.3]))


@tagged('post_install', '-at_install')
class TestWaysOfPaying(RegressionCase):
    def test_card_of_another_customer_is_refused(self):
        subscription = self._sell_for(self.agent).with_user(self.agent)
        theirs, own = self._create_token(self.elsewhere), self._create_token()

        with self.assertRefused("the card belongs to another customer", ValidationError):
            subscription.write({'payment_token_id': theirs.id, 'payment_method': 'token'})
        subscription.write({'payment_token_id': own.id, 'payment_method': 'token'})

        self.assertEqual((subscription.payment_method, subscription.sudo().payment_token_id), ('token', own))

    def test_method_the_program_does_not_allow_is_refused(self):
        subscription = self._sell(self._create_program(2, allowed_methods='on_account'))

        with self.assertRefused("does not allow this way of paying", ValidationError):
            subscription.payment_method = 'token'

        self.assertEqual(subscription.payment_method, 'on_account')

    def test_program_for_cards_only_is_sold(self):
        subscription = self._sell(self._create_program(2, allowed_methods='token'))
        self.assertEqual(subscription.payment_method, 'token')

        with self.assertRefused("does not allow this way of paying", ValidationError):
            subscription.payment_method = 'on_account'

    def test_payment_schedule_the_program_does_not_allow_is_refused(self):
        allowed, other, discount = self._create_term(), self._create_term(), self._create_term(early_discount=True)
        subscription = self._sell(self._create_program(2, allowed_payment_term_ids=[Command.set(allowed.ids)]))

        for term in (other, discount):
            with self.assertRefused("is no payment schedule that program Book Club allows", ValidationError):
                subscription.payment_term_id = term
        subscription.payment_term_id = allowed

        self.assertEqual(subscription.payment_term_id, allowed)

    def test_event_takes_no_early_discount(self):
        program = self._create_program(1)

        with self.assertRefused("has an early payment discount", ValidationError):
            program.line_ids.payment_term_id = self._create_term(early_discount=True)
