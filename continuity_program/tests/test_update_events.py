from odoo.tests import tagged

from .common import ContinuityCase, day


@tagged('post_install', '-at_install')
class TestUpdateEvents(ContinuityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = cls._create_program([{'start_date': f'2027-{month:02}-15'} for month in range(1, 7)])

    def _update(self, on, program=None):
        return self._run_job('update_events', day(on), domain=[('id', '=', (program or self.program).id)])

    def assertCurrent(self, on, event):
        self._update(on)
        self.assertRecordValues(self.program, [{'current_event': event, 'last_checked': day(on)}])

    def test_the_event_running_on_the_day(self):
        for on, event in (
            ('2026-12-31', 1),  # before the first, the first
            ('2027-01-14', 1),
            ('2027-01-15', 1),
            ('2027-02-14', 1),
            ('2027-02-15', 2),
            ('2027-02-16', 2),
        ):
            with self.subTest(on=on):
                self.assertCurrent(on, event)

    def test_any_number_of_missed_days_in_one_run(self):
        self.assertCurrent('2027-01-20', 1)
        self.assertCurrent('2027-06-01', 5)

    def test_the_last_event_stays(self):
        self.assertCurrent('2035-01-01', 6)

    def test_repeats_are_the_same_event(self):
        program = self._create_program([{'start_date': '2027-01-01', 'repeat_count': 3}, {}])
        for on, event in (('2027-03-31', 1), ('2027-04-01', 2)):
            self._update(on, program)
            self.assertEqual(program.current_event, event)

    def test_skipped_events_never_run_and_end_is_the_last(self):
        program = self._create_program(
            [
                {'start_date': '2027-01-01'},
                {'start_date': '2027-02-01', 'action': 'skip'},
                {'start_date': '2027-03-01', 'action': 'end'},
                {'start_date': '2027-04-01'},
            ]
        )
        for on, event in (('2027-02-10', 1), ('2027-03-10', 3), ('2027-05-10', 3)):
            self._update(on, program)
            self.assertEqual(program.current_event, event)

    def test_until_cancelled(self):
        program = self._create_program([{'start_date': '2020-01-01', 'interval_unit': 'week', 'repeat_forever': True}])

        self._update('2030-01-01', program)

        self.assertEqual(program.current_event, 1)

    def test_once_a_day(self):
        self.assertEqual(self._update('2027-03-01').done_count, 1)
        self.assertEqual(self._update('2027-03-01').selected_count, 0)
        self.assertEqual(self._update('2027-03-02').done_count, 1)

    def test_a_changed_calendar_is_looked_at_again_the_same_day(self):
        self.assertCurrent('2027-03-20', 3)
        self.program.line_ids[2].start_date = '2027-03-25'

        self.assertCurrent('2027-03-20', 2)

    def test_relative_and_archived_programs_are_left_alone(self):
        relative = self._create_program(3)
        archived = self._create_program([{'start_date': '2027-01-01'}], active=False)
        only_skip = self._create_program([{'start_date': '2027-01-01', 'action': 'skip'}, {}])

        for program in (relative, archived, only_skip):
            self.assertEqual(self._update('2027-02-01', program).selected_count, 0)
            self.assertFalse(program.last_checked)

    def test_sold_plans_are_not_behind_because_of_it(self):
        self._sell(self.program)
        revision = self.program.revision

        self._update('2027-06-20')

        self.assertEqual(self.program.revision, revision)
        self.assertFalse(self.program.sync_pending)

    def test_plans_are_never_computed_from_it(self):
        self._update('2027-06-20')

        subscription = self._sell(self.program, order={}, on=day('2027-02-20'), order_start='current')

        self.assertEqual(subscription.start_event, 2)
        self.assertEqual(
            self._get_plan(subscription)[:2],
            [(1, '2027-02-20', "Book 2", 'planned'), (2, '2027-03-15', "Book 3", 'planned')],
        )

    def test_the_day_is_the_programs_companys(self):
        other = self.env['res.company'].create({'name': "Other Books"})
        program = self.env['continuity.program'].create({'name': "Elsewhere", 'company_id': other.id})
        self.env['continuity.program.line'].create(
            {'program_id': program.id, 'product_id': self.books[0].id, 'start_date': '2027-01-01'}
        )

        run = self._update('2027-01-01', program)

        self.assertEqual(run.done_count, 1)
        self.assertEqual(program.current_event, 1)
