"""Whatever is done to a subscription, in whatever order: the promises hold after each step."""

from datetime import timedelta
from itertools import islice

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.continuity_program.domain import schedule

from .common import ContinuityCase, day

STEPS = 30

#: What may be sold: (event lines, values of the program, events bought).
PROGRAMS = {
    'series': ([{}] * 8, {}, 6),
    'whole series': ([{}] * 5, {'end_of_month': True}, 0),
    'two products': ([{}, {'event_number': 1}, {}, {'interval_unit': 'week'}, {}], {}, 0),
    'refill': ([{'repeat_forever': True, 'interval_unit': 'week', 'interval_number': 2}], {}, 0),
    'bought refill': ([{}, {'repeat_forever': True}], {}, 7),
    'calendar': ([{'start_date': day('2027-01-20')}, {}, {}, {'start_date': day('2027-05-05')}, {}, {}], {}, 4),
    'prepaid': ([{}] * 5, {'bill_upfront': True}, 0),
    'prepaid calendar': ([{'start_date': day('2027-01-20')}, {}, {}, {}], {'bill_upfront': True}, 0),
}


class Life:
    """A subscription, the day it is, and all that can be done with it; each action takes a random number."""

    def __init__(self, case, subscription):
        self.case = case
        self.subscription = subscription
        self.today = case.today

    @property
    def now(self):
        return self.subscription.with_env(self.case._as_of(self.today))

    def pick(self, records, number):
        return records[number % len(records)] if records else records

    # === TIME AND JOBS === #

    def do_wait(self, number):
        self.today += timedelta(days=number % 40)

    def run(self, job):
        run = self.case._run_job(job, self.today, domain=[(self.get_path(job), '=', self.subscription.id)])
        self.case.assertFalse(run.failed_count, run.issue_ids.mapped('reason'))

    def get_path(self, job):
        return 'subscription_id' if job == 'process_payments' else 'id'

    def do_night(self, _number):
        for job in ('sync', 'extend', 'create_orders', 'process_payments', 'close'):
            self.run(job)

    def do_create_orders(self, _number):
        self.run('create_orders')

    def do_extend(self, _number):
        self.run('extend')

    def do_sync(self, _number):
        self.run('sync')

    def do_deliver(self, number):
        orders = self.subscription.child_order_ids.filtered(
            lambda order: order.state == 'sale' and not order.continuity_shipped_date
        )
        self.case._deliver(self.pick(orders, number).with_env(self.case._as_of(self.today)))

    def do_cancel_child(self, number):
        orders = self.subscription.child_order_ids.filtered(
            lambda order: order.state == 'sale' and not order.continuity_shipped_date
        )
        self.pick(orders, number)._action_cancel()

    # === CUSTOMERS AND AGENTS === #

    def do_skip(self, _number):
        self.now._skip_next()

    def do_postpone(self, _number):
        self.now._postpone()

    def do_ship_now(self, _number):
        self.now._ship_now()

    def do_pause(self, number):
        self.now._pause(self.today + timedelta(days=number) if number % 2 else None)

    def do_resume(self, _number):
        self.now._resume()

    def do_swap(self, number):
        self.now._swap(self.pick(self.subscription.line_ids._filtered_planned(), number), self.case.books[number % 12])

    def do_change_date(self, number):
        line = self.pick(self.subscription.line_ids._filtered_planned(), number)
        line.date_planned = self.today + timedelta(days=number)

    def do_change_price(self, number):
        self.pick(self.subscription.line_ids._filtered_planned(), number).price_unit = number

    def do_change_address(self, number):
        self.subscription.partner_shipping_id = self.pick(self.case.addresses, number)

    def do_shift(self, number):
        wizard = self.open_mass_change({'kind': 'shift', 'days': number - 20})
        wizard.action_preview()
        wizard.action_apply()

    def do_substitute(self, number):
        values = {'product_from_id': self.case.books[number % 12].id, 'product_to_id': self.case.books[11].id}
        wizard = self.open_mass_change({'kind': 'substitute', 'price_rule': 'keep', **values})
        wizard.action_preview()
        wizard.action_apply()

    def open_mass_change(self, criteria):
        action = self.now.action_change_plans()
        wizard = self.now.env['continuity.mass.change'].browse(action['res_id'])
        wizard.write(criteria)
        return wizard

    def do_undo(self, _number):
        entries = self.now.env['continuity.plan.change'].search(
            [('line_ids.subscription_id', '=', self.subscription.id)], limit=1
        )
        if entries:
            entries.action_undo()

    def do_change_quantity(self, number):
        self.subscription.order_line_id.product_uom_qty = 1 + number % 3

    def do_stop_after(self, number):
        if number % 5 == 0:
            self.now._stop_after(max(self.subscription.line_ids.mapped('event_number'), default=1) - number % 3)

    def do_stop(self, number):
        if number % 5 == 0:
            self.now._cancel()

    def do_plan_again(self, number):
        lines = self.subscription.line_ids.filtered(lambda line: line.state == 'cancelled')
        self.pick(lines, number).with_env(self.now.env)._plan_again()

    def do_send_again(self, number):
        lines = self.subscription.line_ids.filtered(lambda line: line.state == 'delivered')
        self.pick(lines, number).with_env(self.now.env)._send_again()

    def do_cancel_box(self, number):
        self.pick(self.subscription.line_ids._filtered_planned(), number).with_env(self.now.env)._cancel_box()

    def do_reactivate(self, _number):
        self.now._reactivate()

    def do_reopen(self, _number):
        self.now._reopen()

    def do_renew(self, number):
        if number % 5 == 0:
            self.now._renew()

    # === THE PROGRAM === #

    def do_replace_product(self, number):
        self.pick(self.subscription.program_id.line_ids, number).product_id = self.case.books[number % 12]

    def do_change_interval(self, number):
        lines = self.subscription.program_id.line_ids.filtered(lambda line: not line.start_date)
        self.pick(lines, number).interval_number = 1 + number % 3

    def do_raise_prices(self, number):
        self.subscription.program_id.new_price_date = self.today + timedelta(days=number)

    def do_change_action(self, number):
        lines = self.subscription.program_id.line_ids.filtered(lambda line: not line.repeat_forever)
        self.pick(lines, number).action = ('normal', 'skip', 'end')[number % 3]

    def do_add_event(self, number):
        program = self.subscription.program_id
        if any(program.line_ids.mapped('repeat_forever')):
            return
        last = max(program.line_ids.mapped('event_number'))
        program.write({'line_ids': [(0, 0, {'event_number': last + 1, 'product_id': self.case.books[number % 12].id})]})

    def do_remove_event(self, number):
        lines = self.subscription.program_id.line_ids
        if len(lines) > 3 and lines.sorted('event_number')[0] != self.pick(lines, number):
            self.pick(lines, number).unlink()


#: The only steps that may take a planned line out of the plan, by what becomes of it.
TAKEN_OUT_BY = {
    'skipped': {'do_skip', 'do_resume', 'do_reactivate', 'do_night', 'do_create_orders'},
    'cancelled': {'do_cancel_box', 'do_stop', 'do_stop_after', 'do_sync', 'do_night'},
    'ordered': {'do_night', 'do_create_orders'},
}
ACTIONS = sorted(name for name in vars(Life) if name.startswith('do_'))
#: What happens more often than the rest.
OFTEN = ['do_wait', 'do_wait', 'do_wait', 'do_night', 'do_night', 'do_night', 'do_deliver', 'do_deliver']


@tagged('post_install', '-at_install')
class TestStateMachine(ContinuityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addresses = cls.customer | cls.env['res.partner'].create({'name': "Office", 'parent_id': cls.customer.id})

    @given(
        st.sampled_from(sorted(PROGRAMS)),
        st.lists(st.tuples(st.sampled_from(ACTIONS + OFTEN), st.integers(0, 60)), min_size=STEPS, max_size=STEPS),
    )
    @settings(
        max_examples=25,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    def test_any_thirty_steps_keep_the_promises(self, kind, steps):
        with self.env.cr.savepoint() as savepoint:
            self.company.continuity_repeat_threshold = 4
            self.live(kind, steps)
            savepoint.rollback()
        self.env.invalidate_all()

    def live(self, kind, steps):
        events, values, bought = PROGRAMS[kind]
        program = self._create_program(events, **values)
        product = self._create_parent_product(program, continuity_event_count=bought)
        life = Life(self, self._sell(program, product=product))
        for name, number in steps:
            before = self.get_state(life)
            states = {line: line.state for line in life.subscription.line_ids}
            try:
                with self.env.cr.savepoint():
                    getattr(life, name)(number)
                    self.env.flush_all()
            except UserError:
                self.env.invalidate_all()
                self.assertEqual(self.get_state(life), before, "a refusal changes nothing")
            self.check(life)
            self.check_fates(states, name)

    def get_state(self, life):
        subscription = life.subscription
        return (
            subscription.read(['state', 'occurrences_left', 'cancel_after_event', 'amount_total'])[0],
            [
                (line.id, line.state, line.date_planned, line.event_number, line.price_total)
                for line in subscription.line_ids.sorted('id')
            ],
        )

    # === THE PROMISES === #

    def check(self, life):
        subscription = life.subscription
        lines = subscription.line_ids._without_replacements()
        self.check_once(subscription, lines)
        self.check_none_lost(subscription, lines)
        self.check_order(subscription, lines)
        self.check_counts(subscription, lines)
        self.check_amounts(subscription)

    def check_fates(self, states, step):
        """No line vanishes, and none leaves the plan but by a step that is there for it."""
        for line, before in states.items():
            self.assertTrue(line.exists(), f"{line} is lost by {step}")
            if before == 'planned' and line.state != before:
                self.assertIn(step, TAKEN_OUT_BY[line.state])
            if before in ('ordered', 'delivered'):
                self.assertNotEqual(line.state, 'skipped')

    def check_once(self, subscription, lines):
        """No event twice: in the plan, or on a child order that stands."""
        identities = [(line.program_line_id.id, line.occurrence) for line in lines if line.program_line_id]
        self.assertEqual(len(identities), len(set(identities)))
        for line in subscription.line_ids:
            self.assertLessEqual(len(line.child_line_ids.filtered(lambda child: child.state != 'cancel')), 1)

    def check_none_lost(self, subscription, lines):
        """Of what the program sends behind the first occurrence of the plan, the plan has an unbroken beginning; only
        what came into the program behind the customer's back is not in it."""
        if subscription.program_revision != subscription.program_id.revision:
            return
        planned = {line._get_position() for line in lines if line.program_line_id}
        ordered = {line._get_position() for line in lines if line.program_line_id and line.child_line_id}
        if not planned:
            return
        events = subscription._get_own_events()
        begin = max(ordered, default=min(planned))
        for occurrence in islice(schedule.timeline(events, subscription._get_clock()._replace(since=(0, 0))), 200):
            if occurrence.position > max(planned):
                break
            if occurrence.position >= begin:
                self.assertIn(occurrence.position, planned)

    def check_order(self, subscription, lines):
        """What nobody dated by hand is dated in the order of the program."""
        dated = lines.filtered(
            lambda line: line.program_line_id and line.state == 'planned' and not line.date_overridden
        ).sorted(lambda line: line._get_position())
        if subscription.program_revision == subscription.program_id.revision:
            dates = dated.mapped('date_planned')
            self.assertEqual(dates, sorted(dates))

    def check_counts(self, subscription, lines):
        live = lines._filtered_active()
        if subscription.occurrences_left >= 0:
            boxes = len(set(live.mapped('event_number')))
            self.assertEqual(subscription.shipment_count, boxes + subscription.occurrences_left)
        if subscription.event_count and subscription.state in ('running', 'paused'):
            occurrences = {line._get_position() for line in live if line.program_event_number}
            self.assertLessEqual(len(occurrences) + subscription.occurrences_left, subscription.event_count)
        self.assertEqual(
            subscription.next_date or None,
            min(
                subscription.line_ids.filtered(lambda line: line.state == 'planned').mapped('date_planned'),
                default=None,
            ),
        )
        if subscription.state == 'done':
            self.assertNotIn('planned', subscription.line_ids.mapped('state'))

    def check_amounts(self, subscription):
        currency = subscription.currency_id
        lines = subscription.line_ids
        self.assertEqual(
            currency.compare_amounts(
                subscription.amount_planned,
                sum(
                    line.price_total + line.shipping_total
                    for line in lines._filtered_active()
                    if line.state == 'planned'
                ),
            ),
            0,
        )
        if subscription.bill_upfront:
            self.assertFalse(sum(subscription.child_order_ids.mapped('amount_total')))
            if subscription.state == 'running' and not subscription.cancel_after_event:
                self.assertEqual(
                    currency.compare_amounts(
                        sum(lines.mapped('prepaid_amount')), subscription.order_line_id.price_subtotal
                    ),
                    0,
                )
            return
        for child in subscription.child_order_ids.filtered(lambda order: order.state == 'sale'):
            payments = child._get_live_payments()
            self.assertEqual(currency.compare_amounts(sum(payments.mapped('amount')), child.amount_total), 0)
