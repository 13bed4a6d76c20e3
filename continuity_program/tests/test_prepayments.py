from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.modules.neutralize import get_neutralization_queries
from odoo.tests import tagged

from .common import day
from .common_payments import ChargeCase, PrepaymentCase


@tagged('post_install', '-at_install')
class TestPrepayments(PrepaymentCase):
    def _sell_by_thirds(self, **values):
        program = self._create_program(
            3, bill_upfront=True, payment_term_id=self.thirds.id, allowed_methods='on_account', **values
        )
        return self._sell(program)

    def test_online_payment_settles_the_earliest_instalments(self):
        subscription = self._sell_by_thirds()
        self._pay_online(subscription.order_id, 30.0)

        self._run_job('process_payments')

        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid', 'billed', 'billed'])
        self.assertEqual(subscription.payment_ids.move_line_id.mapped('amount_residual'), [0.0, 16.2, 23.1])

    def test_card_is_charged_what_is_left(self):
        subscription = self._sell_upfront()
        self._pay_online(subscription.order_id, 30.0)

        for on in ('2027-01-01', '2027-01-31', '2027-03-02'):
            self._run_job('process_payments', day(on))

        self.assertEqual([amount for _reference, amount in self.ledger], [16.2, 23.1])
        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid'] * 3)
        self.assertEqual(subscription.order_id.invoice_ids.amount_residual, 0.0)

    def test_paid_in_full_online_is_charged_nothing(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True), confirm=False)
        self._pay_online(subscription.order_id, 69.3)
        self.assertEqual(subscription.state, 'running')

        run = self._run_job('process_payments')

        self.assertEqual((run.done_count, self.ledger), (1, []))
        self.assertEqual(subscription.payment_ids.state, 'paid')

    def test_down_payment_is_taken_off_the_earliest_instalments_once(self):
        subscription = self._sell_by_thirds()
        order = subscription.order_id
        down_payment = self._bill_down_payment(order, 30.0)

        self._run_job('process_payments')

        bill = subscription.payment_ids.invoice_id
        self.assertEqual(bill.amount_total, 39.3)
        self.assertEqual(subscription.payment_ids.mapped('amount'), [0.0, 16.2, 23.1])
        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid', 'billed', 'billed'])
        self.assertEqual(sorted(order.invoice_ids.mapped('amount_total')), [30.0, 39.3])
        bill.button_draft()
        bill.button_cancel()
        self._run_job('process_payments', day('2027-02-01'))
        self.assertEqual(subscription.payment_ids.mapped('amount'), [0.0, 16.2, 23.1])
        self.assertEqual(subscription.payment_ids.invoice_id.amount_total, 39.3)
        self.assertIn(down_payment, order.invoice_ids)

    def test_down_payment_on_a_shipment_is_taken_off_its_instalments(self):
        program = self._create_program(1, payment_term_id=self.thirds.id, allowed_methods='on_account')
        subscription = self._sell(program)
        self._run_job('create_orders')
        self._bill_down_payment(subscription.child_order_ids, 12.0)

        self._run_job('process_payments')

        self.assertEqual(subscription.payment_ids.mapped('amount'), [0.0, 2.66, 7.34])
        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid', 'billed', 'billed'])
        self.assertEqual(subscription.payment_ids.invoice_id.amount_total, 10.0)

    def test_down_payment_larger_than_the_plan_goes_with_the_ordinary_goods(self):
        lamp = self._create_product("Lamp", 500.0, invoice_policy='order')
        program = self._create_program(3, bill_upfront=True, allowed_methods='on_account')
        subscription = self._sell(program, confirm=False)
        order = subscription.order_id
        order.order_line = [Command.create({'product_id': lamp.id})]
        order.action_confirm()
        self._bill_down_payment(order, 110.0)

        self._run_job('process_payments')

        self.assertEqual(subscription.payment_ids.amount, 69.3)
        amounts = sorted(order.invoice_ids.mapped('amount_total'))
        self.assertEqual(amounts, [69.3, 110.0])
        order._create_invoices(final=True)
        self.assertEqual(sorted(order.invoice_ids.mapped('amount_total')), [69.3, 110.0, 440.0])

    def test_down_payment_on_a_plan_billed_per_shipment_is_refused(self):
        subscription = self._sell(self._create_program(3))

        with self.assertRaisesRegex(UserError, "bills nothing itself"):
            self._bill_down_payment(subscription.order_id, 30.0)

    def test_online_payment_of_a_plan_billed_per_shipment_is_used_up_by_the_first_ones(self):
        subscription = self._sell(self._create_program(3), payment_method='on_account')
        self._pay_online(subscription.order_id, 30.0)
        for on in ('2027-01-01', '2027-02-01'):
            self._run_job('create_orders', day(on))
            self._deliver(subscription.child_order_ids.with_context(continuity_as_of=on))
            self._run_job('process_payments', day(on))

        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid', 'billed'])
        self.assertEqual(subscription.payment_ids[1].move_line_id.amount_residual, 15.1)

    def test_two_shipments_of_one_night_use_up_the_online_payment_one_after_the_other(self):
        for amount, residual, used in ((30.0, 15.1, [1, 1]), (22.0, 23.1, [1, 0])):
            with self.subTest(amount=amount):
                subscription = self._sell(self._create_program(2), payment_method='on_account')
                self._pay_online(subscription.order_id, amount)
                self._run_job('create_orders', day('2027-02-01'), domain=[('id', '=', subscription.id)])
                self._deliver(subscription.child_order_ids.with_context(continuity_as_of='2027-02-01'))

                self._run_job('process_payments', day('2027-02-01'))

                first, second = subscription.payment_ids.sorted('id')
                self.assertEqual((first.state, second.state), ('paid', 'billed'))
                self.assertEqual(second.move_line_id.amount_residual, residual)
                self.assertEqual([len(payment.invoice_id.transaction_ids) for payment in (first, second)], used)

    def test_what_was_paid_online_in_full_is_billed_among_the_cards(self):
        paid, open_one = self._sell_upfront(), self._sell_upfront()
        self._pay_online(paid.order_id, 69.3)

        run = self._run_job('process_payments')

        self.assertEqual((run.done_count, run.skipped_count), (2, 0))
        self.assertEqual(paid.payment_ids.mapped('state'), ['paid'] * 3)
        self.assertEqual(self.ledger, [(f'CP-{open_one.payment_ids[0].id}-1', 23.1)])

    def test_automatic_invoicing_is_taken_over(self):
        self.env['ir.config_parameter'].sudo().set_param('sale.automatic_invoice', 'True')
        subscription = self._sell(self._create_program(3, bill_upfront=True), confirm=False)
        order = subscription.order_id
        self._pay_online(order, 69.3)
        self.assertEqual(order.invoice_ids.mapped('amount_total'), [69.3])

        self._run_job('process_payments')

        self.assertEqual(len(order.invoice_ids), 1)
        self.assertEqual(subscription.payment_ids.invoice_id, order.invoice_ids)
        self.assertEqual(subscription.payment_ids.state, 'paid')

    def test_automatic_invoicing_bills_no_plan_that_is_billed_per_shipment(self):
        self.env['ir.config_parameter'].sudo().set_param('sale.automatic_invoice', 'True')
        lamp = self._create_product("Lamp", 50.0)
        subscription = self._sell(self._create_program(3), confirm=False)
        order = subscription.order_id
        order.order_line = [Command.create({'product_id': lamp.id})]

        self._pay_online(order, 55.0)

        self.assertEqual(order.state, 'sale')
        self.assertEqual(order.invoice_ids.invoice_line_ids.product_id, lamp)


@tagged('post_install', '-at_install')
class TestCardOfTheOrder(PrepaymentCase):
    def setUp(self):
        super().setUp()
        self.token.active = False

    def test_the_card_of_the_online_payment_is_charged_from_then_on(self):
        subscription = self._sell(
            self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id), confirm=False
        )
        self.assertEqual(subscription.payment_method, 'on_account')
        card = self._create_token(payment_details="9999")

        self._pay_online(subscription.order_id, 23.1, token=card)

        self.assertEqual((subscription.payment_method, subscription.payment_token_id), ('token', card))
        for on in ('2027-01-01', '2027-01-31', '2027-03-02'):
            self._run_job('process_payments', day(on))
        self.assertEqual([amount for _reference, amount in self.ledger], [23.1, 23.1])

    def test_a_program_on_account_takes_no_card(self):
        subscription = self._sell(self._create_program(3, allowed_methods='on_account'))

        self._pay_online(subscription.order_id, 5.0, token=self._create_token())

        self.assertEqual((subscription.payment_method, subscription.payment_token_id.id), ('on_account', False))

    def test_the_card_has_to_be_saved_where_it_is_charged_later(self):
        provider = self.token.provider_id.with_env(self._as_of())
        cases = (
            ({}, True),
            ({'allowed_methods': 'on_account'}, False),
            ({'bill_upfront': True}, False),
            ({'bill_upfront': True, 'payment_term_id': self.thirds.id}, True),
            ({'bill_upfront': True, 'upfront_invoice_moment': 'first_shipment'}, True),
        )
        for values, is_required in cases:
            with self.subTest(values=values):
                program = self._create_program(2, **{'allowed_methods': 'token', **values})
                order = self._sell(program, confirm=False).order_id
                self.assertEqual(provider._is_tokenization_required(sale_order_id=order.id), is_required)
        self.assertFalse(provider._is_tokenization_required())

    def test_the_portal_asks_for_what_is_due_now(self):
        lamp = self._create_product("Lamp", 50.0)
        for values, required in (
            ({}, 55.0),
            ({'bill_upfront': True}, 100.1),
            ({'bill_upfront': True, 'payment_term_id': self.thirds.id}, 70.03),
            ({'bill_upfront': True, 'upfront_invoice_moment': 'first_shipment'}, 55.0),
        ):
            with self.subTest(values=values):
                program = self._create_program(2, allowed_methods='on_account', **values)
                order = self._sell(program, confirm=False).order_id
                order.write(
                    {
                        'order_line': [Command.create({'product_id': lamp.id})],
                        'require_payment': True,
                        'prepayment_percent': 1.0,
                    }
                )
                self.assertEqual(order._get_prepayment_required_amount(), required)

    def test_a_quotation_accepted_late_asks_for_the_first_instalment_only(self):
        program = self._create_program(
            3, allowed_methods='on_account', bill_upfront=True, payment_term_id=self.thirds.id
        )
        order = self._sell(program, confirm=False).order_id
        order.write({'require_payment': True, 'prepayment_percent': 1.0})

        late = order.with_env(self._as_of(day('2027-02-05')))

        self.assertEqual(late._get_prepayment_required_amount(), 23.1)

    def test_a_card_saved_without_paying_confirms_the_quotation(self):
        program = self._create_program(3, allowed_methods='token')
        order = self._sell(program, confirm=False).order_id
        order.write({'require_signature': False, 'require_payment': True})
        order.action_quotation_sent()
        self.assertTrue(order._has_to_be_paid())
        self.assertTrue(order._saves_card_only())
        card = self._create_token()

        self._pay_online(
            order, 0.0, token=card, operation='validation', sale_order_ids=False, continuity_order_id=order.id
        )

        self.assertEqual(order.state, 'sale')
        self.assertEqual(order.continuity_subscription_ids.payment_token_id, card)
        self.assertFalse(order._needs_continuity_card())

    def test_a_quotation_that_cannot_be_confirmed_keeps_the_saved_card(self):
        order = self._sell(self._create_program(3, allowed_methods='token'), confirm=False).order_id
        order.write({'require_signature': False, 'require_payment': True})
        order.action_quotation_sent()
        card = self._create_token()

        with (
            patch.object(self.registry['sale.order'], '_confirm_with_card', side_effect=UserError("Not today.")),
            self.assertLogs('odoo.addons.continuity_program.models.payment.transaction', 'WARNING') as logs,
        ):
            self._pay_online(
                order, 0.0, token=card, operation='validation', sale_order_ids=False, continuity_order_id=order.id
            )

        self.assertIn('_confirm_with_card', logs.output[0])
        self.assertEqual((order.state, order.continuity_subscription_ids.payment_token_id), ('sent', card))

    def test_a_payment_that_saves_no_card_confirms_nothing_that_is_charged_later(self):
        lamp = self._create_product("Lamp", 50.0)
        order = self._sell(self._create_program(3, allowed_methods='token'), confirm=False).order_id
        order.write(
            {
                'order_line': [Command.create({'product_id': lamp.id})],
                'require_signature': False,
                'require_payment': True,
                'prepayment_percent': 1.0,
            }
        )

        self._pay_online(order, 55.0)

        self.assertEqual(order.state, 'draft')
        self.assertTrue(order._saves_card_only())
        with self.assertRaisesRegex(UserError, "confirmed once the card is saved"):
            order._validate_order()
        card = self._create_token()
        self._pay_online(
            order, 0.0, token=card, operation='validation', sale_order_ids=False, continuity_order_id=order.id
        )
        self.assertEqual(order.state, 'sale')

    def test_a_new_card_is_taken_where_the_old_one_was_declined(self):
        card = self._create_token()
        subscription = self._sell_upfront()
        other = self._sell_upfront()
        other.payment_token_id = card
        self.answers = ['error']
        self._run_job('process_payments', domain=[('subscription_id', '=', subscription.id)])
        new = self._create_token(payment_details="7777")

        self._pay_online(subscription.order_id, 0.0, token=new, operation='validation', sale_order_ids=False)

        self.assertEqual((subscription.payment_token_id, other.payment_token_id), (new, card))
        self._run_job('process_payments', domain=[('subscription_id', '=', subscription.id)])
        self.assertEqual(subscription.payment_ids[0].state, 'paid')


@tagged('post_install', '-at_install')
class TestNeutralize(ChargeCase):
    def test_a_neutralized_database_charges_nobody(self):
        subscription = self._sell_upfront()
        self.env.flush_all()
        for query in get_neutralization_queries(['continuity_program']):
            self.env.cr.execute(query)
        self.env.invalidate_all()

        run = self._run_job('process_payments')

        self.assertEqual((self.ledger, run.issue_ids.mapped('kind')), ([], ['no_token']))
        self.assertFalse(subscription.payment_ids.transaction_ids)
