from datetime import timedelta

from odoo.fields import Command, Date
from odoo.tests import tagged

from .common import day
from .common_payments import ChargeCase, PaymentCase


def read_receivable(invoice):
    """Return the receivable lines as a list of (day as text, amount)."""
    lines = invoice.line_ids.filtered(lambda line: line.display_type == 'payment_term')
    return [(str(line.date_maturity), line.amount_currency) for line in lines.sorted(lambda line: line.date_maturity)]


@tagged('post_install', '-at_install')
class TestTermsOfInstalments(PaymentCase):
    """A bill with a payment schedule carries payment terms that say what its receivable lines are."""

    THIRDS = "2027-01-01: 23.10 USD, 2027-01-31: 23.10 USD, 2027-03-02: 23.10 USD"

    def _bill_in_thirds(self, **values):
        subscription = self._sell(self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id), **values)
        self._run_job('process_payments')
        return subscription, subscription.order_id.invoice_ids

    def test_the_terms_give_the_receivable_lines(self):
        _subscription, bill = self._bill_in_thirds()

        terms = bill.invoice_payment_term_id
        self.assertEqual((terms.name, terms.active, terms.company_id), (self.THIRDS, False, self.company))
        given = terms._compute_terms(
            date_ref=bill.invoice_date,
            currency=bill.currency_id,
            company=bill.company_id,
            tax_amount=6.3,
            tax_amount_currency=6.3,
            untaxed_amount=63.0,
            untaxed_amount_currency=63.0,
            sign=1,
        )
        lines = [(str(line['date']), bill.currency_id.round(line['foreign_amount'])) for line in given['line_ids']]
        self.assertEqual(lines, read_receivable(bill))
        self.assertEqual(lines, [('2027-01-01', 23.1), ('2027-01-31', 23.1), ('2027-03-02', 23.1)])

    def test_equal_schedules_share_them_and_others_do_not(self):
        _first, bill = self._bill_in_thirds()
        _second, same = self._bill_in_thirds()
        _third, other = self._bill_in_thirds(quantity=2.0)

        self.assertEqual(bill.invoice_payment_term_id, same.invoice_payment_term_id)
        self.assertNotEqual(bill.invoice_payment_term_id, other.invoice_payment_term_id)
        self.assertEqual(other.invoice_payment_term_id.name.count('46.20 USD'), 3)

    def test_they_are_never_offered(self):
        subscription, bill = self._bill_in_thirds()

        offered = self.env['account.payment.term'].name_search('2027')
        self.assertEqual(offered, [])
        self.assertNotIn(bill.invoice_payment_term_id, subscription.allowed_payment_term_ids)

    def test_paper_and_portal_show_the_instalments_once(self):
        _subscription, bill = self._bill_in_thirds()

        html = str(self.env['ir.actions.report']._render_qweb_html('account.report_invoice', bill.ids)[0])
        self.assertEqual(html.count('Installment of'), 3)
        self.assertNotIn(self.THIRDS, html)
        values = bill._get_invoice_next_payment_values()
        self.assertEqual(len(values['not_reconciled_installments']), 3)

    def test_two_instalments_of_one_day_stay_two_lines(self):
        self.thirds.line_ids[1].nb_days = 0
        subscription, bill = self._bill_in_thirds()

        self.assertEqual(read_receivable(bill), [('2027-01-01', 23.1), ('2027-01-01', 23.1), ('2027-03-02', 23.1)])
        self.assertEqual(len(subscription.payment_ids.move_line_id), 3)

    def test_another_invoice_date_moves_no_day_that_was_agreed(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id))
        bill = subscription.order_id._create_invoices()
        self.assertEqual(bill.invoice_payment_term_id.name, self.THIRDS)

        bill.invoice_date = day('2027-02-10')
        bill.action_post()

        self.assertEqual(read_receivable(bill), [('2027-01-01', 23.1), ('2027-01-31', 23.1), ('2027-03-02', 23.1)])
        self.assertEqual(bill.invoice_payment_term_id.name, self.THIRDS)

    def test_a_draft_that_was_changed_is_posted_with_terms_of_its_own(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id))
        bill = subscription.order_id._create_invoices()
        bill.invoice_date = self.today

        bill.invoice_line_ids.price_unit = 60.0
        bill.action_post()

        self.assertEqual(read_receivable(bill), [('2027-01-01', 23.1), ('2027-01-31', 23.1), ('2027-03-02', 19.8)])
        self.assertTrue(bill.invoice_payment_term_id.name.endswith('2027-03-02: 19.80 USD'))

    def test_a_day_moved_on_the_bill_is_in_its_terms(self):
        subscription, bill = self._bill_in_thirds()

        subscription.payment_ids[1].move_line_id.date_maturity = day('2027-02-14')

        self.assertIn('2027-02-14: 23.10 USD', bill.invoice_payment_term_id.name)
        self.assertEqual(read_receivable(bill), [('2027-01-01', 23.1), ('2027-02-14', 23.1), ('2027-03-02', 23.1)])

    def test_neither_a_copy_nor_a_credit_note_has_them(self):
        _subscription, bill = self._bill_in_thirds()

        copied = bill.copy()
        note = bill._draft_continuity_credit("Back")
        by_core = bill._reverse_moves()

        for document in (copied, note, by_core):
            self.assertFalse(document.invoice_payment_term_id.continuity_key)
            self.assertEqual(len(read_receivable(document)), 1)

    def test_a_draft_of_the_version_before_is_posted_with_its_instalments(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id))
        bill = subscription.order_id._create_invoices()
        bill.invoice_date = self.today
        bill.invoice_payment_term_id = False
        self.assertEqual(len(read_receivable(bill)), 3)

        self._run_job('process_payments')

        self.assertEqual((bill.state, bill.invoice_payment_term_id.name), ('posted', self.THIRDS))

    def test_one_plan_by_a_schedule_and_one_without_on_one_bill(self):
        half_in_a_week = self._create_schedule("30/70", (30.0, 7), (70.0, 37))
        order = self._sell(
            self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id),
            confirm=False,
            order={'payment_term_id': half_in_a_week.id},
        ).order_id
        plain = self._create_parent_product(self._create_program(1, bill_upfront=True))
        order.order_line = [Command.create({'product_id': plain.id})]
        order.action_confirm()

        self._run_job('process_payments')

        bill = order.invoice_ids
        self.assertEqual(
            read_receivable(bill),
            [
                ('2027-01-01', 23.1),
                ('2027-01-08', 6.6),
                ('2027-01-31', 23.1),
                ('2027-02-07', 15.4),
                ('2027-03-02', 23.1),
            ],
        )
        self.assertEqual(len(bill.invoice_payment_term_id.line_ids), 5)


@tagged('post_install', '-at_install')
class TestCustomersTerms(ChargeCase):
    """Without a schedule of the program, a bill is exactly Odoo's: the customer's own terms stay, discount and all."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.two_parts = cls._create_schedule("30/70", (30.0, 0), (70.0, 30))
        cls.discount = cls._create_schedule("2 % in 10 days, else 30", (100.0, 30))
        cls.discount.write({'early_discount': True, 'discount_percentage': 2.0, 'discount_days': 10})

    def _bill(self, term, on=None, method='on_account', **program):
        on = on or self.today
        subscription = self._sell(
            self._create_program(3, bill_upfront=True, **program),
            on=on,
            order={'payment_term_id': term.id},
            payment_method=method,
            payment_token_id=self.token.id if method == 'token' else False,
        )
        self._run_job('process_payments', on)
        return subscription, subscription.order_id.invoice_ids

    def _register(self, lines, **values):
        wizard = self.env['account.payment.register'].with_context(
            active_model='account.move.line', active_ids=lines.ids
        )
        return wizard.create(values)._create_payments()

    def test_one_payment_owns_all_lines_of_the_terms(self):
        subscription, bill = self._bill(self.two_parts)
        payment = subscription.payment_ids

        self.assertEqual(bill.invoice_payment_term_id, self.two_parts)
        self.assertEqual(read_receivable(bill), [('2027-01-01', 20.79), ('2027-01-31', 48.51)])
        self.assertEqual(payment.move_line_ids.move_id, bill)
        self.assertEqual(len(payment.move_line_ids), 2)
        self.assertEqual((payment.state, payment._get_open_amount()), ('billed', 69.3))
        self.assertEqual(payment.owed_date, day('2027-01-01'))

        first = self._register(payment.move_line_ids.sorted('date_maturity')[0])
        self.assertEqual((payment.state, payment._get_open_amount()), ('billed', 48.51))
        self.assertEqual(payment.owed_date, day('2027-01-31'))

        self._register(payment.move_line_id)
        self.assertEqual((payment.state, payment._get_open_amount(), bill.amount_residual), ('paid', 0.0, 0.0))

        first.action_draft()
        first.action_cancel()
        self.assertEqual((payment.state, payment._get_open_amount()), ('billed', 20.79))

    def test_a_card_is_charged_all_that_is_open(self):
        subscription, _bill = self._bill(self.two_parts, method='token')

        self.assertEqual([amount for _reference, amount in self.ledger], [69.3])
        self.assertEqual(subscription.payment_ids.state, 'paid')

    def test_a_credit_settles_the_last_line_first(self):
        subscription, bill = self._bill(self.two_parts)
        note = bill._draft_continuity_credit("Back")
        note.invoice_line_ids.price_unit = 40.0
        note.action_post()

        residuals = subscription.payment_ids.move_line_ids.sorted('date_maturity').mapped('amount_residual')
        self.assertEqual(residuals, [20.79, 4.51])

    def test_the_early_discount_can_be_taken(self):
        subscription, bill = self._bill(self.discount, on=Date.today())
        payment = subscription.payment_ids
        self.assertTrue(bill._is_eligible_for_early_payment_discount(bill.currency_id, bill.invoice_date))

        paid = self._register(payment.move_line_ids, payment_date=bill.invoice_date)

        self.assertEqual((paid.amount, payment.state, bill.amount_residual), (67.91, 'paid', 0.0))

    def test_a_card_is_charged_less_the_early_discount(self):
        subscription, bill = self._bill(self.discount, on=Date.today(), method='token')

        self.assertEqual([amount for _reference, amount in self.ledger], [67.91])
        self.assertEqual((subscription.payment_ids.state, bill.amount_residual), ('paid', 0.0))

    def test_after_its_days_nothing_is_taken_off(self):
        subscription, bill = self._bill(self.discount, on=Date.today() - timedelta(days=11), method='token')

        self.assertEqual([amount for _reference, amount in self.ledger], [69.3])
        self.assertEqual((subscription.payment_ids.state, bill.amount_residual), ('paid', 0.0))

    def test_two_plans_on_one_bill_share_each_line_of_the_terms(self):
        order = self._sell(
            self._create_program(3, bill_upfront=True),
            confirm=False,
            order={'payment_term_id': self.two_parts.id},
            payment_method='on_account',
            payment_token_id=False,
        ).order_id
        plain = self._create_parent_product(self._create_program(1, bill_upfront=True))
        order.order_line = [Command.create({'product_id': plain.id})]
        order.continuity_subscription_ids.write({'payment_method': 'on_account', 'payment_token_id': False})
        order.action_confirm()

        self._run_job('process_payments')

        by_plan = {
            plan.amount_total: sorted(plan.payment_ids.move_line_ids.mapped('amount_currency'))
            for plan in order.continuity_subscription_ids
        }
        self.assertEqual(by_plan, {69.3: [20.79, 48.51], 22.0: [6.6, 15.4]})
        self.assertEqual(order.invoice_ids.invoice_payment_term_id, self.two_parts)

    def test_without_any_terms_it_is_due_on_the_day_that_was_planned(self):
        subscription, bill = self._bill(self.env['account.payment.term'])

        self.assertFalse(bill.invoice_payment_term_id)
        self.assertEqual(read_receivable(bill), [('2027-01-01', 69.3)])
        self.assertEqual(subscription.payment_ids.owed_date, self.today)
