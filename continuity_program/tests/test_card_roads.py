from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_payment_roads import RoadCase
from .common_payments import ChargeCase


class CardCase(RoadCase, ChargeCase):
    """The same instalments, of a customer whose card is charged."""

    def _get_charged(self):
        return [amount for _reference, amount in self.ledger]

    def _charge_first(self):
        """Sell a plan in advance and charge its first instalment."""
        payments = self._bill(self._sell_upfront())
        self.assertEqual(self._get_open(payments), [('paid', 0.0), ('scheduled', 20.79), ('scheduled', 13.86)])
        self.assertEqual(self._get_charged(), [34.65])
        return payments

    def _order_with_prepayment(self, amount):
        """Return the instalments of a quotation that the customer confirms by paying online."""
        subscription = self._sell_upfront(confirm=False)
        order = subscription.order_id
        order.write({'require_payment': True, 'prepayment_percent': 0.5})
        self._pay_online(amount, sale_order_ids=[Command.set(order.ids)])
        self.assertEqual(order.state, 'sale')
        return subscription.payment_ids.sorted('number')


@tagged('post_install', '-at_install')
class TestCardRoads(CardCase):
    def test_charge_whose_payment_is_cancelled_is_open_and_left_to_a_human(self):
        payments = self._charge_first()
        payment = payments.transaction_ids.payment_id

        payment.action_draft()
        self.assertEqual(self._get_open(payments)[0], ('scheduled', 0.0))
        payment.action_cancel()
        self.assertEqual(self._get_open(payments)[0], ('scheduled', 34.65))
        run = self._run_job('process_payments', day('2027-01-02'))

        self.assertEqual(run.issue_ids.mapped('res_id'), payments[0].ids)
        self.assertIn("was charged already", payments[0].park_reason)
        self.assertEqual(self._get_charged(), [34.65])
        self._register(payments[0].move_line_id)
        self.assertEqual(self._get_open(payments)[0], ('paid', 0.0))
        self.assertFalse(payments[0].is_parked)
        self.assertFalse(payments[0].activity_ids)

    def test_invoice_that_replaces_another_takes_over_its_instalments(self):
        """*Reverse and Create Invoice*: the old bill is credited, the new one goes on with what was paid."""
        subscription = self._sell_upfront()
        payments = self._bill(subscription)
        old = payments.invoice_id
        action = (
            self.env['account.move.reversal']
            .with_context(active_model='account.move', active_ids=old.ids)
            .create({'journal_id': old.journal_id.id})
            .modify_moves()
        )
        new = self.env['account.move'].browse(action['res_id'])
        self.assertEqual((payments.invoice_id, payments.mapped('state')), (new, ['scheduled'] * 3))

        new.invoice_line_ids.price_unit = 60.0
        new.action_post()

        self.assertEqual(self._get_open(payments), [('paid', 0.0), ('scheduled', 20.79), ('scheduled', 10.56)])
        self.assertEqual(old.payment_state, 'reversed')
        for on in ('2027-01-31', '2027-03-02'):
            self._run_job('process_payments', day(on))
        self.assertEqual([amount for _reference, amount in self.ledger], [34.65, 20.79, 10.56])
        self.assertEqual(new.amount_residual, 0.0)

    def test_more_time_given_on_the_bill_counts_for_the_card(self):
        subscription = self._sell_upfront()
        payments = self._bill(subscription)

        payments[1].move_line_id.date_maturity = day('2027-02-15')

        self.assertEqual(payments[1].due_date, day('2027-02-15'))
        self._run_job('process_payments', day('2027-02-14'))
        self.assertEqual(len(self.ledger), 1)
        self._run_job('process_payments', day('2027-02-15'))
        self.assertEqual(self.ledger[1:], [(f'CP-{payments[1].id}-1', 20.79)])

    def test_a_charge_is_in_the_books_where_odoo_waits_for_the_bank(self):
        """With Odoo's accounting a provider needs no outstanding account: its payments have no entry of their own."""
        provider = self.token.provider_id
        lines = provider.journal_id.inbound_payment_method_line_ids
        lines.filtered(lambda line: line.payment_provider_id == provider).payment_account_id = False
        self.patch(self.registry['account.move'], '_get_invoice_in_payment_state', lambda _move: 'in_payment')
        subscription = self._sell_upfront()

        payments = self._bill(subscription)

        self.assertEqual(self._get_open(payments)[0], ('paid', 0.0))

    def test_card_is_charged_only_what_is_left(self):
        payments = self._charge_first()
        part = self._register(payments[1].move_line_id, amount=5.0)
        self.assertEqual(self._get_open(payments)[1], ('scheduled', 15.79))

        self._run_job('process_payments', day('2027-01-31'))

        self.assertEqual(self._get_charged(), [34.65, 15.79])
        self.assertEqual(self._get_open(payments)[1], ('paid', 0.0))
        self._cancel(part)
        self.assertEqual(self._get_open(payments)[1], ('scheduled', 5.0))

    def test_decline_tells_what_was_tried(self):
        payments = self._charge_first()
        self._register(payments[1].move_line_id, amount=5.0)
        self.answers = ['error']

        self._run_job('process_payments', day('2027-01-31'))

        mail = self.env['mail.mail'].search([('subject', 'like', "your card was declined")])
        self.assertIn("15.79", mail.body_html)
        self.assertNotIn("20.79", mail.body_html)

    def test_card_is_not_charged_for_what_came_by_bank(self):
        payments = self._charge_first()
        statement_line = self._import_statement(20.79)
        self._match(statement_line, payments[1].move_line_id)

        self._run_job('process_payments', day('2027-01-31'))
        self.assertEqual(self._get_charged(), [34.65])

        statement_line.action_undo_reconciliation()
        self._run_job('process_payments', day('2027-02-01'))
        self.assertEqual(self._get_charged(), [34.65, 20.79])
        self.assertEqual(self._get_open(payments), [('paid', 0.0), ('paid', 0.0), ('scheduled', 13.86)])

    def test_card_waits_while_the_counterpart_is_in_draft(self):
        payments = self._charge_first()
        payment = self._register(payments[1].move_line_id)
        payment.action_draft()
        self.assertEqual(self._get_open(payments)[1], ('scheduled', 0.0))

        self._run_job('process_payments', day('2027-01-31'))
        self.assertEqual(self._get_charged(), [34.65])

        payment.action_cancel()
        self._run_job('process_payments', day('2027-02-01'))
        self.assertEqual(self._get_charged(), [34.65, 20.79])
        self.assertEqual(self._get_open(payments)[1], ('paid', 0.0))

    def test_card_is_not_charged_for_an_order_paid_online(self):
        payments = self._order_with_prepayment(69.3)

        for on in ('2027-01-01', '2027-01-31', '2027-03-02'):
            self._run_job('process_payments', day(on))

        self.assertEqual(self.ledger, [])
        self.assertEqual(self._get_open(payments), [('paid', 0.0)] * 3)
        self.assertEqual(self.customer.credit, 0.0)

    def test_prepayment_online_comes_off_the_earliest(self):
        payments = self._order_with_prepayment(40.0)

        self._run_job('process_payments')
        self.assertEqual(self.ledger, [])
        self.assertEqual(self._get_open(payments), [('paid', 0.0), ('scheduled', 15.44), ('scheduled', 13.86)])
        for on in ('2027-01-31', '2027-03-02'):
            self._run_job('process_payments', day(on))

        self.assertEqual(self._get_charged(), [15.44, 13.86])
        self.assertEqual(self._get_open(payments), [('paid', 0.0)] * 3)
        self.assertEqual(self.customer.credit, 0.0)

    def test_customer_pays_two_online_and_the_card_the_third(self):
        self.answers = ['error']
        payments = self._bill(self._sell_upfront())
        self.assertEqual(payments.mapped('state'), ['declined', 'scheduled', 'scheduled'])

        self._pay_online(55.44, invoice_ids=[Command.set(payments.invoice_id.ids)])
        for on in ('2027-01-04', '2027-01-31', '2027-03-02'):
            self._run_job('process_payments', day(on))

        self.assertEqual(self._get_charged(), [34.65, 13.86])
        self.assertEqual(self._get_open(payments), [('paid', 0.0)] * 3)


@tagged('post_install', '-at_install')
class TestHoldsFollow(CardCase):
    """A child order is held while an instalment is declined, and the hold follows its receivable line."""

    def _decline(self, subscription):
        """Let the first instalment be declined; return it and the child order that is held for it."""
        self.answers = ['error']
        self._run_job('create_orders')
        self._run_job('process_payments')
        payment = subscription.payment_ids.sorted('number')[0]
        self._check_held(payment)
        return payment

    def _check_held(self, payment):
        child = payment.subscription_id.child_order_ids
        self.assertEqual(payment.state, 'declined')
        self.assertTrue(child.continuity_payment_hold)
        self.assertEqual(child.continuity_payment_hold_reason, "instalment 1 of 01/01/2027 is declined.")
        self.assertEqual(child.picking_ids.state, 'confirmed')

    def _check_released(self, payment):
        child = payment.subscription_id.child_order_ids
        self.assertEqual(payment.state, 'paid')
        self.assertFalse(child.continuity_payment_hold)
        self.assertFalse(child.continuity_payment_hold_reason)

    def test_settled_by_bank_and_undone(self):
        payment = self._decline(self._sell_upfront())
        statement_line = self._import_statement(34.65)

        self._match(statement_line, payment.move_line_id)
        self._check_released(payment)
        statement_line.action_undo_reconciliation()
        self._check_held(payment)

    def test_shipment_with_a_schedule_settled_by_bank_and_undone(self):
        payment = self._decline(self._sell_shipment())
        statement_line = self._import_statement(11.0)

        self._match(statement_line, payment.move_line_id)
        self._check_released(payment)
        statement_line.action_undo_reconciliation()
        self._check_held(payment)

    def test_paid_online_and_cancelled(self):
        payment = self._decline(self._sell_upfront())

        transaction = self._pay_online(34.65, invoice_ids=[Command.set(payment.invoice_id.ids)])
        self._check_released(payment)
        self._cancel(transaction.payment_id)
        self._check_held(payment)

    def test_counterpart_reset_to_draft_and_posted_again(self):
        payment = self._decline(self._sell_upfront())
        received = self._register(payment.move_line_id)
        self._check_released(payment)

        received.action_draft()
        self._check_held(payment)
        received.action_post()
        self._check_released(payment)

    def test_credit_note_reset_to_draft_and_cancelled(self):
        payment = self._decline(self._sell_upfront())
        credit_note = self._credit(payment.invoice_id)
        credit_note.action_post()
        self._check_released(payment)

        credit_note.button_draft()
        self._check_held(payment)
        credit_note.button_cancel()
        self._check_held(payment)

    def test_part_of_it_releases_nothing(self):
        payment = self._decline(self._sell_upfront())

        self._register(payment.move_line_id, amount=34.64)
        self._check_held(payment)
        self._register(payment.move_line_id)
        self._check_released(payment)

    def test_charged_at_creation_and_charged_back(self):
        self.company.continuity_charge_moment = 'creation'
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')
        child = subscription.child_order_ids
        self._run_job('process_payments')
        self.assertEqual(self._get_charged(), [22.0])
        self.assertFalse(child.continuity_payment_hold)

        self._cancel(subscription.payment_ids.transaction_ids.payment_id)

        self.assertTrue(child.continuity_payment_hold)
        self.assertEqual(child.continuity_payment_hold_reason, "it is delivered once its card payment has succeeded.")
