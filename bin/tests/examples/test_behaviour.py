"""What the addon does that is put together from the examples of docs/extending.md: it is one of its tests there."""

from pathlib import Path

from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.continuity_program.tests.common import ContinuityCase, day

CALLS = Path(__file__).with_name('calls.py')


@tagged('post_install', '-at_install')
class TestExamples(ContinuityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.phone = "+32 9 123 45 67"
        cls.program = cls._create_program(12)

    def test_another_value_on_each_child_order(self):
        subscription = self._sell(self.program)

        self._run_job('create_orders', day('2027-02-01'))

        notes = [str(order.note) for order in subscription.child_order_ids.sorted('id')]
        self.assertEqual(len(notes), 2)
        for number, note in enumerate(notes, 1):
            self.assertIn(f"Shipment {number} of your plan.", note)

    def test_another_rule(self):
        self.customer.phone = False

        with self.assertRaisesRegex(UserError, "Ann Archer needs a phone number to join."):
            self._sell(self.program)

    def test_another_reason_to_wait(self):
        subscription = self._sell(self.program, on=day('2027-07-15'))
        subscription.partner_id.comment = "On the beach"
        job_run = self.env['continuity.job.run']

        rows = job_run._preview('create_orders', as_of='2027-08-15')
        runs = [self._run_job('create_orders', day(f'2027-08-{number}')) for number in range(15, 20)]

        self.assertEqual({row['skipped'] for row in rows}, {"Nothing is sent in August."})
        self.assertFalse(subscription.child_order_ids)
        self.assertEqual(runs[0].skipped_count, 2)
        issue = self.env['continuity.job.issue'].search([('kind', '=', 'holidays')])
        self.assertEqual((issue.night_count, issue.is_open, len(issue.run_ids)), (5, True, 5))
        kinds = dict(issue.fields_get(['kind'])['kind']['selection'])
        self.assertEqual(kinds['holidays'], "Summer break")
        self.assertFalse(subscription.activity_ids)
        self.assertEqual(self._run_job('create_orders', day('2027-09-01')).done_count, 2)
        self.assertFalse(issue.is_open)

    def test_another_job(self):
        called = self._sell(self.program)
        other = self.env['res.partner'].create({'name': "Bob Baker", 'phone': "+32 9 765 43 21"})
        silent = self._sell(self.program, order={'partner_id': other.id})
        running = self._sell(self.program)
        (called + silent).with_env(self._as_of(day('2027-01-10')))._cancel()
        other.phone = False
        job_run = self.env['continuity.job.run']

        self.assertEqual(job_run._preview('call_back', as_of='2027-04-09'), [])
        rows = job_run._preview('call_back', as_of='2027-04-10')
        run = self._run_job('call_back', day('2027-04-10'))

        self.assertEqual({row['res_id'] for row in rows}, {called.id, silent.id})
        self.assertEqual((run.done_count, run.skipped_count), (1, 1))
        self.assertEqual(run.display_name, "Call who was stopped 04/10/2027")
        self.assertEqual(called.called_back_on, day('2027-04-10'))
        self.assertEqual(called.activity_ids.activity_type_id, self.env.ref('mail.mail_activity_data_call'))
        self.assertRecordValues(run.issue_ids, [{'kind': 'no_phone', 'res_id': silent.id}])
        self.assertEqual(silent.activity_ids.mapped('summary'), ["No phone number"])
        self.assertEqual(self._run_job('call_back', day('2027-04-10')).done_count, 0)
        self.assertFalse(running.called_back_on)
        self.assertIn('call_back', dict(self.env['continuity.job.wizard'].fields_get(['job'])['job']['selection']))
        self.assertEqual(self.env.ref('continuity_examples.ir_cron_call_back').code, "model._cron_run('call_back')")

    def test_something_at_an_occasion(self):
        subscription = self._sell(self.program)

        subscription._cancel()

        self.assertIn("The welcome gift stays with the customer.", str(subscription.message_ids.mapped('body')))

    def test_the_screen(self):
        view = self.env['continuity.program'].get_view(view_type='form')

        self.assertRegex(view['arch'], r'name="is_gift_wrapped"[^>]*/>\s*<field name="probability"')

    def test_calling_it(self):
        self._sell(self.program)

        exec(compile(CALLS.read_text(), str(CALLS), 'exec'), {'env': self.env(su=True)})

        self.assertTrue(self.env['continuity.job.run'].search([('criteria', 'like', 'partner_id')]))
