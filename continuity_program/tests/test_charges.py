from unittest.mock import patch

from psycopg2 import errors

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_payments import ChargeCase


@tagged('post_install', '-at_install')
class TestCharges(ChargeCase):
    def _sell_six(self):
        """Return the payments of six plans of 22.00: by card, on account, in turns; the last one's card is gone."""
        program = self._create_program(1, bill_upfront=True)
        payments = self.env['continuity.payment']
        for method in ('token', 'on_account', 'token', 'on_account', 'token', 'token'):
            payments |= self._sell(program, payment_method=method).payment_ids
        payments[5].subscription_id.payment_token_id = False
        return payments

    def test_cards_and_bills_of_one_night(self):
        payments = self._sell_six()
        invoiced = []
        create_invoices = self.registry['sale.order']._create_invoices

        def _create_invoices(orders, **kwargs):
            invoiced.append(orders)
            return create_invoices(orders, **kwargs)

        with patch.object(self.registry['sale.order'], '_create_invoices', _create_invoices):
            run = self._run_job('process_payments')

        self.assertEqual((run.done_count, run.issue_ids.mapped('kind')), (5, ['no_token']))
        self.assertEqual(self.ledger, [(f'CP-{payments[index].id}-1', 22.0) for index in (0, 2, 4)])
        self.assertEqual(payments.mapped('state'), ['paid', 'billed', 'paid', 'billed', 'paid', 'scheduled'])
        self.assertEqual([len(payment.order_id.invoice_ids) for payment in payments], [1] * 6)
        by_card, on_account = payments[0] | payments[2] | payments[4], payments[1] | payments[3]
        # Each of them together.
        self.assertEqual(invoiced, [on_account.order_id, by_card.order_id, payments[5].order_id])
        mails = self.env['mail.mail'].search([('model', '=', 'account.move')])
        self.assertEqual(sorted(mails.mapped('res_id')), sorted(on_account.invoice_id.ids))

    def test_up_to_a_number_the_oldest_go_first_whatever_they_are(self):
        payments = self._sell_six()

        run = self._run_job('process_payments', limit=3)

        self.assertEqual(run.done_count, 3)
        self.assertEqual(payments.mapped('state'), ['paid', 'billed', 'paid', 'scheduled', 'scheduled', 'scheduled'])
        self.assertEqual([len(payment.order_id.invoice_ids) for payment in payments], [1, 1, 1, 0, 0, 0])

    def test_one_order_paid_by_card_and_on_account(self):
        program = self._create_program(1, bill_upfront=True)
        by_card = self._sell(program, confirm=False)
        by_card.order_id.order_line = [Command.create({'product_id': by_card.product_id.id})]
        on_account = by_card.order_id.continuity_subscription_ids - by_card
        on_account.payment_method = 'on_account'
        by_card.order_id.action_confirm()

        run = self._run_job('process_payments')

        self.assertEqual((run.done_count, self.ledger), (2, [(f'CP-{by_card.payment_ids.id}-1', 22.0)]))
        invoice = by_card.order_id.invoice_ids
        self.assertEqual((len(invoice), invoice.amount_total, invoice.amount_residual), (1, 44.0, 22.0))
        self.assertEqual((by_card.payment_ids.state, on_account.payment_ids.state), ('paid', 'billed'))
        self.assertEqual(self.env['mail.mail'].search_count([('model', '=', 'account.move')]), 1)

    def test_a_bill_that_fails_keeps_no_other_card_from_being_charged(self):
        program = self._create_program(1, bill_upfront=True)
        payments = self.env['continuity.payment'].concat(*(self._sell(program).payment_ids for _number in range(3)))
        bad = payments[1]
        bill = type(bad)._bill

        def _bill(records):
            bill(records)
            if bad in records:
                raise ZeroDivisionError("after the invoice was posted")

        with patch.object(self.registry['continuity.payment'], '_bill', _bill):
            run = self._run_job('process_payments')

        self.assertEqual((run.done_count, run.failed_count), (2, 1))
        self.assertEqual(payments.mapped('state'), ['paid', 'scheduled', 'paid'])
        self.assertEqual([len(payment.order_id.invoice_ids) for payment in payments], [1, 0, 1])
        self.assertEqual(payments.mapped('is_parked'), [False, True, False])
        self.assertEqual(len(self.ledger), 2)

    def test_a_charge_counts_although_the_database_refuses_what_follows(self):
        """It lasts by then: tried again, there is nothing left to be charged."""
        payment = self._sell(self._create_program(1, bill_upfront=True)).payment_ids
        payments, subscriptions = self.registry['continuity.payment'], self.registry['continuity.subscription']
        keep_books, booked = payments._keep_books, []
        update_holds, refused = subscriptions._update_holds, []

        def _keep_books(record, transaction):
            keep_books(record, transaction)
            booked.append(record)

        def _update_holds(records):
            if booked and not refused:
                refused.append(records)
                raise errors.SerializationFailure("could not serialize access")
            return update_holds(records)

        with (
            patch.object(payments, '_keep_books', _keep_books),
            patch.object(subscriptions, '_update_holds', _update_holds),
            self.enter_registry_test_mode(),
            self.registry.cursor() as cr,
        ):
            run = self.env(cr=cr)['continuity.job.run']._execute('process_payments', as_of='2027-01-01', commit=True)
            run_id = run.id
        self.env.invalidate_all()

        run = self.env['continuity.job.run'].browse(run_id)
        self.assertEqual(len(refused), 1)
        self.assertEqual(self.ledger, [(f'CP-{payment.id}-1', 22.0)])
        self.assertEqual((run.done_count, run.skipped_count, run.failed_count, payment.state), (1, 0, 0, 'paid'))

    def test_each_instalment_is_charged_on_its_day_and_once(self):
        subscription = self._sell_upfront()
        self.assertEqual(subscription.payment_method, 'token')
        first, second, third = subscription.payment_ids

        for on in ('2027-01-01', '2027-01-01', '2027-01-30', '2027-01-31', '2027-02-10', '2027-03-02', '2027-06-01'):
            self._run_job('process_payments', day(on))

        self.assertEqual(self.ledger, [(f'CP-{payment.id}-1', 23.1) for payment in (first, second, third)])
        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid'] * 3)
        invoice = subscription.order_id.invoice_ids
        self.assertEqual(len(invoice), 1)
        self.assertEqual(invoice.amount_residual, 0.0)

    def test_a_price_changed_after_the_bill_leaves_its_instalments(self):
        subscription = self._sell_upfront()
        self._run_job('process_payments')
        payments = subscription.payment_ids

        subscription.order_line_id.sudo().discount = 50.0

        self.assertEqual(subscription.payment_ids, payments)
        self.assertEqual(payments.mapped('amount'), [23.1, 23.1, 23.1])
        self.assertEqual(len(payments.move_line_id), 3)

    def test_a_decline_is_told_as_it_is_written(self):
        subscription = self._sell_upfront()
        self.answers = ['<Insufficient> funds']

        self._run_job('process_payments')

        self.assertIn("&lt;Insufficient&gt; funds", subscription.payment_ids[0].activity_ids.note)

    def test_an_instalment_paid_out_of_order_settles_its_own_line(self):
        subscription = self._sell_upfront()
        self._run_job('process_payments')
        third = subscription.payment_ids[2]

        self._run_job('process_payments', day('2027-03-02'), domain=[('id', '=', third.id)])

        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid', 'scheduled', 'paid'])

    def test_shipment_is_charged_when_it_has_shipped(self):
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')
        self._run_job('process_payments')
        self.assertEqual(self.ledger, [])
        self.assertFalse(subscription.child_order_ids.continuity_payment_hold)

        self._deliver(subscription.child_order_ids)
        self._run_job('process_payments', day('2027-01-20'))

        self.assertEqual([amount for _reference, amount in self.ledger], [22.0])
        self.assertEqual(subscription.payment_ids.state, 'paid')

    def test_shipment_charged_at_creation_is_held_until_paid(self):
        self.company.continuity_charge_moment = 'creation'
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')
        child = subscription.child_order_ids
        self.assertTrue(child.continuity_payment_hold)
        self.assertEqual(child.picking_ids.state, 'confirmed')

        self._run_job('process_payments')

        self.assertEqual(subscription.payment_ids.state, 'paid')
        self.assertFalse(child.continuity_payment_hold)

    def test_decline_holds_retries_by_the_ladder_and_stays_declined(self):
        subscription = self._sell_upfront()
        self._run_job('create_orders')
        child = subscription.child_order_ids
        first = subscription.payment_ids[0]
        self.answers = ['error', 'error', 'error']

        run = self._run_job('process_payments')
        self.assertEqual(run.done_count, 1)
        self.assertEqual((first.state, first.next_attempt_date), ('declined', day('2027-01-04')))
        self.assertIn("instalment 1 of", child.continuity_payment_hold_reason)
        self.assertEqual(len(first.activity_ids), 1)
        for on in ('2027-01-01', '2027-01-03', '2027-01-04', '2027-01-07', '2027-01-10', '2027-01-20'):
            self._run_job('process_payments', day(on))

        self.assertEqual([reference for reference, _amount in self.ledger], [f'CP-{first.id}-{n}' for n in (1, 2, 3)])
        self.assertEqual((first.state, first.is_given_up), ('declined', True))
        mails = self.env['mail.mail'].search([('model', '=', 'continuity.payment'), ('res_id', '=', first.id)])
        self.assertEqual(len(mails), 3)

    def test_success_after_a_decline_lets_the_delivery_go_on(self):
        subscription = self._sell_upfront()
        self._run_job('create_orders')
        child = subscription.child_order_ids
        self.answers = ['error', 'error', 'done']
        for on in ('2027-01-01', '2027-01-04', '2027-01-07'):
            self._run_job('process_payments', day(on))

        self.assertEqual(subscription.payment_ids[0].state, 'paid')
        self.assertFalse(child.continuity_payment_hold)
        self.assertFalse(subscription.payment_ids[0].activity_ids)

    def test_payment_by_other_means_ends_the_hold(self):
        subscription = self._sell_upfront()
        self._run_job('create_orders')
        self.answers = ['error']
        self._run_job('process_payments')
        first = subscription.payment_ids[0]
        self.assertTrue(subscription.child_order_ids.continuity_payment_hold)

        self._pay(first)

        self.assertEqual(first.state, 'paid')
        self.assertFalse(subscription.child_order_ids.continuity_payment_hold)

    def test_changed_card_is_tried_at_once(self):
        subscription = self._sell_upfront()
        self.answers = ['error']
        self._run_job('process_payments')

        subscription.payment_token_id = self._create_token(payment_details="1111")
        self._run_job('process_payments', day('2027-01-02'))

        self.assertEqual(subscription.payment_ids[0].state, 'paid')
        self.assertEqual(len(self.ledger), 2)

    def test_changed_card_does_not_begin_the_attempts_anew(self):
        subscription = self._sell_upfront()
        self.answers = ['error'] * 4
        for number in (1, 4, 7):
            self._run_job('process_payments', day(f'2027-01-0{number}'))

        subscription.payment_token_id = self._create_token(payment_details="1111")
        for number in (8, 11):
            self._run_job('process_payments', day(f'2027-01-{number:02}'))

        payment = subscription.payment_ids[0]
        self.assertEqual((payment.state, payment.is_given_up, payment.attempt_count), ('declined', True, 4))
        self.assertEqual(len(self.ledger), 4)

    def test_without_a_usable_card_it_is_billed_and_customer_and_salesperson_are_told_once(self):
        subscription = self._sell_upfront()
        self.customer.email = 'ann@example.com'
        subscription.payment_token_id.active = False

        for number in (1, 2, 3):
            run = self._run_job('process_payments', day(f'2027-01-0{number}'))
            self.assertEqual(run.issue_ids.mapped('kind'), ['no_token'])

        payment = subscription.payment_ids[0]
        self.assertEqual((subscription.order_id.invoice_ids.state, payment.state), ('posted', 'scheduled'))
        self.assertEqual(payment.activity_ids.mapped('summary'), ["No usable card"])
        mail = self.env['mail.mail'].search([('subject', 'like', "no card to charge")])
        self.assertEqual(mail.recipient_ids, self.customer)
        self._pay(payment)
        self.assertFalse(payment.activity_ids)
        self.assertEqual(self.ledger, [])

    def test_pending_is_not_failed_and_not_charged_again(self):
        subscription = self._sell_upfront()
        self.answers = ['pending']
        self._run_job('process_payments')
        first = subscription.payment_ids[0]
        self.assertEqual(first.state, 'processing')

        run = self._run_job('process_payments', day('2027-01-05'))

        self.assertEqual(run.issue_ids.mapped('kind'), ['pending'])
        self.assertEqual(len(self.ledger), 1)
        first.transaction_ids._set_done()
        self._run_job('process_payments', day('2027-01-06'))
        self.assertEqual(first.state, 'paid')
        self.assertEqual(len(self.ledger), 1)

    def test_pending_then_refused_is_declined(self):
        subscription = self._sell_upfront()
        self.answers = ['pending']
        self._run_job('process_payments')
        first = subscription.payment_ids[0]

        first.transaction_ids._set_error("Refused after all")

        self.assertEqual(first.state, 'declined')
        self._run_job('process_payments', day('2027-01-02'))
        self.assertEqual((first.next_attempt_date, len(first.activity_ids)), (day('2027-01-05'), 1))
        self._run_job('process_payments', day('2027-01-05'))
        self.assertEqual([reference for reference, _amount in self.ledger], [f'CP-{first.id}-1', f'CP-{first.id}-2'])

    def test_undone_card_payment_is_left_to_a_human(self):
        subscription = self._sell_upfront()
        self._run_job('process_payments')
        first = subscription.payment_ids[0]
        first.move_line_id.remove_move_reconcile()
        self.assertEqual(first.state, 'scheduled')

        run = self._run_job('process_payments', day('2027-01-02'))

        self.assertEqual(run.failed_count, 1)
        self.assertIn("was charged already", first.park_reason)
        self.assertEqual(len(self.ledger), 1)

    def test_paid_while_the_attempt_was_written_down_is_not_charged(self):
        subscription = self._sell_upfront()
        first, second, _third = subscription.payment_ids
        case = self

        def pay_meanwhile(payment):
            if payment == first and payment.state == 'processing':
                case._pay(first)
            return False

        with patch.object(self.registry['continuity.payment'], '_checkpoint', pay_meanwhile):
            run = self._run_job('process_payments')

        self.assertEqual(run.issue_ids.mapped('kind'), ['taken_over'])
        self.assertEqual((first.state, first.transaction_ids.state), ('paid', 'cancel'))
        self.assertFalse(first.activity_ids)
        self._run_job('process_payments', day('2027-01-31'))
        self.assertEqual(self.ledger, [(f'CP-{second.id}-1', 23.1)])

    def test_money_that_comes_twice_is_told(self):
        self.answers = ['pending']
        subscription = self._sell_upfront()
        self._run_job('process_payments')
        first = subscription.payment_ids[0]
        self._pay(first)

        transaction = first.transaction_ids
        transaction._set_done()
        transaction._post_process()

        self.assertEqual(first.state, 'paid')
        self.assertEqual(first.activity_ids.summary, "Paid twice")
        self.assertIn(transaction.reference, first.activity_ids.note)
        self._run_job('process_payments', day('2027-01-31'))
        self.assertFalse(subscription.payment_ids[1].activity_ids)

    def test_charged_now_before_its_day(self):
        subscription = self._sell_upfront()
        third = subscription.payment_ids[2]

        action = third._charge_now(commit=False)

        self.assertEqual((third.state, third.is_wanted_now), ('paid', False))
        self.assertEqual(action['params']['type'], 'success')
        self.assertEqual(self.ledger, [(f'CP-{third.id}-1', 23.1)])
        with self.assertRaisesRegex(UserError, "is paid and cannot be charged"):
            third._charge_now(commit=False)

    def test_charged_now_although_the_next_attempt_is_later(self):
        subscription = self._sell_upfront()
        first = subscription.payment_ids[0]
        self.answers = ['error', 'error', 'done']
        self._run_job('process_payments')

        action = first._charge_now(commit=False)

        self.assertEqual((first.state, action['params']['type']), ('declined', 'warning'))
        first._charge_now(commit=False)
        self.assertEqual(first.state, 'paid')

    def test_what_cannot_be_charged_now_is_refused(self):
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')
        payment = subscription.payment_ids
        with self.assertRaisesRegex(UserError, "is charged when .* has shipped"):
            payment._charge_now(commit=False)
        upfront = self._sell_upfront().payment_ids[0]
        upfront.action_hold()
        with self.assertRaisesRegex(UserError, "is on hold"):
            upfront._charge_now(commit=False)
        upfront.action_release()
        upfront.method = 'on_account'
        with self.assertRaisesRegex(UserError, "paid on account"):
            upfront._charge_now(commit=False)

    def test_given_up_it_is_tried_again_once_taken_off_hold(self):
        subscription = self._sell_upfront()
        first = subscription.payment_ids[0]
        self.answers = ['error', 'error', 'error']
        for on in ('2027-01-01', '2027-01-04', '2027-01-07', '2027-01-10'):
            self._run_job('process_payments', day(on))
        self.assertEqual((len(self.ledger), first.is_given_up), (3, True))

        first.action_release()
        self._run_job('process_payments', day('2027-01-10'))

        self.assertEqual(self.ledger[-1], (f'CP-{first.id}-4', 23.1))
        self.assertEqual((len(self.ledger), first.state, first.is_given_up), (4, 'paid', False))

    def test_on_hold_by_hand_is_logged_and_not_charged(self):
        subscription = self._sell_upfront()
        first = subscription.payment_ids[0]
        first.action_hold()

        self._run_job('process_payments')
        self.assertEqual(self.ledger, [])
        first.action_release()
        self._run_job('process_payments')

        self.assertEqual(len(self.ledger), 1)
        bodies = first.message_ids.sorted("id").mapped("body")
        self.assertEqual(
            [text for body in bodies for text in ("Put on hold", "Taken off hold") if text in body],
            ["Put on hold", "Taken off hold"],
        )

    def _pay_online(self, amount, **links):
        """Let the customer pay in the portal, with a provider that has not decided yet."""
        transaction = self.env['payment.transaction'].create(
            {
                'provider_id': self.token.provider_id.id,
                'payment_method_id': self.token.payment_method_id.id,
                'operation': 'online_direct',
                'amount': amount,
                'currency_id': self.company.currency_id.id,
                'partner_id': self.customer.id,
                'reference': f"Portal {amount}",
                **links,
            }
        )
        transaction._set_pending()
        return transaction

    def test_a_card_is_not_charged_any_more_once_it_is_paid_on_account(self):
        subscription = self._sell_upfront()
        self.answers = ['done', 'error']
        self._run_job('process_payments')
        self._run_job('process_payments', day('2027-01-31'))
        payments = subscription.payment_ids
        self.assertEqual(payments.mapped('state'), ['paid', 'declined', 'scheduled'])

        subscription.with_env(self._as_of(day('2027-02-01'))).payment_method = 'on_account'
        self._run_job('process_payments', day('2027-03-02'))

        self.assertEqual(len(self.ledger), 2)
        self.assertEqual(payments.mapped('state'), ['paid', 'billed', 'billed'])
        self.assertEqual(payments[1].notified_date, day('2027-02-01'))

    def test_a_card_is_charged_for_what_falls_due_after_it_was_chosen(self):
        subscription = self._sell(
            self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id), payment_method='on_account'
        )
        self._run_job('process_payments')

        subscription.with_env(self._as_of()).write({'payment_method': 'token', 'payment_token_id': self.token.id})
        for on in ('2027-01-01', '2027-01-31'):
            self._run_job('process_payments', day(on))

        self.assertEqual(self.ledger, [(f'CP-{subscription.payment_ids[1].id}-1', 23.1)])
        self.assertEqual(subscription.payment_ids.mapped('state'), ['billed', 'paid', 'scheduled'])

    def test_what_the_customer_is_paying_online_is_not_charged(self):
        subscription = self._sell_upfront()
        self._run_job('process_payments')
        second = subscription.payment_ids[1]
        transaction = self._pay_online(23.1, invoice_ids=[Command.set(second.invoice_id.ids)])

        run = self._run_job('process_payments', day('2027-01-31'))
        self.assertEqual(
            run.issue_ids.mapped('reason'), ["The customer is paying it online: Portal 23.1 is not finished."]
        )
        self.assertEqual(len(self.ledger), 1)
        self._run_job('process_payments', day('2027-03-02'))
        self.assertEqual(self.ledger[1:], [(f'CP-{subscription.payment_ids[2].id}-1', 23.1)])

        transaction._set_done()
        transaction._post_process()
        self._run_job('process_payments', day('2027-03-02'))
        self.assertEqual(len(self.ledger), 2)
        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid'] * 3)

    def test_what_the_customer_wanted_to_pay_online_is_charged_when_that_fails(self):
        subscription = self._sell_upfront()
        self._run_job('process_payments')
        transaction = self._pay_online(23.1, invoice_ids=[Command.set(subscription.payment_ids.invoice_id.ids)])
        transaction._set_canceled()

        self._run_job('process_payments', day('2027-01-31'))
        self.assertEqual(len(self.ledger), 2)

    def test_what_was_authorized_with_the_order_is_not_charged(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True), confirm=False)
        order = subscription.order_id
        transaction = self._pay_online(order.amount_total, sale_order_ids=[Command.set(order.ids)])
        transaction._set_authorized()
        order.action_confirm()

        self._run_job('process_payments')
        self.assertEqual(self.ledger, [])

        transaction._set_done()
        transaction._post_process()
        self._run_job('process_payments')
        self.assertEqual(self.ledger, [])
        self.assertEqual(subscription.payment_ids.state, 'paid')
