from datetime import timedelta
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from odoo import fields
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.continuity_program.models.continuity_line import OVERRIDE_FLAGS

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

books = st.integers(0, 7)
prices = st.none() | st.integers(100, 5000).map(lambda cents: cents / 100)
lines = st.fixed_dictionaries({'book': books, 'quantity': st.sampled_from([1, 1, 2]), 'price': prices})
intervals = st.sampled_from([(1, 'month'), (1, 'month'), (2, 'month'), (2, 'week'), (10, 'day'), (1, 'year')])
near_days = st.integers(0, 500).map(lambda number: day('2027-01-01') + timedelta(days=number))
events = st.fixed_dictionaries(
    {
        'lines': st.lists(lines, min_size=1, max_size=2),
        'interval': intervals | st.sampled_from([(0, 'month')]),
        'repeats': st.sampled_from([1, 1, 2, 4]),
        'action': st.sampled_from(['normal', 'normal', 'normal', 'normal', 'skip', 'end']),
        'start_date': st.none() | st.none() | st.none() | near_days,
    }
)
programs = st.fixed_dictionaries(
    {
        'events': st.lists(events, min_size=3, max_size=5),
        'is_calendar': st.sampled_from([False, False, True]),
        'is_endless': st.sampled_from([False, False, True]),
        'shipping': st.sampled_from([0, 0, 2.5]),
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
        'start_event': st.sampled_from([0, 0, 0, 2]),
        'price_per_event': st.sampled_from([0, 0, 0, 33.33]),
        'threshold': st.sampled_from([1, 3, 12]),
    }
)


def op(name, *arguments):
    return st.tuples(st.just(name), *arguments)


index = st.integers(0, 20)
#: What customers, agents and the jobs do.
progress = st.one_of(
    op('orders', st.integers(0, 70)),
    op('orders', st.integers(0, 70)),
    op('deliver'),
    op('extend'),
    op('skip', st.integers(0, 20)),
    op('postpone', st.integers(0, 20)),
    op('ship_now', st.integers(0, 20)),
    op('pause', st.integers(0, 20), st.integers(1, 60)),
    op('hand', index, st.just('date_planned'), near_days),
    op('hand', index, st.just('price_unit'), st.sampled_from([1.0, 99.0])),
    op('hand', index, st.just('product_id'), books),
    op('hand', index, st.just('quantity'), st.sampled_from([1, 5])),
    op('hand', index, st.just('event_number'), st.integers(1, 8)),
    op('add', index, books),
    op('add_behind', near_days, books),
    op('stop_after', st.integers(1, 3)),
)
#: What becomes of the program.
edits = st.one_of(
    op('insert', index, events),
    op('append', events),
    op('second', index, lines),
    op('delete', index, st.booleans()),
    op('delete_line', index),
    op('exchange', index, index),
    op('line', index, st.just('product_id'), books),
    op('line', index, st.just('quantity'), st.integers(1, 3)),
    op('price', index, prices),
    op('interval', index, intervals),
    op('line', index, st.just('start_date'), st.just(False) | near_days),
    op('line', index, st.just('action'), st.sampled_from(['normal', 'skip', 'end'])),
    op('line', index, st.just('repeat_count'), st.integers(1, 6)),
    op('line', index, st.just('repeat_forever'), st.booleans()),
    op('shipping', st.sampled_from([0, 2.5, 4])),
    op('new_price_date', near_days),
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
        cls.shipping = cls._create_product("Shipping", 0.0, type='service', is_storable=False)
        cls.env.flush_all()

    # === MAKING === #

    def _prepare_event(self, number, event):
        """Return the values of an event's program lines."""
        count, unit = event['interval']
        timing = {
            'event_number': number,
            'interval_number': count or (event['repeats'] > 1),
            'interval_unit': unit,
            'repeat_count': event['repeats'],
            'action': event['action'],
            'start_date': event['start_date'],
        }
        return [{**self._prepare_event_line(line), **timing} for line in event['lines']]

    def _prepare_event_line(self, line):
        return {
            'product_id': self.books[line['book']].id,
            'quantity': line['quantity'],
            'price_overridden': line['price'] is not None,
            'price_unit': line['price'] or 0.0,
        }

    def _make_program(self, events, is_calendar, is_endless, shipping, **values):
        events = [dict(event) for event in events]
        first = next((event for event in events if event['action'] != 'skip'), events[0])
        first['action'] = 'normal' if first['action'] == 'skip' else first['action']
        first['start_date'] = (first['start_date'] or day('2027-02-10')) if is_calendar else None
        prepared = [self._prepare_event(number, event) for number, event in enumerate(events, start=1)]
        if is_endless and not values.get('bill_upfront'):
            sent = [made for made in prepared if made[0]['action'] != 'skip']
            last = next((made for made in sent if made[0]['action'] == 'end'), sent[-1])
            for vals in last:
                vals.update(repeat_forever=True, interval_number=vals['interval_number'] or 1)
        return self._create_program(
            [vals for made in prepared for vals in made],
            shipping_policy='fixed',
            shipping_product_id=self.shipping.id,
            shipping_amount=shipping,
            duplicate_policy='allow',
            **values,
        )

    def _make_subscription(self, program, on, quantity, event_count, start_event, price_per_event, threshold):
        """Sell the program, or return nothing where it cannot be sold so."""
        self.company.continuity_repeat_threshold = threshold
        product = self._create_parent_product(program, continuity_event_count=event_count)
        sent = [line.event_number for line in program._get_sent_lines()]
        values = {
            'start_event': start_event if start_event in sent else 0,
            'price_per_event': 0 if program.bill_upfront else price_per_event,
        }
        try:
            with self.env.cr.savepoint():
                return self._sell(program, on=on, quantity=quantity, product=product, **values)
        except UserError:
            return None

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

    def _do_deliver(self, subscription):
        for line in subscription.line_ids.child_line_id[:2]:
            line.qty_delivered = line.product_uom_qty

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

    def _do_hand(self, subscription, index, name, value):
        planned = subscription.line_ids._planned()
        if planned:
            planned[index % len(planned)].write({name: self._get_value(name, value)})

    def _do_add(self, subscription, index, book):
        planned = subscription.line_ids._planned()
        if planned:
            line = planned[index % len(planned)]
            self._add_by_hand(subscription, book, line.date_planned, event_number=line.event_number)

    def _do_add_behind(self, subscription, day, book):
        self._add_by_hand(subscription, book, day)

    def _add_by_hand(self, subscription, book, day, **values):
        self.env['continuity.line'].create(
            {
                'subscription_id': subscription.id,
                'product_id': self.books[book].id,
                'date_planned': day,
                **values,
            }
        )

    def _get_value(self, name, value):
        return self.books[value].id if name == 'product_id' else value

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

    def _do_second(self, subscription, index, line):
        program = subscription.program_id
        number = self._get_event(program, index)[0].event_number
        program.line_ids = [Command.create({**self._prepare_event_line(line), 'event_number': number})]

    def _do_delete(self, subscription, index, has_gap):
        program = subscription.program_id
        event = self._get_event(program, index)
        number = event[0].event_number
        if len(program.line_ids) > len(event):
            event.unlink()
            for line in program.line_ids.sorted('event_number'):
                if line.event_number > number and not has_gap:
                    line.event_number -= 1

    def _do_delete_line(self, subscription, index):
        program = subscription.program_id
        if len(program.line_ids) > 1:
            program.line_ids[index % len(program.line_ids)].unlink()

    def _do_exchange(self, subscription, index, other_index):
        program = subscription.program_id
        event, other = self._get_event(program, index), self._get_event(program, other_index)
        number, other_number = event[0].event_number, other[0].event_number
        if event != other:
            event.event_number = 99
            other.event_number = number
            event.event_number = other_number

    def _do_line(self, subscription, index, name, value):
        program = subscription.program_id
        program.line_ids[index % len(program.line_ids)].write({name: self._get_value(name, value)})

    def _do_price(self, subscription, index, price):
        program = subscription.program_id
        program.line_ids[index % len(program.line_ids)].write(
            {'price_overridden': price is not None, 'price_unit': price or 0.0}
        )

    def _do_interval(self, subscription, index, interval):
        event = self._get_event(subscription.program_id, index)
        event[0].write({'interval_number': interval[0], 'interval_unit': interval[1]})

    def _do_shipping(self, subscription, amount):
        subscription.program_id.shipping_amount = amount

    def _do_new_price_date(self, subscription, day):
        subscription.program_id.new_price_date = day

    # === LOOKING === #

    def _get_slow_plan(self, subscription):
        """Return all that the slow synchronisation is told."""
        program, clock = subscription.program_id, subscription._get_clock()
        plan_lines = [
            slow_sync.Line(
                line.program_line_id.id or 0,
                line.program_line_id.event_number or line.program_event_number,
                line.occurrence,
                self._get_fate(line),
                bool(line.child_line_id),
                (line.event_number, line.program_event_number, line.occurrence),
                line.date_scheduled or line.date_planned,
            )
            for line in subscription.line_ids
            if line.program_event_number and not line.replaces_line_id
        ]
        return slow_sync.Plan(
            plan_lines,
            program._get_events(),
            program.is_calendar,
            subscription.anchor_date,
            clock.months,
            clock.days,
            (0, 0) if program.is_calendar else clock.since,
            program.end_of_month,
            subscription.event_count,
            subscription.bill_upfront,
        )

    def _get_fate(self, line):
        if line.state == 'planned' or line.state == 'skipped':
            return line.state
        return 'removed' if line.cancel_cause == 'program' else 'used'

    def _read(self, lines):
        """Return all that is stored of the lines, but when it was written."""
        names = [name for name, field in lines._fields.items() if field.store]
        left_out = {'write_date', 'write_uid'}
        return {vals['id']: vals for vals in lines.read([name for name in names if name not in left_out], load='')}

    def _get_program_plan(self, subscription):
        """Return the planned lines of the program, by program line and occurrence."""
        return {
            (line.program_line_id, line.occurrence): line
            for line in subscription.line_ids._planned()
            if line.program_event_number
        }

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
        self._check_numbers(subscription, before, after)
        return slow_plan, before

    def _run_sync(self, subscription, before):
        """Run the job; it tells what the preview had told."""
        domain = [('id', '=', subscription.id)]
        rows = self.env['continuity.job.run']._preview('sync', as_of=self.on, domain=domain)
        self.assertEqual(self._read(subscription.line_ids), before)
        if subscription.program_revision == subscription.program_id.revision:
            self.assertFalse(rows)
            # Nothing to do for the job, but it must do no harm either
            subscription.with_env(self._as_of(self.on))._sync()
            return
        run = self._run_for('sync', subscription)
        told = sorted(run.change_ids.description.split('\n')) if run.change_ids else []
        self.assertEqual(sorted(row['change'] for row in rows), told)

    def _check_again(self, subscription, after):
        """Once is enough."""
        at = subscription.with_env(self._as_of(self.on))
        self.assertEqual([change for change in at._get_sync_changes()[0] if change.vals], [])
        kept = subscription.read(['occurrences_left', 'missing_event_count', 'next_date'])
        clock = subscription._get_clock()
        at._sync()
        subscription.invalidate_recordset()
        self.assertEqual(self._read(subscription.line_ids), after)
        self.assertEqual(subscription.read(['occurrences_left', 'missing_event_count', 'next_date']), kept)
        self.assertEqual(subscription._get_clock(), clock)

    def _check_untouched(self, before, after):
        """What is ordered, delivered, skipped or cancelled by people stays to the last byte."""
        for line_id, vals in before.items():
            if vals['state'] != 'planned' and vals['cancel_cause'] != 'program':
                self.assertEqual(after[line_id], vals)
        occurrences = [(vals['program_line_id'], vals['occurrence']) for vals in after.values()]
        known = [occurrence for occurrence in occurrences if occurrence[0]]
        self.assertEqual(len(known), len(set(known)))

    def _check_by_hand(self, before, after):
        """What was changed by hand stays, and so does the note that it was."""
        for line_id, vals in before.items():
            if vals['state'] != 'planned':
                continue
            for name, flag in OVERRIDE_FLAGS.items():
                self.assertEqual(after[line_id][flag], vals[flag])
                # Where it was put into another shipment, it leaves with that one
                moves = name == 'event_number' or (name == 'date_planned' and vals['shipment_overridden'])
                if vals[flag] and not moves:
                    self.assertEqual(after[line_id][name], vals[name], name)

    def _check_numbers(self, subscription, before, after):
        """Shipments stay apart, and what was put together stays together."""
        ordered = {vals['event_number'] for vals in after.values() if vals['child_line_id']}
        planned = {line.id: line for line in subscription.line_ids._planned()}
        old = {line_id for line_id in planned if line_id in before and before[line_id]['state'] == 'planned'}
        by_hand = {
            line_id for line_id in old if before[line_id]['shipment_overridden'] or not before[line_id]['occurrence']
        }
        for line_id in old:
            vals, number = before[line_id], planned[line_id].event_number
            if number in ordered:
                self.assertEqual(vals['event_number'], number)
            for other_id in old - {line_id}:
                were_together = before[other_id]['event_number'] == vals['event_number']
                self.assertEqual(planned[other_id].event_number == number, were_together, (planned[other_id], line_id))
        for line in subscription.line_ids._planned().filtered(lambda line: line.id not in old):
            others = [other for other in planned.values() if other.event_number == line.event_number and other != line]
            same = [other for other in planned.values() if other._get_position() == line._get_position()]
            self.assertLessEqual({other.event_number for other in same if other.id not in by_hand}, {line.event_number})
            if len(same) == 1:
                self.assertFalse(others)
                self.assertNotIn(line.event_number, ordered)

    # === WHAT IT HAS TO BE === #

    def _check_plan(self, subscription, slow_plan, before):
        """The planned lines of the program are those of the slow synchronisation, with what the program says."""
        target = slow_sync.synchronize(slow_plan, self.company.continuity_repeat_threshold)
        if subscription.cancel_after_event:
            planned = self._get_program_plan(subscription).values()
            last = max((line._get_position() for line in planned), default=(0, 0))
            target = {position: on for position, on in target.items() if position <= last}
        closed = {
            (line.program_line_id, line.occurrence)
            for line in subscription.line_ids
            if line.state != 'planned' and line.cancel_cause != 'program'
        }
        expected = {
            (program_line, position[1]): on
            for position, on in target.items()
            for program_line in self._get_program_lines(subscription, position)
            if (program_line, position[1]) not in closed
        }
        plan = self._get_program_plan(subscription)
        self.assertEqual(
            sorted((*line._get_position(), str(line.date_scheduled)) for line in plan.values()),
            sorted((source.event_number, occurrence, str(on)) for (source, occurrence), on in expected.items()),
        )
        self.assertEqual(plan.keys(), expected.keys())
        is_by_hand = any(
            line.date_overridden or line.shipment_overridden or not line.program_event_number
            for line in subscription.line_ids
        )
        for (program_line, _occurrence), line in plan.items():
            old = before.get(line.id)
            if not is_by_hand:
                stays = old and old['date_scheduled'] == line.date_scheduled
                days = {old['date_planned'] if stays else line.date_scheduled}
                # A product that comes to a shipment leaves with it
                shipment = [] if old else [other for other in plan.values() if other != line]
                days |= {other.date_planned for other in shipment if other.event_number == line.event_number}
                self.assertIn(line.date_planned, days)
            self._check_values(subscription, program_line, line, old)

    def _get_program_lines(self, subscription, position):
        return subscription.program_id.line_ids.filtered(lambda line: line.event_number == position[0])

    def _check_values(self, subscription, program_line, line, before):
        if not line.is_substituted:
            self.assertEqual(line.product_id, program_line.product_id)
        if not line.quantity_overridden:
            self.assertEqual(line.quantity, program_line.quantity * subscription.quantity)
        if not (line.price_overridden or line.is_substituted or subscription.price_per_event):
            self.assertIn(round(line.price_unit, 2), self._get_expected_prices(program_line, line, before))

    def _get_expected_prices(self, program_line, line, before):
        price = program_line.price_unit if program_line.price_overridden else line.product_id.list_price
        start = program_line.program_id.new_price_date
        if not before:
            # Before the day of the new prices, it costs what the one before it does
            ahead = line.subscription_id.line_ids.filtered(lambda other: other.program_line_id == program_line)
            is_old_price = start and line.date_planned < start
            return [price, *(round(other.price_unit, 2) for other in ahead - line if is_old_price)]
        is_changed = (before['product_id'], before['quantity']) != (line.product_id.id, line.quantity)
        is_event_price = before['is_event_price'] or program_line.price_overridden
        is_new_price = line.date_planned >= start if start else is_event_price
        return [round(price if is_changed or is_new_price else before['price_unit'], 2)]

    def _check_prepaid(self, subscription, slow_plan, before):
        """What is paid in advance is sent as it was paid; product and day follow the program."""
        paid = (
            'quantity',
            'price_unit',
            'discount',
            'tax_ids',
            'price_total',
            'prepaid_amount',
            'event_number',
            'state',
        )
        self.assertEqual(set(subscription.line_ids.ids), before.keys())
        target = slow_sync.synchronize(slow_plan)
        for line_id, vals in self._read(subscription.line_ids).items():
            self.assertEqual([vals[name] for name in paid], [before[line_id][name] for name in paid])
            line = subscription.line_ids.browse(line_id)
            position = line._get_position()
            if line.state != 'planned' or not line.program_line_id or position not in target:
                self.assertEqual(vals, before[line_id])
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
            made = self._run_for('create_orders', subscription, until).done_count
            if not made + len(self._extend(subscription)):
                break
        ordered = subscription.line_ids.filtered('child_line_id') - was_ordered
        self.assertEqual(len(ordered), len(ordered.child_line_ids))
        due = {position: on for position, on in target.items() if on <= until}
        by_hand = {
            line._get_position()
            for line in subscription.line_ids
            if line.date_overridden or line.shipment_overridden or line.date_planned > line._get_scheduled_day()
        }
        made = {line._get_position(): line.date_scheduled for line in ordered if line.program_event_number}
        for position in target.keys() - by_hand:
            self.assertEqual(made.get(position), due.get(position), position)
        self.assertLessEqual(made.keys(), target.keys())

    def _extend(self, subscription):
        lines = subscription.line_ids
        self._run_for('extend', subscription)
        return subscription.line_ids - lines


@tagged('post_install', '-at_install')
class TestSyncProperties(SyncPropertyCase):
    """Any program, sold in any way, whatever happened to the plan and the program since."""

    def _live(self, program, sale, happenings, **values):
        """Yield the subscription after each round, with what it was before it was synchronised."""
        self.on = sale['on']
        subscription = self._make_subscription(self._make_program(**program, **values), **sale)
        for operations in happenings if subscription else []:
            self._do(subscription, operations)
            if subscription.state in ('running', 'paused'):
                yield subscription, *self._sync(subscription)

    def _take_back(self, savepoint):
        savepoint.close(rollback=True)
        self.env.invalidate_all()

    @settings(max_examples=30, **EXAMPLES)
    @given(program=programs, sale=sales, happenings=st.lists(rounds, min_size=2, max_size=3))
    def test_plan_is_that_of_the_program(self, program, sale, happenings):
        savepoint = self.env.cr.savepoint()
        try:
            for subscription, slow_plan, before in self._live(program, sale, happenings):
                self._check_plan(subscription, slow_plan, before)
        finally:
            self._take_back(savepoint)

    @settings(max_examples=15, **EXAMPLES)
    @given(program=programs, sale=sales, happenings=st.lists(rounds, min_size=2, max_size=2))
    def test_paid_in_advance(self, program, sale, happenings):
        savepoint = self.env.cr.savepoint()
        try:
            for subscription, slow_plan, before in self._live(program, sale, happenings, bill_upfront=True):
                self._check_prepaid(subscription, slow_plan, before)
        finally:
            self._take_back(savepoint)

    @settings(max_examples=8, **EXAMPLES)
    @given(program=programs, sale=sales, happenings=st.lists(rounds, min_size=1, max_size=2))
    def test_the_two_years_behind_it(self, program, sale, happenings):
        savepoint = self.env.cr.savepoint()
        try:
            happenings = [[step for step in operations if step[0] != 'stop_after'] for operations in happenings]
            lived = list(self._live(program, sale, happenings))
            subscription = lived[-1][0] if lived else None
            if subscription and subscription.state == 'running':
                self._check_future(subscription)
        finally:
            self._take_back(savepoint)
