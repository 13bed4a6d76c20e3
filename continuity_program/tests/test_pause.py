from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import ContinuityCase, day


@tagged('post_install', '-at_install')
class TestPause(ContinuityCase):
    def _pause(self, subscription, on, until=None):
        subscription.with_context(continuity_as_of=on)._pause(until and day(until))

    def _resume(self, subscription, on):
        subscription.with_context(continuity_as_of=on)._resume()

    def _get_child_dates(self, subscription):
        return [str(date.date()) for date in subscription.child_order_ids.sorted('id').mapped('commitment_date')]

    def test_nothing_is_shipped_for_a_pause_and_nothing_is_lost(self):
        subscription = self._sell(self._create_program(4), on=day('2027-01-05'))
        self._run_job('create_orders', day('2027-01-05'))
        self._pause(subscription, '2027-01-20')

        self.assertEqual(self._run_job('create_orders', day('2027-04-30')).selected_count, 0)
        self._resume(subscription, '2027-05-01')

        self.assertEqual(self._get_dates(subscription), ['2027-01-05', '2027-05-05', '2027-06-05', '2027-07-05'])
        self._run_job('create_orders', day('2027-12-31'))
        self.assertEqual(self._get_child_dates(subscription), ['2027-01-05', '2027-05-05', '2027-06-05', '2027-07-05'])

    def test_resume_on_a_shipments_own_day_sends_it_that_day(self):
        subscription = self._sell(self._create_program(3), on=day('2027-01-05'))
        self._run_job('create_orders', day('2027-01-05'))
        self._pause(subscription, '2027-01-20')

        self._resume(subscription, '2027-03-05')

        self.assertEqual(self._get_dates(subscription)[1:], ['2027-03-05', '2027-04-05'])

    def test_pause_that_misses_nothing_moves_nothing(self):
        subscription = self._sell(self._create_program(3), on=day('2027-01-05'))
        self._run_job('create_orders', day('2027-01-05'))
        self._pause(subscription, '2027-01-10')
        self._resume(subscription, '2027-01-20')

        self.assertEqual(self._get_dates(subscription), ['2027-01-05', '2027-02-05', '2027-03-05'])

    def test_month_ends_do_not_drift_over_a_pause(self):
        subscription = self._sell(self._create_program(4), on=day('2027-01-31'))
        self._run_job('create_orders', day('2027-01-31'))
        self._pause(subscription, '2027-02-10')
        self._resume(subscription, '2027-03-15')

        self.assertEqual(self._get_dates(subscription), ['2027-01-31', '2027-03-31', '2027-04-30', '2027-05-31'])

    def test_paused_until_a_day_goes_on_by_itself(self):
        subscription = self._sell(self._create_program(3), on=day('2027-01-05'))
        self._run_job('create_orders', day('2027-01-05'))
        self._pause(subscription, '2027-01-20', until='2027-04-05')

        self.assertEqual(self._run_job('create_orders', day('2027-04-04')).selected_count, 0)
        self.assertEqual(self._run_job('create_orders', day('2027-04-05')).done_count, 1)

        self.assertEqual(subscription.state, 'running')
        self.assertEqual(self._get_dates(subscription)[1:], ['2027-04-05', '2027-05-05'])

    def test_paused_until_a_day_goes_on_where_nothing_is_due_then(self):
        yearly = self._sell(self._create_program([{}, {'interval_unit': 'year'}]), on=day('2027-01-05'))
        sent = self._sell(self._create_program(1), on=day('2027-01-05'))
        self._run_job('create_orders', day('2027-01-05'))
        for subscription in yearly, sent:
            self._pause(subscription, '2027-01-20', until='2027-04-05')
        self._deliver(sent.child_order_ids)
        self._run_job('process_payments', day('2027-04-04'))
        self._pay(sent.payment_ids)

        self.assertEqual(self._run_job('close', day('2027-04-04')).selected_count, 0)
        self.assertEqual(self._run_job('close', day('2027-04-05')).done_count, 2)

        self.assertEqual((yearly.state, self._get_dates(yearly)), ('running', ['2027-01-05', '2028-01-05']))
        self.assertEqual(sent.state, 'done')

    def test_the_dialog_asks_until_when(self):
        subscription = self._sell(self._create_program(3)).with_context(continuity_as_of='2027-01-20')
        action = subscription.action_pause()
        wizard = subscription.env[action['res_model']].with_context(**action['context']).create({'until': '2027-04-05'})
        wizard.action_pause()

        self.assertEqual((subscription.state, subscription.resume_date), ('paused', day('2027-04-05')))
        with self.assertRaisesRegex(UserError, "Paused"):
            subscription.action_pause()

    def test_calendar_skips_what_was_dated_in_the_pause(self):
        program = self._create_program([{'start_date': day('2027-01-05')}, {}, {}, {}, {}])
        product = self._create_parent_product(program, continuity_event_count=3)
        subscription = self._sell(program, product=product)
        self._run_job('create_orders', day('2027-01-05'))
        self._pause(subscription, '2027-01-20')
        self._resume(subscription, '2027-02-20')

        self.assertEqual(
            self._get_plan(subscription),
            [
                (1, '2027-01-05', "Book 1", 'ordered'),
                (2, '2027-02-05', "Book 2", 'skipped'),
                (3, '2027-03-05', "Book 3", 'planned'),
            ],
        )
        # What was skipped is not bought: the plan takes the next one instead.
        self.assertEqual(subscription.occurrences_left, 1)
        self._run_job('extend', day('2027-02-20'))
        self.assertEqual(self._get_plan(subscription)[3:], [(4, '2027-04-05', "Book 4", 'planned')])

    def test_prepaid_calendar_sends_it_late(self):
        program = self._create_program([{'start_date': day('2027-01-05')}, {}, {}], bill_upfront=True)
        subscription = self._sell(program)
        self._run_job('create_orders', day('2027-01-05'))
        self._pause(subscription, '2027-01-20')
        self._resume(subscription, '2027-02-20')

        self.assertEqual(self._get_dates(subscription), ['2027-01-05', '2027-02-20', '2027-03-05'])

    def test_endless_plan_extends_on_its_new_rhythm(self):
        self.company.continuity_repeat_threshold = 2
        subscription = self._sell(self._create_program([{'repeat_forever': True}]), on=day('2027-01-05'))
        self._run_job('create_orders', day('2027-01-05'))
        self._pause(subscription, '2027-01-20')
        self._resume(subscription, '2027-03-20')

        self._run_job('extend', day('2027-03-20'))
        self._run_job('create_orders', day('2027-05-05'))
        self._run_job('extend', day('2027-05-05'))

        self.assertEqual(
            self._get_dates(subscription), ['2027-01-05', '2027-04-05', '2027-05-05', '2027-06-05', '2027-07-05']
        )

    def test_any_number_of_pauses_loses_and_doubles_nothing(self):
        subscription = self._sell(self._create_program(12), on=day('2027-01-31'))
        for month in range(1, 12):
            self._run_job('create_orders', day(f'2027-{month:02}-28'))
            self._pause(subscription, f'2027-{month:02}-28')
            self._resume(subscription, f'2027-{month + 1:02}-01')
        self._run_job('create_orders', day('2029-12-31'))

        self.assertEqual(subscription.line_ids.mapped('occurrence'), [1] * 12)
        self.assertEqual(len(subscription.child_order_ids), 12)
        dates = self._get_dates(subscription)
        self.assertEqual(dates, sorted(set(dates)))

    def test_what_has_a_fixed_date_in_the_pause_goes_out_on_the_day(self):
        program = self._create_program([{}, {'start_date': day('2027-02-14')}, {}])
        subscription = self._sell(program, on=day('2027-01-05'))
        self._run_job('create_orders', day('2027-01-05'))
        self._pause(subscription, '2027-01-20')

        self._resume(subscription, '2027-03-01')

        self.assertEqual(self._get_dates(subscription), ['2027-01-05', '2027-03-01', '2027-03-14'])

    def test_refused_where_it_makes_no_sense(self):
        subscription = self._sell(self._create_program(3))
        with self.assertRaisesRegex(UserError, "Running"):
            subscription._resume()
        with self.assertRaisesRegex(UserError, "a day to come"):
            self._pause(subscription, '2027-01-20', until='2027-01-20')
        self._pause(subscription, '2027-01-20')
        with self.assertRaisesRegex(UserError, "Paused"):
            subscription._pause()

    def test_preview_tells_what_a_pause_that_ends_makes_of_the_dates(self):
        subscription = self._sell(self._create_program(4), on=day('2027-01-05'))
        self._run_job('create_orders', day('2027-01-05'))
        subscription.with_env(self._as_of(day('2027-01-20')))._pause(day('2027-03-05'))
        before = subscription.line_ids.read()

        rows = self.env['continuity.job.run']._preview('create_orders', as_of=day('2027-03-10'))

        self.assertEqual([(row['change'], row['date']) for row in rows], [("1 × Book 2", day('2027-03-05'))])
        self.assertEqual((subscription.state, subscription.line_ids.read()), ('paused', before))
        self.assertEqual(self._run_job('create_orders', day('2027-03-10')).done_count, 1)
        self.assertEqual(self._get_dates(subscription)[:3], ['2027-01-05', '2027-03-05', '2027-04-05'])
