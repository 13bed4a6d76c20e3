from datetime import date, timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import ContinuityCase, day

NOON = '2027-02-01 12:00:00'
MIDNIGHT = '2027-02-02 00:00:00'
TO_COME = ('2027-02-02', '2099-12-31', date(2027, 2, 2), MIDNIGHT, fields.Datetime.to_datetime(MIDNIGHT))


@tagged('post_install', '-at_install')
class TestRunAhead(ContinuityCase):
    """Nobody runs a job for a day to come, but the superuser: tests, demo data, benchmarks."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.chief = cls._create_user('chief', 'sales_team.group_sale_manager')
        cls.teller = cls._create_user('teller', 'sales_team.group_sale_manager', 'account.group_account_invoice')

    def setUp(self):
        super().setUp()
        self.subscription = self._sell(self._create_program(3))
        self.Run = self.env['continuity.job.run'].with_user(self.chief)
        self.Wizard = self.env['continuity.job.wizard'].with_user(self.chief)

    @freeze_time(NOON)
    def test_a_day_to_come_is_refused(self):
        for as_of in TO_COME:
            with self.subTest(as_of=as_of), self.assertRaisesRegex(UserError, "which is to come: today is 02/01/2027"):
                self.Run._execute('create_orders', as_of=as_of)
        self.assertFalse(self.subscription.child_order_ids)
        self.assertEqual(self.Run._execute('create_orders', as_of='2027-02-01').done_count, 2)

    @freeze_time(NOON)
    def test_the_context_is_no_way_round(self):
        for as_of in TO_COME:
            with self.subTest(as_of=as_of), self.assertRaisesRegex(UserError, "which is to come"):
                self.Run.with_context(continuity_as_of=as_of)._execute('create_orders')
        for as_of in ('tomorrow', 20990101, ['2099-01-01']):
            with self.subTest(as_of=as_of), self.assertRaisesRegex(UserError, "A job cannot run for"):
                self.Run.with_context(continuity_as_of=as_of)._execute('create_orders')
        by_dialog = self.Wizard.with_context(continuity_as_of='2099-01-01').create({'job': 'create_orders'})
        with self.assertRaisesRegex(UserError, "which is to come"):
            by_dialog._run(commit=False)
        self.assertFalse(self.subscription.child_order_ids)

    @freeze_time(NOON)
    def test_the_dialog_previews_and_does_not_run(self):
        wizard = self.Wizard.create({'job': 'create_orders', 'as_of': '2099-01-01'})
        wizard.action_preview()
        self.assertEqual(wizard.preview_count, 3)
        self.assertTrue(wizard.is_ahead)
        for run in (wizard.action_run, lambda: wizard._run(commit=False)):
            with self.assertRaisesRegex(UserError, "which is to come"):
                run()
        self.assertFalse(self.subscription.child_order_ids)

    @freeze_time('2027-02-01 20:00:00')
    def test_later_than_today_in_any_of_the_companies(self):
        other = self.env['res.company'].create({'name': "Down Under"})
        other.partner_id.tz = 'Pacific/Auckland'
        self.chief.company_ids += other
        both = self.Run.with_context(allowed_company_ids=(other + self.company).ids)
        with self.assertRaisesRegex(UserError, "which is to come: today is 02/01/2027"):
            both._execute('create_orders', as_of='2027-02-02')
        there = self.Run.with_context(allowed_company_ids=other.ids)
        self.assertEqual(there._execute('create_orders', as_of='2027-02-02').company_ids, other)

    @freeze_time(NOON)
    def test_the_superuser_may(self):
        self.assertEqual(self._run_job('create_orders', on=day('2027-03-01')).done_count, 3)

    @freeze_time(NOON)
    def test_who_processes_payments_may_charge(self):
        self._run_job('create_orders', on=day('2027-01-01'))
        self._deliver(self.subscription.child_order_ids)
        payment = self.subscription.payment_ids
        by_chief = self.Wizard.create({'job': 'process_payments'})
        with self.assertRaises(AccessError):
            payment.with_user(self.chief).action_charge()
        for run in (by_chief.action_run, lambda: by_chief._run(False), lambda: self.Run._execute('process_payments')):
            with self.assertRaises(AccessError):
                run()
        self.assertFalse(payment.invoice_id)
        by_chief.action_preview()
        self.assertEqual(by_chief.preview_count, 1)

        by_teller = self.env['continuity.job.wizard'].with_user(self.teller).create({'job': 'process_payments'})
        by_teller._run(commit=False)
        self.assertTrue(payment.invoice_id)


@tagged('post_install', '-at_install')
class TestQuestion(ContinuityCase):
    """Before a run by hand, the dialog says how many orders and charges there will be, and how much money."""

    def _ask(self, job, on):
        wizard = self.env['continuity.job.wizard'].create({'job': job, 'as_of': on})
        wizard.action_preview()
        return wizard.question.replace('\N{NO-BREAK SPACE}', ' ')

    def test_orders(self):
        program = self._create_program(2)
        for _number in range(2):
            self._sell(program)
        self.assertEqual(self._ask('create_orders', self.today), "Child orders to create: 2 · $ 44.00.")
        self.assertEqual(self._ask('create_orders', day('2027-02-01')), "Child orders to create: 4 · $ 90.20.")
        self.assertEqual(self._ask('create_orders', day('2026-12-31')), "There is nothing to do.")

    @freeze_time('2027-01-02 12:00:00')
    def test_charges_and_invoices(self):
        self.company.continuity_charge_moment = 'creation'
        token = self._create_token()
        program = self._create_program(1)
        self._sell(program, payment_method='token', payment_token_id=token.id)
        self._sell(program, payment_method='on_account')
        self.assertEqual(
            self._ask('create_orders', self.today),
            "Child orders to create: 2 · $ 44.00.\nOf these, charged to a card at once: 1 · $ 22.00.",
        )
        self._run_job('create_orders')
        children = self.env['sale.order'].search([('continuity_role', '=', 'child')])
        self._deliver(children.filtered(lambda order: not order.continuity_payment_hold))
        asked = self._ask('process_payments', self.today + timedelta(days=1))
        self.assertEqual(asked, "Cards to charge: 1 · $ 22.00.\nInvoices to send: 1 · $ 22.00.")

    def test_what_is_left_out_is_not_counted(self):
        self._sell(self._create_program(1))
        self._sell(self._create_program(1, unpaid_policy='ship'), payment_method='token')
        asked = self._ask('create_orders', self.today)
        self.assertEqual(asked, "Child orders to create: 1 · $ 22.00.")

    def test_other_jobs(self):
        program = self._create_program([{'start_date': '2027-01-01'}])
        self.assertEqual(self._ask('update_events', self.today), "Other changes: 1.")
        wizard = self.env['continuity.job.wizard'].create(
            {'job': 'update_events', 'program_ids': [Command.set(program.ids)]}
        )
        self.assertEqual(wizard.question, "There is nothing to do.")
