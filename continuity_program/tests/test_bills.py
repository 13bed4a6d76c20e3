from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_payments import PaymentCase


@tagged('post_install', '-at_install')
class TestBills(PaymentCase):
    def _get_receivable(self, invoice):
        """Return the receivable lines as a list of (day as text, amount)."""
        lines = invoice.line_ids.filtered(lambda line: line.display_type == 'payment_term').sorted('date_maturity')
        return [(str(line.date_maturity), line.amount_currency) for line in lines]

    def test_upfront_schedule_is_one_invoice_with_a_receivable_line_each(self):
        program = self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id)
        subscription = self._sell(program)
        order = subscription.order_id
        self.assertEqual(order.invoice_status, 'to invoice')

        run = self._run_job('process_payments')

        self.assertEqual(run.done_count, 1)
        invoice = order.invoice_ids
        self.assertEqual(
            (invoice.state, invoice.amount_total, str(invoice.invoice_date)), ('posted', 69.3, '2027-01-01')
        )
        self.assertEqual(
            self._get_receivable(invoice), [('2027-01-01', 23.1), ('2027-01-31', 23.1), ('2027-03-02', 23.1)]
        )
        self.assertEqual(subscription.payment_ids.mapped('state'), ['billed'] * 3)
        self.assertEqual(subscription.payment_ids.move_line_id.continuity_payment_id, subscription.payment_ids)
        self.assertEqual(order.invoice_status, 'no')
        self.assertEqual(self._run_job('process_payments', day('2027-06-01')).selected_count, 0)
        self.assertEqual(len(order.invoice_ids), 1)

    def test_instalment_is_paid_when_its_line_is_settled_and_open_again_when_undone(self):
        program = self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id)
        subscription = self._sell(program)
        self._run_job('process_payments')
        second = subscription.payment_ids[1]

        payment = self._pay(second)

        self.assertEqual(subscription.payment_ids.mapped('state'), ['billed', 'paid', 'billed'])
        payment.action_draft()
        payment.action_cancel()
        self.assertEqual(subscription.payment_ids.mapped('state'), ['billed'] * 3)

    def test_credit_note_settles_and_its_draft_does_not(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True))
        self._run_job('process_payments')
        invoice = subscription.order_id.invoice_ids

        credit_note = invoice._reverse_moves([{'invoice_date': invoice.invoice_date}], cancel=True)

        self.assertEqual(subscription.payment_ids.state, 'paid')
        credit_note.button_draft()
        self.assertEqual(subscription.payment_ids.state, 'billed')

    def test_shipment_is_billed_when_it_has_shipped(self):
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')
        child = subscription.child_order_ids
        self.assertEqual(self._run_job('process_payments', day('2027-01-20')).selected_count, 0)

        self._deliver(child)
        self._run_job('process_payments', day('2027-01-20'))

        self.assertEqual(child.invoice_ids.mapped('amount_total'), [22.0])
        self.assertEqual(child.invoice_ids.invoice_date, day('2027-01-20'))
        self.assertEqual(subscription.payment_ids.state, 'billed')
        self.assertEqual(child.invoice_status, 'invoiced')
        self.assertTrue(subscription.line_ids[0].is_invoiced)

    def test_schedule_of_a_shipment_bills_what_is_ordered(self):
        subscription = self._sell(self._create_program(1, payment_term_id=self.thirds.id))
        self._run_job('create_orders')

        self._run_job('process_payments')

        invoice = subscription.child_order_ids.invoice_ids
        self.assertEqual(
            self._get_receivable(invoice), [('2027-01-01', 7.33), ('2027-01-31', 7.33), ('2027-03-02', 7.34)]
        )

    def test_customers_payment_terms_count_without_a_schedule(self):
        net30 = self._create_schedule("30 days", (100.0, 30))
        subscription = self._sell(self._create_program(1), order={'payment_term_id': net30.id})
        self._run_job('create_orders')
        child = subscription.child_order_ids
        self._deliver(child)

        self._run_job('process_payments', day('2027-01-10'))

        self.assertEqual(self._get_receivable(child.invoice_ids), [('2027-02-09', 22.0)])
        payment = subscription.payment_ids
        self.assertEqual(payment.owed_date, day('2027-02-09'))
        for on, overdue in (('2027-02-09', 0), ('2027-02-10', 1)):
            domain = payment._get_overdue_domain(day(on))
            self.assertEqual(len(payment.filtered_domain(domain)), overdue)

    def test_bill_goes_out_the_bill_days_before_not_a_day_earlier_and_once(self):
        self.company.continuity_bill_lead_days = 5
        program = self._create_program(2, bill_upfront=True, payment_term_id=self.thirds.id)
        self.thirds.line_ids[0].nb_days = 10
        subscription = self._sell(program)
        self.customer.email = 'ann@example.com'

        self.assertEqual(self._run_job('process_payments', day('2027-01-05')).selected_count, 0)
        self._run_job('process_payments', day('2027-01-06'))
        self._run_job('process_payments', day('2027-01-11'))
        self._run_job('process_payments', day('2027-02-01'))

        invoice = subscription.order_id.invoice_ids
        mails = self.env['mail.mail'].search([('model', '=', 'account.move'), ('res_id', '=', invoice.id)])
        self.assertEqual(len(mails), 1)
        self.assertIn(invoice.name, mails.subject)
        self.assertEqual(subscription.payment_ids.mapped('notified_date'), [day('2027-01-06')] * 3)

    def test_bill_is_mailed_where_no_pdf_can_be_made(self):
        self.customer.email = 'ann@example.com'
        subscription = self._sell(self._create_program(2, bill_upfront=True))
        report = self.registry['ir.actions.report']

        with patch.object(report, '_render_qweb_pdf', side_effect=UserError("There is no wkhtmltopdf.")):
            self._run_job('process_payments')

        invoice = subscription.order_id.invoice_ids
        mail = self.env['mail.mail'].search([('model', '=', 'account.move'), ('res_id', '=', invoice.id)])
        self.assertEqual((len(mail), mail.recipient_ids, mail.attachment_ids.ids), (1, self.customer, []))
        self.assertIn(invoice.get_portal_url(), mail.body_html)
        self.assertFalse([body for body in invoice.message_ids.mapped('body') if "could not be mailed" in body])

    def test_ordinary_lines_have_an_invoice_of_their_own(self):
        lamp = self._create_product("Lamp", 50.0, invoice_policy='order')
        program = self._create_program(2, bill_upfront=True, payment_term_id=self.thirds.id)
        subscription = self._sell(program, confirm=False)
        order = subscription.order_id
        order.order_line = [Command.create({'product_id': lamp.id})]
        order.action_confirm()

        invoices = order._create_invoices()

        self.assertEqual(sorted(invoices.mapped('amount_total')), [45.1, 55.0])
        plan = invoices.filtered('continuity_payment_ids')
        self.assertEqual(plan.amount_total, 45.1)
        self.assertEqual([amount for _day, amount in self._get_receivable(plan)], [15.03, 15.03, 15.04])

    def test_invoice_made_by_hand_is_taken_over(self):
        program = self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id)
        subscription = self._sell(program)
        by_hand = subscription.order_id._create_invoices()
        self.assertEqual(by_hand.state, 'draft')

        self._run_job('process_payments')

        self.assertEqual(subscription.order_id.invoice_ids, by_hand)
        self.assertEqual(by_hand.state, 'posted')
        self.assertEqual(subscription.payment_ids.invoice_id, by_hand)

    def test_cancelled_invoice_is_made_anew(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True))
        self._run_job('process_payments')
        first = subscription.order_id.invoice_ids

        first.button_draft()
        first.button_cancel()
        self.assertEqual(subscription.payment_ids.state, 'scheduled')
        subscription.payment_ids.notified_date = False
        self._run_job('process_payments')

        second = subscription.order_id.invoice_ids - first
        self.assertEqual((second.state, second.amount_total), ('posted', 69.3))

    def test_upfront_does_not_feed_the_credit_to_invoice(self):
        self.company.account_use_credit_limit = True
        subscription = self._sell(self._create_program(3, bill_upfront=True))
        self.assertEqual(self.customer.credit_to_invoice, 0.0)

        self._run_job('process_payments')
        self.customer.invalidate_recordset()

        self.assertEqual(self.customer.credit_to_invoice, 0.0)
        self.assertEqual(self.customer.credit, subscription.order_id.invoice_ids.amount_total)

    def test_foreign_currency_sums_in_both_currencies(self):
        euro = self.env.ref('base.EUR') if self.company.currency_id.name != 'EUR' else self.env.ref('base.USD')
        euro.active = True
        euro.rate_ids.unlink()
        self.env['res.currency.rate'].create({'currency_id': euro.id, 'name': '2026-01-01', 'rate': 0.873})
        pricelist = self.env['product.pricelist'].create({'name': "Foreign", 'currency_id': euro.id})
        program = self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id)
        subscription = self._sell(program, order={'pricelist_id': pricelist.id})

        self._run_job('process_payments')

        invoice = subscription.order_id.invoice_ids
        lines = invoice.line_ids.filtered(lambda line: line.display_type == 'payment_term')
        self.assertEqual(len(lines), 3)
        self.assertAlmostEqual(sum(lines.mapped('amount_currency')), invoice.amount_total)
        self.assertAlmostEqual(sum(lines.mapped('balance')), invoice.amount_total_signed)
        self.assertEqual(
            subscription.payment_ids.mapped('amount'), lines.sorted('date_maturity').mapped('amount_currency')
        )


@tagged('post_install', '-at_install')
class TestScheduledBilling(PaymentCase):
    def test_a_bill_that_fails_takes_none_with_it(self):
        today = self.company._get_continuity_today()
        subscriptions = [self._sell(self._create_program(1, bill_upfront=True), on=today) for _number in range(3)]
        payments = self.env['continuity.payment'].concat(*(subscription.payment_ids for subscription in subscriptions))
        bad = payments[1]
        bill = type(bad)._bill

        def _bill(records):
            bill(records)
            if bad in records:
                raise ZeroDivisionError("after the invoice was posted")

        with patch.object(self.registry['continuity.payment'], '_bill', _bill), self.enter_registry_test_mode():
            self.env.ref('continuity_program.ir_cron_process_payments').method_direct_trigger()
        self.env.invalidate_all()

        self.assertEqual(payments.mapped('state'), ['billed', 'scheduled', 'billed'])
        self.assertEqual([len(payment.order_id.invoice_ids) for payment in payments], [1, 0, 1])
        self.assertEqual(payments.mapped('is_parked'), [False, True, False])
        run = self.env['continuity.job.run'].search([('job', '=', 'process_payments')], limit=1)
        self.assertEqual((run.selected_count, run.done_count, run.failed_count), (3, 2, 1))


@tagged('post_install', '-at_install')
class TestManyBills(PaymentCase):
    """The bills on account of a night are made together."""

    def _sell_to(self, count, program):
        """Sell a program to so many customers with a mail address, and return the payments."""
        payments = self.env['continuity.payment']
        for number in range(count):
            self.customer = self.env['res.partner'].create(
                {'name': f"No. {number}", 'email': f'no{number}@example.com'}
            )
            payments |= self._sell(program).payment_ids
        return payments

    def _get_mailed(self, payments):
        """Return to whom the bills were mailed, one name for each mail."""
        mails = self.env['mail.mail'].search(
            [('model', '=', 'account.move'), ('res_id', 'in', payments.invoice_id.ids)]
        )
        return sorted(name for mail in mails for name in mail.recipient_ids.mapped('name'))

    def test_each_order_has_its_own_bill_mailed_once(self):
        program = self._create_program(1, bill_upfront=True, payment_term_id=self.thirds.id)
        payments = self._sell_to(2, program)
        # The same customer once more: still a bill of its own.
        payments |= self._sell(program).payment_ids

        run = self._run_job('process_payments')
        self._run_job('process_payments')

        self.assertEqual(run.done_count, 3)
        invoices = payments.order_id.invoice_ids
        self.assertEqual(invoices.sorted('id').mapped('invoice_origin'), payments.order_id.mapped('name'))
        for invoice in invoices:
            self.assertEqual((invoice.state, invoice.amount_total), ('posted', 22.0))
            self.assertEqual(invoice.partner_id, invoice.continuity_payment_ids.partner_id)
            self.assertEqual(
                [(line.continuity_payment_id.number, line.balance) for line in self._get_terms(invoice)],
                [(1, 7.33), (2, 7.33), (3, 7.34)],
            )
        self.assertEqual(payments.mapped('state'), ['billed'] * 9)
        self.assertEqual(self._get_mailed(payments), ["No. 0", "No. 1", "No. 1"])
        # Each mail links to the bill that it is about.
        for invoice in invoices:
            mail = self.env['mail.mail'].search([('model', '=', 'account.move'), ('res_id', '=', invoice.id)])
            self.assertIn(f'/my/invoices/{invoice.id}?access_token={invoice.access_token}', mail.body_html)
        self.assertEqual(len(set(invoices.mapped('access_token'))), 3)

    def _get_terms(self, invoice):
        lines = invoice.line_ids.filtered(lambda line: line.display_type == 'payment_term')
        return lines.sorted(lambda line: line.continuity_payment_id.number)

    def test_one_that_fails_costs_only_itself_and_no_number(self):
        payments = self._sell_to(5, self._create_program(1, bill_upfront=True))
        bad = payments[2]
        bill = type(bad)._bill

        def _bill(records):
            bill(records)
            if bad in records:
                raise UserError("Its account is archived.")

        with patch.object(self.registry['continuity.payment'], '_bill', _bill):
            run = self._run_job('process_payments')

        self.assertEqual((run.done_count, run.failed_count), (4, 1))
        self.assertEqual((bad.park_reason, bad.state), ("Its account is archived.", 'scheduled'))
        self.assertFalse(bad.order_id.invoice_ids)
        good = payments - bad
        self.assertEqual(good.mapped('state'), ['billed'] * 4)
        numbers = good.invoice_id.mapped('sequence_number')
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + 4)))
        self.assertEqual(self._get_mailed(payments), ["No. 0", "No. 1", "No. 3", "No. 4"])

    def test_one_that_cannot_be_mailed_is_billed_and_the_others_are_mailed(self):
        payments = self._sell_to(3, self._create_program(1, bill_upfront=True))
        bad = payments[1].order_id
        compute = self.registry['account.move'].get_portal_url

        def get_portal_url(invoice, *args, **kwargs):
            if bad in invoice.line_ids.sale_line_ids.order_id:
                raise ValueError("No link today.")
            return compute(invoice, *args, **kwargs)

        with patch.object(self.registry['account.move'], 'get_portal_url', get_portal_url):
            run = self._run_job('process_payments')

        self.assertEqual((run.done_count, payments.mapped('state')), (3, ['billed'] * 3))
        self.assertEqual(self._get_mailed(payments), ["No. 0", "No. 2"])
        noted = payments.invoice_id.filtered(
            lambda invoice: any("could not be mailed" in body for body in invoice.message_ids.mapped('body'))
        )
        self.assertEqual(noted, bad.invoice_ids)

    def _count_queries(self, program, count):
        """Return how many SQL queries a run needs that makes so many bills."""
        payments = self._sell_to(count, program)
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        run = self._run_job('process_payments')
        queries = self.env.cr.sql_log_count - before
        self.assertEqual((run.done_count, payments.mapped('state')), (count, ['billed'] * count))
        return queries

    def test_queries_per_bill_are_constant(self):
        program = self._create_program(1, bill_upfront=True)
        self._count_queries(program, 2)  # caches are warm after it

        few, many, more = (self._count_queries(program, count) for count in (5, 10, 20))

        message = f"{few} queries for 5, {many} for 10, {more} for 20"
        self.assertAlmostEqual((many - few) / 5, (more - many) / 10, delta=1, msg=message)
        # Mailed and all; Odoo's own batch of the invoices alone needs 23, order by order 121.
        self.assertLess((more - many) / 10, 30, msg=message)
