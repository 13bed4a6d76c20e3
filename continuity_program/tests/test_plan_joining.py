from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import day
from .common_plan import PlanCase


@tagged('post_install', '-at_install')
class TestJoining(PlanCase):
    def test_missed_events_in_one_order(self):
        subscription = self._sell(self._create_calendar_program(5))

        self.assertEqual(
            self._get_shipments(subscription),
            [
                (1, '2027-01-01', 1),
                (1, '2027-01-01', 2),
                (2, '2027-01-05', 3),
                (3, '2027-02-05', 4),
                (4, '2027-03-05', 5),
            ],
        )
        self.assertEqual(subscription.shipment_count, 4)
        self.assertEqual(self._run_job('create_orders').done_count, 1)
        self.assertEqual(subscription.child_order_ids.order_line.product_id, self.books[:2])

    def test_missed_events_each_in_its_own_order(self):
        subscription = self._sell(self._create_calendar_program(4, missed_event_policy='each'))

        self.assertEqual(
            self._get_shipments(subscription),
            [(1, '2027-01-01', 1), (2, '2027-01-01', 2), (3, '2027-01-05', 3), (4, '2027-02-05', 4)],
        )
        self.assertEqual(self._run_job('create_orders').done_count, 2)

    def test_missed_events_not_sent(self):
        subscription = self._sell(self._create_calendar_program(4, missed_event_policy='skip'))

        self.assertEqual(self._get_shipments(subscription), [(1, '2027-01-05', 3), (2, '2027-02-05', 4)])
        self.assertEqual(subscription.start_event, 3)

    def test_event_of_the_joining_day_is_not_missed(self):
        program = self._create_calendar_program(4, missed_event_policy='skip')

        subscription = self._sell(program, on=day('2027-01-05'))

        self.assertEqual(self._get_shipments(subscription), [(1, '2027-01-05', 3), (2, '2027-02-05', 4)])

    def test_current_start_begins_with_the_running_event_on_the_joining_day(self):
        program = self._create_calendar_program(5, order_start='current')

        subscription = self._sell(program, on=day('2027-01-15'))

        self.assertEqual(
            self._get_shipments(subscription), [(1, '2027-01-15', 3), (2, '2027-02-05', 4), (3, '2027-03-05', 5)]
        )
        self.assertEqual(subscription.start_event, 3)

    def test_current_start_before_the_first_event_is_the_first_event(self):
        program = self._create_program([{'start_date': day('2027-06-05')}, {}], order_start='current')

        self.assertEqual(self._get_shipments(self._sell(program)), [(1, '2027-06-05', 1), (2, '2027-07-05', 2)])

    def test_current_start_after_the_last_event_is_the_last_event(self):
        program = self._create_calendar_program(2, order_start='current')

        self.assertEqual(self._get_shipments(self._sell(program)), [(1, '2027-01-01', 2)])

    def test_current_start_within_repeats_is_the_running_occurrence(self):
        program = self._create_program(
            [{'start_date': day('2026-11-05'), 'repeat_count': 4}, {}], order_start='current'
        )

        subscription = self._sell(program)

        self.assertEqual(
            [(line.occurrence, str(line.date_planned)) for line in subscription.line_ids],
            [(2, '2027-01-01'), (3, '2027-01-05'), (4, '2027-02-05'), (1, '2027-03-05')],
        )

    def test_start_date_is_the_joining_day(self):
        program = self._create_calendar_program(5, order_start='current')

        subscription = self._sell(program, start_date=day('2027-02-10'))

        self.assertEqual(self._get_shipments(subscription), [(1, '2027-02-10', 4), (2, '2027-03-05', 5)])

    def test_current_equals_first_in_a_relative_program(self):
        subscription = self._sell(self.program, order_start='current')

        self.assertEqual(self._get_plan(subscription), self.THREE_BOOKS)

    def test_order_start_is_chosen_on_the_page(self):
        subscription = self._sell(self._create_calendar_program(4), confirm=False)
        self.assertEqual(subscription.line_ids.mapped('program_event_number'), [1, 2, 3, 4])

        subscription.order_start = 'current'
        self.assertEqual(
            self._get_shipments(subscription), [(1, '2027-01-01', 2), (2, '2027-01-05', 3), (3, '2027-02-05', 4)]
        )

        subscription.order_start = 'first'
        self.assertEqual(
            self._get_shipments(subscription),
            [(1, '2027-01-01', 1), (1, '2027-01-01', 2), (2, '2027-01-05', 3), (3, '2027-02-05', 4)],
        )

    def test_page_shows_the_plan_made_again_in_its_order(self):
        subscription = self._sell(self._create_calendar_program(4, missed_event_policy='each'), confirm=False)
        subscription.order_start = 'current'
        subscription.invalidate_recordset()

        [values] = subscription.web_save(
            {'order_start': 'first'}, {'line_ids': {'fields': {'program_event_number': {}}}}
        )

        self.assertEqual([line['program_event_number'] for line in values['line_ids']], [1, 2, 3, 4])

    def test_start_event_is_chosen_on_the_page(self):
        subscription = self._sell(self.program, confirm=False)

        subscription.start_event = 2
        self.assertEqual(self._get_shipments(subscription), [(1, '2027-01-01', 2), (2, '2027-02-01', 3)])

        subscription.order_id.action_confirm()
        self.assertEqual(self._get_shipments(subscription), [(1, '2027-01-01', 2), (2, '2027-02-01', 3)])

    def test_start_event_taken_back(self):
        subscription = self._sell(self.program, confirm=False, start_event=2)

        subscription.start_event = 0

        self.assertEqual(self._get_plan(subscription), self.THREE_BOOKS)
        self.assertEqual(subscription.start_event, 1)

    def test_chosen_start_event_of_a_calendar_program(self):
        program = self._create_calendar_program(5)

        self.assertEqual(
            self._get_shipments(self._sell(program, start_event=4)), [(1, '2027-02-05', 4), (2, '2027-03-05', 5)]
        )
        self.assertEqual(
            self._get_shipments(self._sell(program, start_event=2))[:2], [(1, '2027-01-01', 2), (2, '2027-01-05', 3)]
        )

    def test_start_event_that_is_not_sent_is_refused(self):
        subscription = self._sell(self.program, confirm=False)

        with self.assertRaisesRegex(UserError, "cannot start with event 7: program Book Club sends the events 1, 2, 3"):
            subscription.start_event = 7


@tagged('post_install', '-at_install')
class TestEventCount(PlanCase):
    def test_bought_count_cuts_the_plan(self):
        product = self._create_parent_product(self.program, continuity_event_count=2)

        subscription = self._sell(self.program, product=product)

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01'])
        self.assertEqual((subscription.shipment_count, subscription.occurrences_left), (2, 0))

    def test_one_program_backs_products_of_several_sizes(self):
        program = self._create_program(12)
        counts = []
        for bought in (3, 6, 12):
            product = self._create_parent_product(program, continuity_event_count=bought)
            counts.append(len(self._sell(program, product=product).line_ids))

        self.assertEqual(counts, [3, 6, 12])

    def test_bought_count_counts_from_the_start_event(self):
        product = self._create_parent_product(self.program, continuity_event_count=2)

        subscription = self._sell(self.program, product=product, start_event=2)

        self.assertEqual(self._get_shipments(subscription), [(1, '2027-01-01', 2), (2, '2027-02-01', 3)])

    def test_bought_count_counts_occurrences(self):
        program = self._create_program([{'repeat_count': 2}, {'repeat_count': 5}])
        product = self._create_parent_product(program, continuity_event_count=3)

        self.assertEqual(
            self._get_shipments(self._sell(program, product=product)),
            [(1, '2027-01-01', 1), (2, '2027-02-01', 1), (3, '2027-03-01', 2)],
        )

    def test_lines_that_share_an_event_id_count_once(self):
        program = self._create_program([{'event_number': number} for number in (1, 1, 2, 2, 3)])
        product = self._create_parent_product(program, continuity_event_count=2)

        subscription = self._sell(program, product=product)

        self.assertEqual(
            self._get_plan(subscription),
            [
                (1, '2027-01-01', "Book 1", 'planned'),
                (1, '2027-01-01', "Book 2", 'planned'),
                (2, '2027-02-01', "Book 3", 'planned'),
                (2, '2027-02-01', "Book 4", 'planned'),
            ],
        )
        self.assertEqual((subscription.shipment_count, subscription.missing_event_count), (2, 0))

    def test_bought_count_limits_what_goes_on_until_cancelled(self):
        program = self._create_program([{'repeat_forever': True}])
        product = self._create_parent_product(program, continuity_event_count=20)

        subscription = self._sell(program, product=product)

        self.assertEqual(len(subscription.line_ids), 12)
        self.assertEqual((subscription.shipment_count, subscription.occurrences_left), (20, 8))

    def test_missed_events_sent_count_as_bought(self):
        program = self._create_calendar_program(6)
        product = self._create_parent_product(program, continuity_event_count=3)

        self.assertEqual(
            self._get_shipments(self._sell(program, product=product)),
            [(1, '2027-01-01', 1), (1, '2027-01-01', 2), (2, '2027-01-05', 3)],
        )

    def test_missed_events_not_sent_do_not_count_as_bought(self):
        program = self._create_calendar_program(6, missed_event_policy='skip')
        product = self._create_parent_product(program, continuity_event_count=3)

        self.assertEqual(
            self._get_shipments(self._sell(program, product=product)),
            [(1, '2027-01-05', 3), (2, '2027-02-05', 4), (3, '2027-03-05', 5)],
        )

    def test_fewer_events_than_bought_are_a_warning(self):
        product = self._create_parent_product(self.program, continuity_event_count=5)
        subscription = self._sell(self.program, product=product, confirm=False)

        self.assertIn(
            "Book Club Membership buys 5 events, but from the start event on program Book Club has 2 fewer.",
            subscription.warning,
        )

        subscription.order_id.action_confirm()
        self.assertEqual(subscription.state, 'running')

    def test_fewer_events_than_bought_are_refused_when_billed_upfront(self):
        product = self._create_parent_product(self.program, continuity_event_count=5)
        subscription = self._sell(self.program, product=product, confirm=False, bill_upfront=True)

        with self.assertRaisesRegex(UserError, "buys 5 events, .* has 2 fewer"):
            subscription.order_id.action_confirm()

        self.assertEqual((subscription.state, subscription.order_id.state), ('draft', 'draft'))

    def test_enough_events_are_no_warning(self):
        product = self._create_parent_product(self.program, continuity_event_count=3)

        self.assertFalse(self._sell(self.program, product=product, confirm=False).warning)

    def test_open_ended_program_without_events_left_can_be_sold(self):
        program = self._create_calendar_program(1, open_ended=True, missed_event_policy='skip')

        subscription = self._sell(program)

        self.assertEqual((subscription.state, len(subscription.line_ids)), ('running', 0))

    def test_program_with_nothing_left_to_send_is_refused(self):
        program = self._create_calendar_program(2, missed_event_policy='skip')
        subscription = self._sell(program, confirm=False)

        with self.assertRaisesRegex(UserError, "nothing to send: all events of program Book Club are past"):
            subscription.order_id.action_confirm()


@tagged('post_install', '-at_install')
class TestThreshold(PlanCase):
    def test_until_cancelled_plans_up_to_the_threshold(self):
        self.company.continuity_repeat_threshold = 4
        program = self._create_program([{'repeat_forever': True}])

        subscription = self._sell(program)

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-03-01', '2027-04-01'])
        self.assertEqual((subscription.shipment_count, subscription.occurrences_left), (0, -1))

    def test_long_repeats_plan_up_to_the_threshold(self):
        self.company.continuity_repeat_threshold = 4
        program = self._create_program([{'repeat_count': 6}, {}])

        subscription = self._sell(program)

        self.assertEqual(len(subscription.line_ids), 4)
        self.assertEqual((subscription.shipment_count, subscription.occurrences_left), (7, 3))

    def test_billed_upfront_plans_everything(self):
        self.company.continuity_repeat_threshold = 4
        program = self._create_program([{'repeat_count': 6}, {}], bill_upfront=True)

        subscription = self._sell(program)

        self.assertEqual(len(subscription.line_ids), 7)
        self.assertEqual((subscription.shipment_count, subscription.occurrences_left), (7, 0))

    def test_single_events_know_no_threshold(self):
        self.company.continuity_repeat_threshold = 1

        self.assertEqual(len(self._sell(self._create_program(12)).line_ids), 12)
