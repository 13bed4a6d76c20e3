from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import day
from .common_mass_change import MassChangeCase


@tagged('post_install', '-at_install')
class TestUndo(MassChangeCase):
    def test_dates_are_as_before(self):
        subscriptions = self._sell(self.program) | self._sell(self.weekly)
        subscriptions[0].line_ids[1].date_planned = day('2027-02-14')
        before = self._read_all(subscriptions.line_ids), self._read_all(subscriptions)
        change = self._shift(subscriptions, 10)
        self.assertNotEqual(self._read_all(subscriptions.line_ids), before[0])

        change.action_undo()

        self.assertEqual((self._read_all(subscriptions.line_ids), self._read_all(subscriptions)), before)
        self.assertRecordValues(change, [{'state': 'undone', 'kept_count': 0, 'undo_user_id': self.env.uid}])
        self.assertEqual(set(change.line_ids.mapped('state')), {'undone'})

    def test_a_day_that_is_past_by_now_goes_out_with_the_next_run(self):
        subscription = self._sell(self.program)
        change = self._shift(subscription, 10)
        self.assertEqual(self._run_job('create_orders', day('2027-01-08')).selected_count, 0)

        change.with_env(self._as_of(day('2027-01-08'))).action_undo()

        self.assertEqual(self._get_dates(subscription)[:2], ['2027-01-01', '2027-02-01'])
        self._run_job('create_orders', day('2027-01-08'))
        child = subscription.child_order_ids
        self.assertEqual((child.commitment_date.date(), child.order_line.product_id), (self.today, self.books[0]))

    def test_products_and_prices_are_as_before(self):
        subscriptions = self._sell(self.program) | self._sell(self.weekly, line={'discount': 12.5})
        subscriptions[1].line_ids[0].price_unit = 9.9375
        before = self._read_all(subscriptions.line_ids), self._read_all(subscriptions)
        for price_rule in ('keep', 'pricelist', 'fixed'):
            change = self._substitute(subscriptions, self.books[0], self.atlas, price_rule, price_unit=7.77)
            self.assertNotEqual(self._read_all(subscriptions.line_ids), before[0])

            change.action_undo()

            with self.subTest(price_rule):
                self.assertEqual((self._read_all(subscriptions.line_ids), self._read_all(subscriptions)), before)

    def test_a_quotation_billed_in_advance_is_as_before(self):
        draft = self._sell(self._create_program(2, bill_upfront=True), confirm=False)
        before = self._read_all(draft.line_ids), draft.order_line_id.name, draft.order_line_id.price_total
        self.atlas.taxes_id = self.tax

        self._substitute(draft, self.books[0], self.atlas, 'pricelist').action_undo()
        self._shift(draft, 3).action_undo()

        self.assertEqual(
            (self._read_all(draft.line_ids), draft.order_line_id.name, draft.order_line_id.price_total), before
        )
        self.assertAlmostEqual(sum(draft.payment_ids.mapped('amount')), 45.1)

    def test_what_was_ordered_meanwhile_stays(self):
        subscription = self._sell(self.program)
        change = self._shift(subscription, 10)
        self._run_job('create_orders', day('2027-01-11'))

        change.action_undo()

        self.assertEqual(self._get_dates(subscription), ['2027-01-11', '2027-02-01', '2027-03-01', '2027-04-01'])
        reasons = self._get_reasons(change)
        self.assertEqual([state for _number, state, _reason in reasons], ['kept', 'undone', 'undone', 'undone'])
        self.assertRegex(reasons[0][2], "is ordered and cannot be changed any more")
        self.assertEqual(change.kept_count, 1)

    def test_what_was_changed_again_stays(self):
        subscription = self._sell(self.program)
        change = self._shift(subscription, 10)
        subscription.line_ids[1].date_planned = day('2027-02-20')
        subscription.line_ids[2].quantity = 5.0

        change.action_undo()

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-20', '2027-03-01', '2027-04-01'])
        self.assertEqual(self._get_reasons(change)[1], (2, 'kept', "It was changed again since."))
        self.assertEqual(subscription.line_ids[2].quantity, 5.0)

    def test_the_older_of_two_changes_waits_for_the_younger(self):
        subscription = self._sell(self.program)
        first = self._shift(subscription, 10)
        second = self._shift(subscription, 3)

        second.action_undo()
        first.action_undo()

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-03-01', '2027-04-01'])
        self.assertEqual(subscription.clock_days, 0)

    def test_not_twice(self):
        change = self._shift(self._sell(self.program), 10)
        change.action_undo()

        with self.assertRaisesRegex(UserError, "has been undone already"):
            change.action_undo()
        self.assertFalse(change.can_undo)

    def test_a_line_put_into_the_shipment_since_comes_along(self):
        subscription = self._sell(self.program)
        change = self._shift(subscription, 10)
        added = self.env['continuity.line'].create(
            {
                'subscription_id': subscription.id,
                'product_id': self.atlas.id,
                'event_number': 2,
                'date_planned': day('2027-05-05'),
            }
        )
        self.assertEqual(added.date_planned, day('2027-02-11'))

        change.action_undo()

        self.assertEqual(added.date_planned, day('2027-02-01'))

    def test_a_line_removed_since(self):
        subscription = self._sell(self._create_program(1))
        added = self.env['continuity.line'].create(
            {'subscription_id': subscription.id, 'product_id': self.atlas.id, 'date_planned': self.today}
        )
        change = self._shift(subscription, 10)
        added.action_remove()

        change.action_undo()

        self.assertEqual(self._get_reasons(change), [(1, 'undone', ''), (2, 'kept', "It is no longer in the plan.")])

    def test_a_product_that_is_gone_or_archived(self):
        booklet, leaflet = self._create_product("Booklet"), self._create_product("Leaflet")
        subscription = self._sell(self._create_program([{'product_id': booklet.id}, {'product_id': leaflet.id}]))
        changes = self._substitute(subscription, booklet, self.atlas)
        changes |= self._substitute(subscription, leaflet, self.atlas)
        subscription.program_id.line_ids.product_id = self.books[0]
        booklet.product_tmpl_id.unlink()
        leaflet.active = False

        for change in changes:
            change.action_undo()

        self.assertEqual(subscription.line_ids.product_id, self.atlas)
        self.assertRegex(changes.line_ids[0].reason, "no longer exists")
        self.assertRegex(changes.line_ids[1].reason, "is archived")
        self.assertRegex(changes.line_ids[0].before, "deleted")

    def test_notes(self):
        subscription, other = self._sell(self.program), self._sell(self.program)
        change = self._shift(subscription, 10)
        text = "%s by %s: shipments moved by +10 days. Planned lines changed: 4."
        self.assertIn(text % (change.name, self.env.user.name), self._get_notes(subscription))

        change.action_undo()

        text = "%s was undone by %s. Planned lines put back: 4."
        self.assertIn(text % (change.name, self.env.user.name), self._get_notes(subscription))
        self.assertNotIn(change.name, self._get_notes(other))

    def _get_notes(self, subscription):
        return ' '.join(
            self.env['mail.message']
            .search([('model', '=', subscription._name), ('res_id', '=', subscription.id)])
            .mapped('preview')
        )


events = st.fixed_dictionaries(
    {
        'is_new': st.booleans(),
        'interval_number': st.integers(1, 5),
        'interval_unit': st.sampled_from(['day', 'week', 'month', 'year']),
        'repeat_count': st.integers(1, 4),
    }
)


@tagged('post_install', '-at_install')
class TestAnyChange(MassChangeCase):
    """Whatever the plan and whatever the change: the spacing is kept, and undone it is as it was."""

    # Without shrinking: a failing example is short enough to read
    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
    )
    @given(
        events=st.lists(events, min_size=1, max_size=4),
        is_draft=st.booleans(),
        is_upfront=st.booleans(),
        hand_date=st.none() | st.integers(0, 60),
        ordered_until=st.none() | st.integers(0, 60),
        days=st.integers(-90, 400).filter(bool),
        is_by_date=st.booleans(),
        data=st.data(),
    )
    def test_shift_and_undo(self, events, is_draft, is_upfront, hand_date, ordered_until, days, is_by_date, data):
        savepoint = self.env.cr.savepoint()
        try:
            subscription = self._sell(self._create_random_program(events, is_upfront), confirm=not is_draft, quantity=2)
            lines = subscription.line_ids
            if hand_date is not None:
                lines[-1].date_planned = self.today + timedelta(days=hand_date)
            if ordered_until is not None:
                self._run_job('create_orders', self.today + timedelta(days=ordered_until))
            selected = lines.browse(data.draw(st.sets(st.sampled_from(lines.ids), min_size=1)))
            self._check_shift(subscription, selected, days, is_by_date)
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all()

    def _create_random_program(self, events, is_upfront):
        lines, number, timing = [], 0, {}
        for event in events:
            if event['is_new'] or not number:
                number += 1
                timing = {name: value for name, value in event.items() if name != 'is_new'}
            lines.append({'event_number': number, **timing})
        return self._create_program(lines, bill_upfront=is_upfront)

    def _check_shift(self, subscription, selected, days, is_by_date):
        lines = subscription.line_ids
        planned = lines._filtered_planned()
        before = self._read_all(lines), self._read_all(subscription)
        dates = {line: line.date_planned for line in lines}
        shipments = {line.event_number for line in selected & planned}
        moving = planned.filtered(lambda line: line.event_number in shipments)
        if not moving:
            return
        first = min(line.date_planned for line in moving)
        if is_by_date:
            criteria = {'shift_mode': 'date', 'date_to': first + timedelta(days=days)}
        else:
            criteria = {'days': days}

        wizard = self._open(selected, kind='shift', **criteria)
        wizard.action_preview()
        if not wizard.change_count:
            self.assertTrue(all(dates[line] + timedelta(days=days) < self.today for line in moving))
            return
        change = self._apply(wizard)

        for line in lines:
            date = dates[line] + timedelta(days=days)
            moved = line in moving and date >= self.today
            self.assertEqual(line.date_planned, date if moved else dates[line])
        change.action_undo()
        self.assertEqual((self._read_all(lines), self._read_all(subscription)), before)
