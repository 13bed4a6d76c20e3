from odoo.tests import tagged

from .common import day
from .common_payments import PrepaymentCase


@tagged('post_install', '-at_install')
class TestBillsWaiting(PrepaymentCase):
    """What keeps a bill, and what does not."""

    def _sell_in_advance(self, **values):
        return self._sell(self._create_program(3, bill_upfront=True), **values)

    def _transfer(self, order, amount):
        """A wire transfer of the customer that is on its way."""
        transaction = self._pay_pending(order, amount)
        self.assertEqual(transaction.state, 'pending')
        return transaction

    def _pay_pending(self, order, amount):
        transaction = self.env['payment.transaction'].create(
            {
                'provider_id': self.token.provider_id.id,
                'payment_method_id': self.token.payment_method_id.id,
                'reference': f"{order.name}-transfer",
                'operation': 'online_direct',
                'amount': amount,
                'currency_id': order.currency_id.id,
                'partner_id': order.partner_id.id,
                'sale_order_ids': [(6, 0, order.ids)],
            }
        )
        transaction._set_pending()
        return transaction

    def test_a_transfer_that_is_on_its_way_keeps_no_bill_and_no_card_is_charged(self):
        subscription = self._sell_in_advance()
        transfer = self._transfer(subscription.order_id, 69.3)

        run = self._run_job('process_payments')
        self._run_job('process_payments', day('2027-01-02'))

        payment = subscription.payment_ids
        self.assertEqual(run.issue_ids.mapped('kind'), ['pending'])
        self.assertEqual((payment.invoice_id.state, payment.invoice_id.amount_total), ('posted', 69.3))
        self.assertEqual((self.ledger, payment.is_parked), ([], False))
        mails = self.env['mail.mail'].search([('model', '=', 'account.move'), ('res_id', '=', payment.invoice_id.id)])
        self.assertEqual(len(mails), 1)

        transfer._set_done()
        transfer._post_process()
        self._run_job('process_payments', day('2027-01-03'))
        self.assertEqual((payment.invoice_id.amount_residual, payment.state, self.ledger), (0.0, 'paid', []))

    def test_a_transfer_that_came_to_nothing_leaves_it_to_the_card(self):
        subscription = self._sell_in_advance()
        transfer = self._transfer(subscription.order_id, 69.3)
        self._run_job('process_payments')

        transfer._set_canceled()
        self._run_job('process_payments', day('2027-01-02'))

        self.assertEqual([amount for _reference, amount in self.ledger], [69.3])
        self.assertEqual(subscription.payment_ids.state, 'paid')

    def test_a_bill_sent_by_hand_is_not_sent_again(self):
        subscription = self._sell_in_advance()
        bill = subscription.order_id._create_invoices()
        bill.invoice_date = self.today
        bill.action_post()
        bill.is_move_sent = True
        self._transfer(subscription.order_id, 69.3)

        run = self._run_job('process_payments')

        self.assertEqual(run.issue_ids.mapped('kind'), ['pending'])
        mails = self.env['mail.mail'].search([('model', '=', 'account.move'), ('res_id', '=', bill.id)])
        self.assertFalse(mails)

    def test_on_account_it_is_billed_all_the_same(self):
        subscription = self._sell_in_advance(payment_method='on_account', payment_token_id=False)
        self._transfer(subscription.order_id, 69.3)
        self._run_job('process_payments')
        self.assertEqual(subscription.payment_ids.state, 'billed')

    def test_a_bill_that_odoo_posts_later_waits(self):
        for method in ('on_account', 'token'):
            with self.subTest(method=method):
                subscription = self._sell_in_advance(
                    payment_method=method, payment_token_id=self.token.id if method == 'token' else False
                )
                bill = subscription.order_id._create_invoices()
                bill.write({'invoice_date': day('2027-01-10'), 'auto_post': 'at_date'})
                payment = subscription.payment_ids

                run = self._run_job('process_payments', day('2027-01-05'))

                self.assertEqual((bill.state, payment.is_parked), ('draft', False))
                self.assertEqual(run.issue_ids.mapped('kind'), ['bill_waits'])
                self.assertIn("01/10/2027", run.issue_ids.reason)
                self.assertEqual(self.ledger, [])

                bill.auto_post = 'no'
                bill.action_post()
                self._run_job('process_payments', day('2027-01-10'))
                self.assertEqual(payment.state, 'paid' if method == 'token' else 'billed')
                self.ledger.clear()

    def test_a_bill_that_is_made_to_be_posted_later_waits(self):
        for method in ('on_account', 'token'):
            with self.subTest(method=method):
                subscription = self._sell_in_advance(
                    payment_method=method, payment_token_id=self.token.id if method == 'token' else False
                )
                prepare = self.registry['sale.order']._prepare_invoice

                def later(order, prepare=prepare):
                    return {**prepare(order), 'auto_post': 'at_date', 'invoice_date': day('2027-01-10')}

                self.patch(self.registry['sale.order'], '_prepare_invoice', later)
                run = self._run_job('process_payments', day('2027-01-05'))

                payment = subscription.payment_ids
                self.assertEqual((payment.invoice_id.state, payment.is_parked), ('draft', False))
                self.assertIn(payment.id, run.issue_ids.mapped('res_id'))
                self.assertEqual(set(run.issue_ids.mapped('kind')), {'bill_waits'})
                self.assertEqual((run.done_count, self.ledger), (0, []))
