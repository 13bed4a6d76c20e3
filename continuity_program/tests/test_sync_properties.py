from contextlib import contextmanager
from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st

from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.continuity_program.models.line.line import OVERRIDE_FLAGS

from . import slow_sync
from .common import ContinuityCase, day

# Without shrinking: an example takes seconds, and it says what was done in the order it was done
EXAMPLES = {
    'deadline': None,
    'derandomize': True,
    'database': None,
    'phases': (Phase.generate,),
    'suppress_health_check': list(HealthCheck),
}

# === PROGRAMS, SALES, AND WHAT HAPPENS TO THEM === #

index = st.integers(0, 20)
days = st.integers(0, 20)
near_dates = st.integers(0, 500).map(lambda number: day('2027-01-01') + timedelta(days=number))
products = st.integers(0, 7).map(lambda number: {'book': number})
prices = st.just({'price_overridden': False}) | st.integers(100, 5000).map(
    lambda cents: {'price_overridden': True, 'price_unit': cents / 100}
)
intervals = st.sampled_from([(1, 'month'), (1, 'month'), (2, 'month'), (2, 'week'), (10, 'day'), (1, 'year')]).map(
    lambda interval: {'interval_number': interval[0], 'interval_unit': interval[1]}
)
together = st.just({'interval_number': 0, 'repeat_count': 1})


def value(name, *strategies):
    return st.one_of(*strategies).map(lambda value: {name: value})


def merged(*strategies):
    return st.tuples(*strategies).map(lambda parts: {name: part[name] for part in parts for name in part})


def op(name, *arguments):
    return st.tuples(st.just(name), *arguments)


event_lines = merged(products, value('quantity', st.sampled_from([1, 1, 2])), prices)
timings = merged(
    intervals,
    value('repeat_count', st.sampled_from([1, 1, 2, 4])),
    value('action', st.sampled_from(['normal', 'normal', 'normal', 'normal', 'skip', 'end'])),
    value('start_date', st.none(), st.none(), st.none(), near_dates),
    st.just({}) | st.just({}) | st.just({}) | together,
)
events = st.tuples(st.lists(event_lines, min_size=1, max_size=2), timings).map(
    lambda event: [{**line, **event[1]} for line in event[0]]
)
programs = st.fixed_dictionaries(
    {
        'events': st.lists(events, min_size=3, max_size=5),
        'first_date': st.none() | st.none() | near_dates,
        'is_endless': st.sampled_from([False, False, True]),
        'order_start': st.sampled_from(['first', 'current']),
        'missed_event_policy': st.sampled_from(['each', 'consolidate', 'skip']),
        'end_of_month': st.booleans(),
    }
)
sales = st.fixed_dictionaries(
    {
        'on': st.sampled_from(['2027-01-01', '2027-01-31', '2027-02-28', '2027-05-15']).map(day),
        'quantity': st.integers(1, 3),
        'event_count': st.sampled_from([0, 0, 2, 4, 7]),
        'start_event': st.sampled_from([0, 0, 2, 3]),
        'threshold': st.sampled_from([1, 3, 12]),
    }
)
by_hand = st.one_of(
    value('date_planned', near_dates),
    value('price_unit', st.sampled_from([1.0, 99.0])),
    products,
    value('quantity', st.sampled_from([1, 5])),
    value('event_number', st.integers(1, 8)),
)
#: What customers, agents and the jobs do.
progress = st.one_of(
    op('orders', st.integers(0, 70)),
    op('orders', st.integers(0, 70)),
    op('extend'),
    op('skip', days),
    op('postpone', days),
    op('ship_now', days),
    op('pause', days, st.integers(1, 60)),
    op('hand', index, by_hand),
    op('hand', index, by_hand),
    op('stop_after', st.integers(1, 3)),
)
#: What becomes of the program.
edits = st.one_of(
    op('insert', index, events),
    op('append', events),
    op('delete', index, st.booleans()),
    op('exchange', index, index),
    op('edit', index, products),
    op('edit', index, value('quantity', st.integers(1, 3))),
    op('edit', index, prices),
    op('edit', index, intervals),
    op('edit', index, value('start_date', st.just(False), near_dates)),
    op('edit', index, value('action', st.sampled_from(['normal', 'skip', 'end']))),
    op('edit', index, value('repeat_count', st.integers(1, 6))),
    op('edit', index, value('repeat_forever', st.booleans())),
)
#: The program is changed, mostly after something has happened, and sometimes something happens before the job comes.
rounds = st.tuples(
    st.lists(progress, min_size=2, max_size=5),
    st.lists(edits, min_size=1, max_size=3),
    st.lists(progress | edits, max_size=2),
).map(lambda parts: [*parts[0], *parts[1], *parts[2]])


class SyncPropertyCase(ContinuityCase):
    maxDiff = 5000

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Services, for the goods are not what is looked at
        cls.books = cls.env['product.product'].concat(
            *(
                cls._create_product(f"Issue {number}", 10.0 + number, type='service', is_storable=False)
                for number in range(8)
            )
        )
        cls.env.flush_all()

    @contextmanager
    def _taken_back(self):
        """Leave nothing behind of an example."""
        savepoint = self.env.cr.savepoint()
        try:
            yield
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all()

    def _live(self, program, sale, happenings, **values):
        """Yield the subscription after each round, with what it was before it was synchronised."""
        self.on = sale['on']
        subscription = self._make_subscription(self._make_program(**program, **values), **sale)
        for operations in happenings:
            self._do(subscription, operations)
            if subscription.state in ('running', 'paused'):
                yield subscription, *self._sync(subscription)

    # === MAKING === #

    def _get_values(self, values):
        """Return the values of a line, with the product in the place of its number."""
        values = dict(values)
        if 'book' in values:
            values['product_id'] = self.books[values.pop('book')].id
        return values

    def _prepare_event(self, number, event):
        return [{**self._get_values(line), 'event_number': number} for line in event]

    def _make_program(self, events, first_date, is_endless, **values):
        prepared = [self._prepare_event(number, event) for number, event in enumerate(events, start=1)]
        for vals in prepared[0]:
            vals.update(action='normal', start_date=first_date)
        for vals in prepared[-1] if is_endless and not values.get('bill_upfront') else []:
            vals.update(action='normal', repeat_forever=True, interval_number=vals['interval_number'] or 1)
        lines = [vals for event in prepared for vals in event]
        return self._create_program(lines, duplicate_policy='allow', **values)

    def _make_subscription(self, program, on, quantity, event_count, start_event, threshold):
        """Sell the program; leave the example where it cannot be sold so."""
        self.company.continuity_repeat_threshold = threshold
        product = self._create_parent_product(program, continuity_event_count=event_count)
        is_sent = start_event in program._get_sent_lines().mapped('event_number')
        try:
            return self._sell(
                program, on=on, quantity=quantity, product=product, start_event=start_event if is_sent else 0
            )
        except UserError:
            reject()

    # === DOING === #

    def _do(self, subscription, operations):
        """Do what can be done of it, day by day."""
        for name, *arguments in operations:
            try:
                with self.env.cr.savepoint():
                    getattr(self, f'_do_{name}')(subscription, *arguments)
            except (UserError, ValidationError):
                self.env.invalidate_all()

    def _at(self, subscription, days=0):
        self.on += timedelta(days=days)
        return subscription.with_env(self._as_of(self.on))

    def _run_for(self, job, subscription, on=None):
        run = self._run_job(job, on or self.on, domain=[('id', '=', subscription.id)])
        self.assertFalse(run.failed_count, run.issue_ids.mapped('reason'))
        return run

    def _do_orders(self, subscription, days):
        self.on += timedelta(days=days)
        self._run_for('create_orders', subscription)

    def _do_extend(self, subscription):
        self._run_for('extend', subscription)

    def _do_skip(self, subscription, days):
        self._at(subscription, days)._skip_next()

    def _do_postpone(self, subscription, days):
        self._at(subscription, days)._postpone()

    def _do_ship_now(self, subscription, days):
        self._at(subscription, days)._ship_now()

    def _do_pause(self, subscription, days, pause):
        self._at(subscription, days)._pause()
        self._at(subscription, pause)._resume()

    def _do_stop_after(self, subscription, count):
        sent = max(subscription.line_ids.filtered('child_line_id').mapped('event_number'), default=0)
        subscription._stop_after(sent + count)

    def _do_hand(self, subscription, index, values):
        planned = subscription.line_ids._filtered_planned()
        if planned:
            planned[index % len(planned)].write(self._get_values(values))

    # === CHANGING THE PROGRAM === #

    def _get_event(self, program, index):
        """Return the program lines of one of the events."""
        numbers = sorted(set(program.line_ids.mapped('event_number')))
        number = numbers[index % len(numbers)]
        return program.line_ids.filtered(lambda line: line.event_number == number)

    def _do_insert(self, subscription, index, event):
        program = subscription.program_id
        number = self._get_event(program, index)[0].event_number
        for line in program.line_ids.sorted('event_number', reverse=True):
            if line.event_number >= number:
                line.event_number += 1
        program.line_ids = [Command.create(vals) for vals in self._prepare_event(number, event)]

    def _do_append(self, subscription, event):
        program = subscription.program_id
        number = max(program.line_ids.mapped('event_number')) + 1
        program.line_ids = [Command.create(vals) for vals in self._prepare_event(number, event)]

    def _do_delete(self, subscription, index, has_gap):
        program = subscription.program_id
        event = self._get_event(program, index)
        number = event[0].event_number
        if len(program.line_ids) > len(event):
            event.unlink()
            for line in program.line_ids.sorted('event_number'):
                if line.event_number > number and not has_gap:
                    line.event_number -= 1

    def _do_exchange(self, subscription, index, other_index):
        program = subscription.program_id
        event, other = self._get_event(program, index), self._get_event(program, other_index)
        number, other_number = event[0].event_number, other[0].event_number
        if event != other:
            event.event_number = 99
            other.event_number = number
            event.event_number = other_number

    def _do_edit(self, subscription, index, values):
        lines = subscription.program_id.line_ids
        lines[index % len(lines)].write(self._get_values(values))

    # === LOOKING === #

    def _get_slow_plan(self, subscription):
        """Return all that the slow synchronisation is told."""
        program, clock = subscription.program_id, subscription._get_clock()
        return slow_sync.Plan(
            lines=[
                slow_sync.Line(
                    source=line.program_line_id.id or 0,
                    event=line.program_line_id.event_number or line.program_event_number,
                    occurrence=line.occurrence,
                    fate=self._get_fate(line),
                    has_child=bool(line.child_line_id),
                    made_as=(line.event_number, line.program_event_number, line.occurrence),
                    day=line.date_scheduled,
                )
                for line in subscription.line_ids
            ],
            events=program._get_events(),
            is_calendar=program.is_calendar,
            anchor=subscription.anchor_date,
            months=clock.months,
            days=clock.days,
            since=clock.since,
            end_of_month=program.end_of_month,
            event_count=subscription.event_count,
            is_prepaid=subscription.bill_upfront,
        )

    def _get_fate(self, line):
        if line.state in ('planned', 'skipped'):
            return line.state
        return 'removed' if line.cancel_cause == 'program' else 'used'

    def _read(self, lines):
        """Return all that is stored of the lines, but when it was written."""
        names = [name for name, field in lines._fields.items() if field.store]
        left_out = {'write_date', 'write_uid'}
        return {vals['id']: vals for vals in lines.read([name for name in names if name not in left_out], load='')}

    # === SYNCHRONISING === #

    def _sync(self, subscription):
        """Synchronise and check all that is promised, whatever the plan and the change."""
        slow_plan, before = self._get_slow_plan(subscription), self._read(subscription.line_ids)
        self._run_sync(subscription, before)
        subscription.invalidate_recordset()
        after = self._read(subscription.line_ids)
        self._check_again(subscription, after)
        self._check_untouched(before, after)
        self._check_by_hand(before, after)
        self._check_shipments(subscription, before)
        return slow_plan, before

    def _run_sync(self, subscription, before):
        """Run the job; it tells what the preview had told."""
        rows = self.env['continuity.job.run']._preview('sync', as_of=self.on, domain=[('id', '=', subscription.id)])
        self.assertEqual(self._read(subscription.line_ids), before)
        if subscription.program_revision == subscription.program_id.revision:
            # Nothing to do for the job, but it must do no harm either
            self.assertFalse(rows)
            self._at(subscription)._sync()
        else:
            told = self._run_for('sync', subscription).change_ids.description or ''
            self.assertEqual(sorted(row['change'] for row in rows), sorted(filter(None, told.split('\n'))))

    def _check_again(self, subscription, after):
        """Once is enough."""
        kept = self._read_kept(subscription)
        self.assertEqual([change for change in self._at(subscription)._get_sync_changes()[0] if change.vals], [])
        self._at(subscription)._sync()
        subscription.invalidate_recordset()
        self.assertEqual(self._read(subscription.line_ids), after)
        self.assertEqual(self._read_kept(subscription), kept)

    def _read_kept(self, subscription):
        counts = subscription.read(['occurrences_left', 'missing_event_count', 'next_date', 'program_revision'])
        return counts, subscription._get_clock()

    def _check_untouched(self, before, after):
        """What is ordered, delivered, skipped or cancelled by people stays to the last byte."""
        for line_id, vals in before.items():
            if vals['state'] != 'planned' and vals['cancel_cause'] != 'program':
                self.assertEqual(after[line_id], vals)

    def _check_by_hand(self, before, after):
        """What was changed by hand stays, and so does the note that it was."""
        for line_id, vals in before.items():
            for name, flag in OVERRIDE_FLAGS.items() if vals['state'] == 'planned' else ():
                self.assertEqual(after[line_id][flag], vals[flag])
                # Where it was put into another shipment, it leaves with that one
                moves = name == 'event_number' or (name == 'date_planned' and vals['shipment_overridden'])
                if vals[flag] and not moves:
                    self.assertEqual(after[line_id][name], vals[name], name)

    def _check_shipments(self, subscription, before):
        """What was planned together stays together, what was apart stays apart; what is new leaves on its own, or with
        the other products of its event."""
        planned = subscription.line_ids._filtered_planned()
        old = planned.filtered(lambda line: line.id in before and before[line.id]['state'] == 'planned')
        self.assertEqual(
            set(old.grouped('event_number').values()),
            set(old.grouped(lambda line: before[line.id]['event_number']).values()),
        )
        ordered = subscription.line_ids.filtered('child_line_id').mapped('event_number')
        for line in planned - old:
            shipment = planned.filtered(lambda other: other.event_number == line.event_number)
            if line._get_position() not in [other._get_position() for other in shipment & old]:
                self.assertFalse(shipment & old)
                self.assertNotIn(line.event_number, ordered)

    # === WHAT IT HAS TO BE === #

    def _check_plan(self, subscription, slow_plan, before):
        """The planned lines are those of the slow synchronisation, with what the program says."""
        plan = {(line.program_line_id, line.occurrence): line for line in subscription.line_ids._filtered_planned()}
        target = slow_sync.synchronize(slow_plan, self.company.continuity_repeat_threshold)
        if subscription.cancel_after_event:
            last = max((line._get_position() for line in plan.values()), default=(0, 0))
            target = {position: on for position, on in target.items() if position <= last}
        closed = {
            (line.program_line_id, line.occurrence)
            for line in subscription.line_ids
            if self._get_fate(line) in ('used', 'skipped')
        }
        expected = {
            (program_line, occurrence): on
            for (number, occurrence), on in target.items()
            for program_line in subscription.program_id.line_ids.filtered(lambda line: line.event_number == number)
            if (program_line, occurrence) not in closed
        }
        self.assertEqual({key: line.date_scheduled for key, line in plan.items()}, expected)
        for line in plan.values():
            self._check_values(line, before.get(line.id))

    def _check_values(self, line, before):
        program_line = line.program_line_id
        if not line.is_substituted:
            self.assertEqual(line.product_id, program_line.product_id)
        if not line.quantity_overridden:
            self.assertEqual(line.quantity, program_line.quantity * line.subscription_id.quantity)
        if not (line.price_overridden or line.is_substituted):
            price = program_line.price_unit if program_line.price_overridden else program_line.product_id.list_price
            self.assertAlmostEqual(line.price_unit, price)
        is_moved = before and before['date_planned'] != line.date_planned
        shipment = line.subscription_id.line_ids._filtered_planned().filtered(
            lambda other: other.event_number == line.event_number
        )
        if is_moved and not any(shipment.mapped('date_overridden')) and not any(shipment.mapped('shipment_overridden')):
            self.assertEqual(line.date_planned, line.date_scheduled)

    def _check_limits(self, subscription, slow_plan, before):
        """Neither is more planned than was bought, nor anything ahead of the start or behind the end."""
        planned = subscription.line_ids._filtered_planned()
        kept = planned | subscription.line_ids.filtered('child_line_id')
        if subscription.event_count:
            occurrences = {line._get_position() for line in kept if line.program_line_id}
            self.assertLessEqual(len(occurrences), subscription.event_count)
        sent = subscription.program_id._get_sent_lines()
        self.assertLessEqual(planned.program_line_id, sent)
        start = min((line.position for line in slow_plan.known), default=(0, 0))
        new = planned.filtered(lambda line: line.id not in before)
        self.assertFalse(new.filtered(lambda line: line._get_position() < start))
        if subscription.cancel_after_event:
            self.assertLessEqual(max(new.mapped('event_number'), default=0), subscription.cancel_after_event)

    def _check_prepaid(self, subscription, slow_plan, before):
        """What is paid in advance is sent as it was paid; product and day follow the program."""
        paid = ('quantity', 'price_unit', 'discount', 'tax_ids', 'price_total', 'event_number', 'state')
        target = slow_sync.synchronize(slow_plan)
        after = self._read(subscription.line_ids)
        self.assertEqual(after.keys(), before.keys())
        for line in subscription.line_ids:
            vals = before[line.id]
            self.assertEqual([after[line.id][name] for name in paid], [vals[name] for name in paid])
            position = line._get_position()
            if line.state != 'planned' or not line.program_line_id or position not in target:
                self.assertEqual(after[line.id], vals)
            else:
                self.assertEqual(line.date_scheduled, target[position])
                if not line.is_substituted:
                    self.assertEqual(line.product_id, line.program_line_id.product_id)

    def _check_future(self, subscription):
        """The jobs of the two years to come make all that is left of it, and each once."""
        target = slow_sync.synchronize(self._get_slow_plan(subscription))
        was_ordered = subscription.line_ids.filtered('child_line_id')
        until = self.on + timedelta(days=730)
        for _night in range(60):
            made, lines = self._run_for('create_orders', subscription, until).done_count, subscription.line_ids
            self._run_for('extend', subscription)
            if not made and subscription.line_ids == lines:
                break
        ordered = subscription.line_ids.filtered('child_line_id') - was_ordered
        self.assertEqual(len(ordered), len(ordered.child_line_ids))
        by_hand = {
            line._get_position()
            for line in subscription.line_ids
            if line.date_overridden or line.shipment_overridden or line.date_planned > line.date_scheduled
        }
        made = {line._get_position(): line.date_scheduled for line in ordered}
        self.assertLessEqual(made.keys(), target.keys())
        for position, on in target.items():
            if position not in by_hand:
                self.assertEqual(made.get(position), on if on <= until else None, position)


@tagged('post_install', '-at_install')
class TestSyncProperties(SyncPropertyCase):
    """Any program, sold in any way, whatever happened to the plan and the program since."""

    @settings(max_examples=24, **EXAMPLES)
    @given(program=programs, sale=sales, happenings=st.lists(rounds, min_size=2, max_size=3))
    def test_plan_is_that_of_the_program(self, program, sale, happenings):
        with self._taken_back():
            for subscription, slow_plan, before in self._live(program, sale, happenings):
                self._check_plan(subscription, slow_plan, before)
                self._check_limits(subscription, slow_plan, before)

    @settings(max_examples=10, **EXAMPLES)
    @given(program=programs, sale=sales, happenings=st.lists(rounds, min_size=2, max_size=2))
    def test_paid_in_advance(self, program, sale, happenings):
        with self._taken_back():
            for subscription, slow_plan, before in self._live(program, sale, happenings, bill_upfront=True):
                self._check_prepaid(subscription, slow_plan, before)

    @settings(max_examples=8, **EXAMPLES)
    @given(program=programs, sale=sales, happenings=st.lists(rounds, min_size=1, max_size=2))
    def test_the_two_years_behind_it(self, program, sale, happenings):
        with self._taken_back():
            lived = [subscription for subscription, *_rest in self._live(program, sale, happenings)]
            if lived and lived[0].state == 'running' and not lived[0].cancel_after_event:
                self._check_future(lived[0])
