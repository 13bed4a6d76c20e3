from collections import Counter
from functools import partial
from itertools import islice

from markupsafe import Markup

from odoo import api, models
from odoo.fields import Domain

from ..domain import schedule
from .continuity_line_sync import Change


class ContinuitySubscription(models.Model):
    """Carrying the changes of a program into the plans already sold (``docs/behaviour.md#synchronising``)."""

    _inherit = 'continuity.subscription'

    # === JOB: SYNC === #

    @api.model
    def _job_sync_domain(self, as_of):
        """Return the running and paused subscriptions that are behind their program."""
        programs = (
            self.env['continuity.program']
            .with_context(active_test=False)
            .search([('company_id', '=', self.env.company.id)])
        )
        return Domain('state', 'in', ('running', 'paused')) & Domain.OR(
            Domain('program_id', '=', program.id) & Domain('program_revision', '<', program.revision)
            for program in programs
        )

    def _job_sync_process(self, batch):
        told = self._sync()
        for subscription, changes in told.items():
            if changes:
                batch.change(subscription, '\n'.join(change.text for change in changes))
        self._log_sync(told)
        batch.done += len(self)

    def _job_sync_preview(self, batch):
        self._read_plans()
        reasons = {'kept': self.env._("Changed by hand"), 'exception': self.env._("Paid in advance")}
        return [
            {
                **subscription._prepare_preview_row(),
                'group': subscription.order_id.id,
                'kind': change.kind,
                'line_ids': change.line.ids,
                'change': change.text,
                'skipped': reasons.get(change.kind, False),
                'date': change.date,
                'amount': change.amount,
            }
            for subscription in self
            for change in subscription._get_sync_changes()[0]
            if change.text
        ]

    def _sync(self):
        """Bring the plans in line with their programs; what is ordered, or was changed by hand, stays as it is.

        :return: by subscription, what was changed, and what was not although the program did.
        :rtype: dict[continuity.subscription, list[Change]]
        """
        subscriptions = self.sudo()
        subscriptions._read_plans()
        told, values, by_line, new_vals = {}, {}, {}, []
        for subscription in subscriptions:
            changes, values[subscription] = subscription._get_sync_changes()
            for change in changes:
                if change.kind == 'added':
                    new_vals.append(change.vals)
                elif change.vals:
                    by_line.setdefault(change.line, {}).update(change.vals)
            told[subscription.with_env(self.env)] = [change for change in changes if change.text]
        Line = subscriptions.env['continuity.line']
        Line._plan_each(by_line)
        Line._planning().create(new_vals)
        subscriptions.invalidate_recordset(['line_ids'])  # for the order of the lines on the page
        subscriptions.line_ids._planned()._align_shipments()
        subscriptions._plan_each(values)
        return told

    @api.model
    def _log_sync(self, told):
        """Leave a note of what was changed on each plan, and on its parent order.

        :param dict told: what ``_sync`` returned, by subscription.
        """
        plan_notes, order_notes = {}, {}
        for subscription, changes in told.items():
            if all(change.kind == 'kept' for change in changes):
                continue
            items = Markup("<ul>%s</ul>") % Markup().join(Markup("<li>%s</li>") % change.text for change in changes)
            plan_notes[subscription.id] = items
            order_notes.setdefault(subscription.order_id.id, Markup())
            order_notes[subscription.order_id.id] += subscription._get_html_link() + items
        heading = self.env._("The plan follows its program:") + " "
        for model, notes in (('continuity.subscription', plan_notes), ('sale.order', order_notes)):
            self.env[model].browse(notes)._message_log_batch({key: heading + note for key, note in notes.items()})

    # === WHAT HAS CHANGED === #

    def _get_sync_changes(self):
        """Return what a synchronisation would do, and what it writes on the subscription itself.

        :rtype: tuple[list[Change], dict]
        """
        self.ensure_one()
        events = self._get_own_events()
        with self._explained_dates():
            clock = self._get_synced_clock(events)
            target = self._get_synced_occurrences(clock, events)
        numbers, moved = self._number_shipments(target)
        shipments = [
            schedule.Shipment(numbers[occurrence.position], *occurrence)
            for occurrence in target
            if occurrence.position in numbers
        ]
        originals = self.line_ids._program_lines()
        known = {(line.program_line_id, line.occurrence): line for line in originals.filtered('program_line_id')}
        previous = self._get_previous_lines()
        changes, met, prices = [], set(), {}
        for vals, program_line in self._prepare_unpriced_lines(shipments):
            line = known.get((program_line, vals['occurrence']))
            if not line:
                vals = self._with_price(vals, program_line, prices)
                changes.append(self._get_addition(self._with_agreed_price(vals, previous.get(program_line))))
            elif line._is_open_to_program():
                met.add(line.id)
                changes += line._get_sync_changes(vals, partial(self._with_price, vals, program_line, prices))
        removed = originals._planned().filtered(lambda line: line.program_event_number and line.id not in met)
        changes += [line._get_removal() for line in removed]
        changes += self._get_moves(originals._planned() - removed, moved)
        return changes, {**self._prepare_clock(clock), **self._prepare_synced_counts(shipments)}

    def _get_moves(self, planned, moved):
        """Return the changes of lines that were put into a shipment by hand, and leave with it under its new number."""
        return [
            Change('renumbered', '', line, {'event_number': moved[line.event_number]})
            for line in planned
            if not line.program_event_number or line.shipment_overridden
            if moved.get(line.event_number, line.event_number) != line.event_number
        ]

    # === WHERE THE CUSTOMER STANDS === #

    def _get_last_ordered_line(self):
        """Return the line of the last occurrence that has, or had, a child order."""
        ordered = self.line_ids._program_lines().filtered(lambda line: line.program_event_number and line.child_line_id)
        known = ordered.filtered('program_line_id')
        last = known.sorted(lambda line: (line._get_position(), line.id))[-1:]
        gone = (ordered - known).sorted(lambda line: (line._get_scheduled_day(), line.id))[-1:]
        return gone if gone and (not last or gone._get_scheduled_day() > last._get_scheduled_day()) else last

    def _get_last_ordered_position(self, last, clock):
        """Return where the last line that was ordered stands, in the program as it is now."""
        if last.program_line_id:
            return last._get_position()
        day = last._get_scheduled_day()
        if clock.since != (0, 0) and clock.get_day(self.program_id.end_of_month) >= day:
            # The clock was set when the line had left the program, or since.
            return clock.since
        return self._get_position_on(day)

    def _get_synced_clock(self, events):
        """Return the clock that the plan goes on by: after a change of the timing, from the last shipment that has a
        child order, unless it was set behind that since, by a postponement or a pause."""
        clock, last = self._get_clock(), self._get_last_ordered_line()
        if self.program_id.is_calendar or not last:
            return clock
        position = self._get_last_ordered_position(last, clock)
        if clock.since >= position:
            return clock
        return schedule.set_clock(
            events,
            clock,
            position,
            end_of_month=self.program_id.end_of_month,
            day=last._get_scheduled_day(),
        )

    def _get_position_behind(self, clock):
        """Return the customer's position: the last one ordered, else that ahead of the first one of the plan; and not
        ahead of where the clock stands."""
        last = self._get_last_ordered_line()
        if last:
            return max(self._get_last_ordered_position(last, clock), clock.since)
        event, occurrence = min((line._get_position() for line in self._get_own_lines()), default=(0, 1))
        return max((event, occurrence - 1), clock.since)

    # === WHAT THE PLAN HAS TO BE === #

    def _get_synced_occurrences(self, clock, events):
        """Return what the plan has to be: all that is bought behind the position of the customer, and
        what is planned before it.

        :rtype: list[schedule.Occurrence]
        """
        if not self.line_ids._program_lines().filtered('program_event_number'):
            today = self.company_id._get_continuity_today()
            shipments = self._get_shipments(today=self.anchor_date or today)
            return [
                schedule.Occurrence(*shipment[1:])._replace(date=max(shipment.date, today)) for shipment in shipments
            ]
        begin = self._get_position_behind(clock)
        late = self._get_late_occurrences(begin, events)
        if self.bill_upfront:
            target = [*late, *self._get_prepaid_occurrences(begin, clock, events)]
        else:
            target = [*late, *self._get_bought_occurrences(begin, clock, events, late)]
        schedule.check_size(events, target)
        return target

    def _get_bought_occurrences(self, begin, clock, events, late):
        """Return what is bought of what the program sends behind a position; of what is not planned yet, as much as is
        planned at once."""
        planned = self._get_planned_positions()
        bought = self._get_bought_positions() | {occurrence.position for occurrence in late}
        left = self.event_count - self._count_gone() - len(bought)
        threshold, open_counts = self._get_threshold(), Counter()
        target, last_planned = [], max(planned, default=(0, 0))
        for occurrence in self._get_open_timeline(begin, clock, events):
            is_new = occurrence.position > last_planned
            left -= occurrence.position not in bought
            if (self.event_count and left < 0) or (threshold and is_new and open_counts[occurrence.event] >= threshold):
                break
            if len(target) > schedule.MAX_LINES:
                raise schedule.TooManyLinesError
            open_counts[occurrence.event] += 1
            target.append(occurrence)
        return target

    def _get_prepaid_occurrences(self, begin, clock, events):
        """Return what the program sends behind a position. What is not in the plan is not paid for and takes no time,
        what was taken out of the program is sent all the same."""
        sent = list(islice(self._get_open_timeline(begin, clock, events), schedule.MAX_LINES + 1))
        planned = self._get_planned_positions()
        if not self.program_id.is_calendar:
            last = dict(sorted(line._get_position() for line in self._get_own_lines().filtered('program_line_id')))
            events = [
                event._replace(repeats=last[event.number], action='normal') for event in events if event.number in last
            ]
            dates = {
                occurrence.position: occurrence.date
                for occurrence in self._get_timeline(after=begin, clock=clock, events=events)
            }
            sent = [occurrence._replace(date=dates.get(occurrence.position, occurrence.date)) for occurrence in sent]
        return [occurrence for occurrence in sent if not self.event_count or occurrence.position in planned]

    def _get_late_occurrences(self, begin, events):
        """Return what is planned ahead of a position, and still sent by the program; it keeps its dates."""
        sent = {event.number: event for event in schedule.get_sent_events(events)}
        days = {
            line._get_position(): line._get_scheduled_day()
            for line in self.line_ids._planned().filtered('program_line_id')
        }
        return [
            schedule.Occurrence(event, occurrence, day)
            for (event, occurrence), day in sorted(days.items())
            if (event, occurrence) <= begin and event in sent and occurrence <= (sent[event].repeats or occurrence)
        ]

    def _number_shipments(self, target):
        """Return the shipment number of each occurrence by its position, but for those behind the agreed last shipment;
        and the new number of each old one that is planned.

        They keep their numbers, but for those that something new comes ahead of. What was put into another shipment by
        hand leaves with that.
        """
        positions = {occurrence.position for occurrence in target}
        planned = self.line_ids._planned().filtered('program_line_id')
        old_numbers, put_elsewhere = {}, {}
        for line in planned:
            numbers = put_elsewhere if line.shipment_overridden else old_numbers
            numbers.setdefault(line._get_position(), line.event_number)
        others = self.line_ids.filtered(
            lambda line: (
                not line._is_open_to_program() or line._get_position() not in positions or line.shipment_overridden
            )
        )
        taken = set(others.mapped('event_number')) - {old_numbers.get(position) for position in positions}
        last, ordered = 0, self._get_last_ordered_line().event_number
        numbers, moved = {}, {}
        for position in sorted(positions - (put_elsewhere.keys() - old_numbers.keys())):
            key = old_number = old_numbers.get(position)
            if not key:
                key, last = position, max(last, ordered)
            if key not in moved:
                number = old_number if old_number and old_number > last else last + 1
                while number in taken:
                    number += 1
                moved[key] = last = number
            if not self.cancel_after_event or moved[key] <= self.cancel_after_event:
                numbers[position] = moved[key]
        for position in positions & put_elsewhere.keys() - old_numbers.keys():
            numbers[position] = moved.get(put_elsewhere[position], put_elsewhere[position])
        # In a plan that is paid in advance nothing comes in between.
        return numbers, {} if self.bill_upfront else moved

    def _get_addition(self, vals):
        """Return the change that adds a line."""
        line = self.env['continuity.line'].new({**vals, 'subscription_id': self.id})
        text, amount = line._get_whole_text(), line.price_total + line.shipping_total
        if self.bill_upfront:
            return Change(
                'exception',
                self.env._("Not added, the plan is paid in advance: %(line)s", line=text),
                line.browse(),
                {},
                line.date_planned,
                amount,
            )
        return Change('added', self.env._("Added: %(line)s", line=text), line.browse(), vals, line.date_planned, amount)

    def _with_new_price(self, vals, program_line):
        """Return the values of a planned line with the price that holds from the day of the new prices on."""
        start = self.program_id.new_price_date
        if not start or vals['date_planned'] < start or self.price_per_event:
            return vals
        price_date = self.company_id._get_continuity_noon(start)
        # Who orders on that day or later, or pays in advance, does so at the prices of the order's day.
        if price_date <= self.order_id.date_order or (self.bill_upfront and self.state not in ('running', 'paused')):
            return vals
        prices = self._prepare_price_values(
            program_line.product_id,
            vals['quantity'],
            program_line.product_uom_id,
            program_line,
            price_date=price_date,
        )
        return {**vals, **prices}

    def _with_agreed_price(self, vals, previous):
        """Return the values of a line that is added with the price agreed for the one before, where the program's price
        of today is not followed.

        :param previous: the last line that the plan has of the same program line, or nothing.
        """
        if not previous or (previous._is_repriced(vals, {}) and not previous.price_overridden):
            return vals
        return {**vals, **previous._prepare_next_price(vals)}

    def _prepare_synced_counts(self, shipments):
        """Return what the subscription keeps of its plan: what is left to plan, and what the program does not have."""
        values = {
            'program_revision': self.program_id.revision,
            'new_price_date': self.program_id.new_price_date,
        }
        if self.bill_upfront:
            return values
        positions = {(shipment.event, shipment.occurrence) for shipment in shipments}
        left, values['missing_event_count'] = self._count_left_and_missing(positions)
        numbers = [shipment.number for shipment in shipments]
        values['occurrences_left'] = self._limit_left(left, self.cancel_after_event, numbers)
        return values
