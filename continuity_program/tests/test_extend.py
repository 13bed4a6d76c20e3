from hypothesis import given, settings
from hypothesis import strategies as st

from odoo import fields
from odoo.tests import tagged

from .common import ContinuityCase, day


class ExtendCase(ContinuityCase):
    def _get_occurrences(self, subscription):
        """Return the plan as a list of (event ID, occurrence, day)."""
        return [
            (line.program_event_number, line.occurrence, fields.Date.to_string(line.date_planned))
            for line in subscription.line_ids.sorted(lambda line: (line.event_number, line.id))
        ]

    def _sell_at_once(self, program, **values):
        """Sell the program to another customer with the whole plan made at once."""
        threshold = self.company.continuity_repeat_threshold
        self.company.continuity_repeat_threshold = 10000
        subscription = self._sell(program, **values)
        self.company.continuity_repeat_threshold = threshold
        self.assertEqual(subscription.occurrences_left, 0)
        return subscription

    def _live(self, subscription, until, step=20):
        """Let the scheduled jobs work every so many days, in the order of a night."""
        domain = [('id', '=', subscription.id)]
        on = self.today
        while on <= until:
            self._run_job('extend', on, domain=domain)
            self._run_job('create_orders', on, domain=domain)
            on = fields.Date.add(on, days=step)


@tagged('post_install', '-at_install')
class TestExtend(ExtendCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.continuity_repeat_threshold = 3

    def test_at_most_the_threshold_of_one_event_is_planned(self):
        subscription = self._sell(self._create_program([{'repeat_count': 10}]))

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-03-01'])
        self.assertEqual((subscription.occurrences_left, subscription.open_occurrence_count), (7, 3))
        self.assertEqual(subscription.shipment_count, 10)
        self.assertEqual(self._run_job('extend').selected_count, 0)

    def test_as_many_are_added_as_were_ordered(self):
        subscription = self._sell(self._create_program([{'repeat_count': 10}]))
        self._run_job('create_orders', day('2027-02-01'))

        run = self._run_job('extend', day('2027-02-01'))

        self.assertEqual(run.done_count, 1)
        self.assertEqual(
            self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-03-01', '2027-04-01', '2027-05-01']
        )
        self.assertEqual((subscription.occurrences_left, subscription.open_occurrence_count), (5, 3))
        self.assertEqual(subscription.shipment_count, 10)
        self.assertEqual(subscription.line_ids.sorted('event_number').mapped('event_number'), [1, 2, 3, 4, 5])

    def test_a_higher_threshold_is_filled_up(self):
        subscription = self._sell(self._create_program([{'repeat_count': 10}]))
        self.company.continuity_repeat_threshold = 6

        self._run_job('extend')

        self.assertEqual(len(subscription.line_ids), 6)

    def test_a_lower_threshold_takes_nothing_away(self):
        subscription = self._sell(self._create_program([{'repeat_count': 10}]))
        self.company.continuity_repeat_threshold = 1

        self.assertEqual(self._run_job('extend').selected_count, 0)
        self.assertEqual(len(subscription.line_ids), 3)

    def test_never_past_the_repeats(self):
        subscription = self._sell(self._create_program([{'repeat_count': 4}]))

        self._live(subscription, day('2028-01-01'))

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-03-01', '2027-04-01'])
        self.assertEqual(subscription.occurrences_left, 0)
        self.assertEqual(set(subscription.line_ids.mapped('state')), {'ordered'})

    def test_never_past_what_was_bought(self):
        program = self._create_program([{'repeat_forever': True}])
        product = self._create_parent_product(program, continuity_event_count=5)
        subscription = self._sell(program, product=product)

        self._live(subscription, day('2028-01-01'))

        self.assertEqual(len(subscription.line_ids), 5)
        self.assertEqual(subscription.occurrences_left, 0)

    def test_the_following_events_come_after_the_last_repeat(self):
        program = self._create_program(
            [{'repeat_count': 5}, {'interval_unit': 'week', 'repeat_count': 2}, {'interval_unit': 'year'}]
        )
        subscription = self._sell(program)
        self.assertEqual(len(subscription.line_ids), 3)
        self._run_job('create_orders', day('2027-03-01'))

        self._run_job('extend', day('2027-03-01'))

        self.assertEqual(
            self._get_occurrences(subscription)[3:],
            [
                (1, 4, '2027-04-01'),
                (1, 5, '2027-05-01'),
                (2, 1, '2027-05-08'),
                (2, 2, '2027-05-15'),
                (3, 1, '2028-05-15'),
            ],
        )
        self.assertEqual(subscription.occurrences_left, 0)

    def test_until_cancelled_goes_on_for_ever(self):
        subscription = self._sell(self._create_program([{}, {'repeat_forever': True, 'interval_number': 2}]))
        self.assertEqual((subscription.occurrences_left, subscription.shipment_count), (-1, 0))

        self._live(subscription, day('2028-12-31'))

        self.assertEqual(subscription.occurrences_left, -1)
        ordered = subscription.line_ids.filtered(lambda line: line.state == 'ordered')
        self.assertEqual(
            [fields.Date.to_string(line.date_planned) for line in ordered.sorted('date_planned')],
            ['2027-01-01', *(f'{2027 + month // 12}-{month % 12 + 1:02}-01' for month in range(2, 24, 2))],
        )

    def test_a_cancelled_subscription_is_not_extended(self):
        subscription = self._sell(self._create_program([{'repeat_forever': True}]))
        self._run_job('create_orders', day('2027-02-01'))
        subscription._cancel()

        self.assertEqual(self._run_job('extend', day('2027-02-01')).selected_count, 0)

    def test_a_plan_billed_in_advance_is_planned_at_once(self):
        subscription = self._sell(self._create_program([{'repeat_count': 10}], bill_upfront=True))

        self.assertEqual(len(subscription.line_ids), 10)
        self._run_job('create_orders')
        self.assertEqual(self._run_job('extend').selected_count, 0)

    def test_all_lines_of_an_event_are_added(self):
        program = self._create_program([{'event_number': 1, 'repeat_count': 6}, {'event_number': 1, 'quantity': 2}])
        subscription = self._sell(program, quantity=2)
        self._run_job('create_orders', day('2027-01-01'))

        self._run_job('extend', day('2027-01-01'))

        added = subscription.line_ids.filtered(lambda line: line.occurrence == 4)
        self.assertRecordValues(
            added,
            [
                {'event_number': 4, 'product_id': self.books[0].id, 'quantity': 2.0, 'date_planned': day('2027-04-01')},
                {'event_number': 4, 'product_id': self.books[1].id, 'quantity': 4.0, 'date_planned': day('2027-04-01')},
            ],
        )

    def test_the_price_is_that_of_the_one_before(self):
        subscription = self._sell(self._create_program([{'repeat_forever': True}]))
        subscription.line_ids[-1].write({'price_unit': 17.0, 'discount': 10.0})
        self.books[0].list_price = 99.0
        self._run_job('create_orders', day('2027-01-01'))

        self._run_job('extend', day('2027-01-01'))

        line = subscription.line_ids.sorted('event_number')[-1]
        self.assertEqual((line.price_unit, line.discount, line.price_overridden), (17.0, 10.0, True))
        self.assertEqual(line.tax_ids, self.tax)

    def test_a_product_swapped_once_gives_its_price_to_no_other(self):
        subscription = self._sell(self._create_program([{'repeat_forever': True}]))
        subscription.line_ids[-1].product_id = self._create_product("Atlas", 80.0)
        self._run_job('create_orders', day('2027-01-01'))

        self._run_job('extend', day('2027-01-01'))

        line = subscription.line_ids.sorted('event_number')[-1]
        self.assertEqual((line.product_id, line.price_unit), (self.books[0], 20.0))

    def test_fixed_shipping_goes_on(self):
        shipping = self._create_product("Shipping", type='service', is_storable=False)
        program = self._create_program(
            [{'repeat_forever': True}], shipping_policy='fixed', shipping_product_id=shipping.id, shipping_amount=3
        )
        subscription = self._sell(program)
        self._run_job('create_orders', day('2027-02-01'))

        self._run_job('extend', day('2027-02-01'))

        self.assertEqual(subscription.line_ids.mapped('shipping_amount'), [3.0] * 5)

    def test_a_date_changed_by_hand_moves_nothing_that_is_added(self):
        subscription = self._sell(self._create_program([{'repeat_forever': True}]))
        subscription.line_ids[-1].date_planned = '2027-03-20'
        self._run_job('create_orders', day('2027-01-01'))

        self._run_job('extend', day('2027-01-01'))

        self.assertEqual(subscription.line_ids.sorted('event_number')[-1].date_planned, day('2027-04-01'))

    def test_a_late_run_moves_nothing(self):
        subscription = self._sell(self._create_program([{'repeat_count': 8}]), on=day('2027-01-31'))
        self._run_job('create_orders', day('2027-06-15'))
        self._run_job('extend', day('2027-06-15'))
        self._run_job('create_orders', day('2027-06-15'))
        self._run_job('extend', day('2027-06-15'))

        self.assertEqual(
            self._get_dates(subscription),
            [f'2027-{date}' for date in ('01-31', '02-28', '03-31', '04-30', '05-31', '06-30', '07-31', '08-31')],
        )

    def test_a_calendar_program_keeps_to_its_calendar(self):
        program = self._create_program([{'start_date': '2027-01-10', 'repeat_count': 3}, {'repeat_count': 6}])
        subscription = self._sell(program, on=day('2026-12-01'))

        self._live(subscription, day('2028-01-01'))

        self.assertEqual(self._get_dates(subscription), [f'2027-{month:02}-10' for month in range(1, 10)])


@tagged('post_install', '-at_install')
class TestExtendIsOnePlan(ExtendCase):
    """A plan extended night by night is the plan made at once."""

    def assertOnePlan(self, program, until, step=20, **values):
        at_once = self._sell_at_once(program, **values)
        extended = self._sell(program, **values)
        self.assertLess(len(extended.line_ids), len(at_once.line_ids))
        self._live(extended, until, step)
        self.assertEqual(self._get_occurrences(extended), self._get_occurrences(at_once))
        self.assertEqual(extended.line_ids.mapped('event_number'), at_once.line_ids.mapped('event_number'))

    def test_repeats_and_following_events(self):
        self.company.continuity_repeat_threshold = 2
        program = self._create_program(
            [
                {'repeat_count': 4},
                {'action': 'skip'},
                {'interval_unit': 'week', 'interval_number': 6, 'repeat_count': 7},
                {'repeat_count': 3},
                {'repeat_count': 2, 'action': 'end'},
                {},
            ],
            end_of_month=True,
        )

        self.assertOnePlan(program, day('2029-12-31'), on=day('2027-02-28'))

    def test_a_later_start_event(self):
        self.company.continuity_repeat_threshold = 2
        program = self._create_program([{}, {'repeat_count': 5}, {'repeat_count': 5}])

        self.assertOnePlan(program, day('2028-12-31'), start_event=2)

    def test_a_calendar_joined_late(self):
        self.company.continuity_repeat_threshold = 2
        program = self._create_program(
            [{'start_date': '2026-06-30', 'repeat_count': 5}, {'repeat_count': 9}, {'start_date': '2028-01-01'}],
            missed_event_policy='each',
        )

        self.assertOnePlan(program, day('2028-12-31'))

    def test_a_calendar_joined_at_the_current_event(self):
        self.company.continuity_repeat_threshold = 2
        program = self._create_program(
            [{'start_date': '2026-06-30', 'repeat_count': 5}, {'repeat_count': 9}], order_start='current'
        )

        self.assertOnePlan(program, day('2028-12-31'))

    @settings(max_examples=8, deadline=None)
    @given(
        events=st.lists(
            st.fixed_dictionaries(
                {
                    'interval_number': st.integers(1, 3),
                    'interval_unit': st.sampled_from(['week', 'month']),
                    'repeat_count': st.integers(1, 6),
                    'action': st.sampled_from(['normal', 'normal', 'normal', 'skip']),
                }
            ),
            min_size=1,
            max_size=4,
        ).filter(lambda events: any(event['action'] == 'normal' for event in events)),
        threshold=st.integers(1, 4),
        bought=st.integers(0, 9),
    )
    def test_random_programs(self, events, threshold, bought):
        self.company.continuity_repeat_threshold = threshold
        program = self._create_program(events)
        product = self._create_parent_product(program, continuity_event_count=bought)
        at_once = self._sell_at_once(program, product=product)
        extended = self._sell(program, product=product)

        for _night in range(30):
            if not extended.next_date:
                break
            self._run_job('create_orders', extended.next_date, domain=[('id', '=', extended.id)])
            self._run_job('extend', domain=[('id', '=', extended.id)])

        self.assertEqual(self._get_occurrences(extended), self._get_occurrences(at_once))

    def test_three_years_of_nights(self):
        """A coffee refill and a collector series, some nights missed: each box once, none too early."""
        self.company.continuity_repeat_threshold = 4
        refill = self._sell(self._create_program([{'repeat_forever': True}]), on=day('2027-01-31'))
        series = self._sell(self._create_program([{'repeat_count': 9}, {'interval_number': 3, 'repeat_count': 4}]))
        for number in range(3 * 365):
            if number % 7 == 3 or 100 < number < 195:  # the scheduled actions were off
                continue
            if number % 11 and number % 31:  # most nights nothing is due
                continue
            on = fields.Date.add(self.today, days=number)
            domain = [('id', 'in', (refill | series).ids)]
            self._run_job('extend', on, domain=domain)
            for child in self._get_new_children(refill | series, on, domain):
                self.assertLessEqual(child.commitment_date.date(), on)

        lines = refill.line_ids.filtered(lambda line: line.state == 'ordered').sorted('date_planned')
        self.assertEqual(
            [line.date_planned for line in lines],
            [fields.Date.add(day('2027-01-31'), months=number) for number in range(len(lines))],
        )
        self.assertGreaterEqual(len(lines), 35)
        self.assertEqual(len(lines.child_order_id), len(lines))
        self.assertEqual(len(series.line_ids), 13)
        self.assertEqual(set(series.line_ids.mapped('state')), {'ordered'})
        self.assertEqual(series.next_date, False)

    def _get_new_children(self, subscriptions, on, domain):
        before = subscriptions.order_id.continuity_child_ids
        self._run_job('create_orders', on, domain=domain)
        return subscriptions.order_id.continuity_child_ids - before


@tagged('post_install', '-at_install')
class TestExtendQueries(ExtendCase):
    def _count_queries(self, count):
        """Return how many SQL queries a run needs that extends ``count`` plans, each by what became of its own."""
        self.company.continuity_repeat_threshold = 3
        program = self._create_program([{}, {'repeat_count': 10}])
        subscriptions = self.env['continuity.subscription'].union(*(self._sell(program) for _number in range(count)))
        for number, subscription in enumerate(subscriptions):
            subscription.line_ids[-1].discount = number % 5
        self._run_job('create_orders', day('2027-02-01'))
        queries = self._count_queries_of('extend', count, day('2027-02-01'))
        self.assertEqual(set(subscriptions.mapped('open_occurrence_count')), {3})
        for number, subscription in enumerate(subscriptions):
            self.assertEqual(subscription.line_ids.sorted('event_number')[-1].discount, number % 5)
        return queries

    def test_queries_per_subscription_are_few_and_constant(self):
        self._assert_few_queries(self._count_queries)
