from collections import Counter

from markupsafe import Markup

from odoo import api, models
from odoo.fields import Domain

from .. import schedule
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
        for subscription in self:
            changes = subscription._sync()
            if changes:
                batch.change(subscription, '\n'.join(change.text for change in changes))
        batch.done += len(self)

    def _job_sync_preview(self, batch):
        return [
            {
                **subscription._prepare_preview_row(),
                'group': subscription.order_id.id,
                'kind': change.kind,
                'line_ids': change.line.ids,
                'change': change.text,
                'date': change.date,
                'amount': change.amount,
            }
            for subscription in self
            for change in subscription._get_sync_changes()[0]
            if change.text
        ]

    def _sync(self):
        """Bring the plan in line with its program; what is ordered, or was changed by hand, stays as it is.

        :return: what was changed, and what was not although the program did.
        :rtype: list[Change]
        """
        self.ensure_one()
        subscription = self.sudo()
        changes, values = subscription._get_sync_changes()
        by_line = {}
        for change in changes:
            by_line.setdefault(change.line, {}).update(change.vals)
        for line, vals in by_line.items():
            if line and vals:
                line._planning().write(vals)
        subscription.env['continuity.line']._planning().create(
            [change.vals for change in changes if change.kind == 'added']
        )
        subscription.invalidate_recordset(['line_ids'])  # for the order of the lines on the page
        subscription.line_ids._planned()._align_shipments()
        subscription._planning().write(values)
        told = [change for change in changes if change.text]
        if any(change.kind != 'kept' for change in told):
            subscription._log_sync(told)
        return told

    def _log_sync(self, changes):
        """Leave a note of the changes in the chatter."""
        heading = self.env._("The plan follows program %(program)s:", program=self.program_id.display_name)
        items = Markup().join(Markup("<li>%s</li>") % change.text for change in changes)
        self._message_log(body=Markup("%s<ul>%s</ul>") % (heading, items))

    # === WHAT HAS CHANGED === #

    def _get_sync_changes(self):
        """Return what a synchronisation would do, and what it writes on the subscription itself.

        :rtype: tuple[list[Change], dict]
        """
        self.ensure_one()
        with self._explained_dates():
            clock = self._get_synced_clock()
            target = self._get_synced_occurrences(clock)
        numbers, moved = self._number_shipments(target)
        if self.cancel_after_event:
            target = [occurrence for occurrence in target if numbers[occurrence.position] <= self.cancel_after_event]
        shipments = [schedule.Shipment(numbers[occurrence.position], *occurrence) for occurrence in target]
        originals = self.line_ids._program_lines()
        known = {(line.program_line_id, line.occurrence): line for line in originals.filtered('program_line_id')}
        changes, met = [], originals.browse()
        for vals, program_line in self._prepare_lines(shipments):
            line = known.get((program_line, vals['occurrence']))
            if not line:
                changes.append(self._get_addition(self._with_new_price(vals, program_line)))
            elif line._is_open_to_program():
                met |= line
                changes += line._get_sync_changes(self._with_new_price(vals, program_line))
        for line in originals._planned() - met:
            if line.program_event_number:
                changes.append(line._get_removal())
            elif moved.get(line.event_number, line.event_number) != line.event_number:
                changes.append(Change('renumbered', '', line, {'event_number': moved[line.event_number]}))
        return changes, {**self._prepare_clock(clock), **self._prepare_synced_counts(shipments)}

    def _get_last_ordered_line(self):
        """Return the line of the last occurrence that has, or had, a child order."""
        ordered = self.line_ids._program_lines().filtered(lambda line: line.program_event_number and line.child_line_id)
        return ordered.sorted(lambda line: (line._get_position(), line.id))[-1:]

    def _get_synced_clock(self):
        """Return the clock that the plan goes on by: after a change of the timing, from the last shipment that has a
        child order."""
        clock, last = self._get_clock(), self._get_last_ordered_line()
        if self.program_id.is_calendar or not last:
            return clock
        return schedule.set_clock(
            self._get_own_events(),
            clock,
            last._get_position(),
            end_of_month=self.program_id.end_of_month,
            day=last.date_scheduled or last.date_planned,
        )

    def _get_synced_occurrences(self, clock):
        """Return what the plan has to be: all that is bought behind the position of the customer, and
        what is planned before it.

        :rtype: list[schedule.Occurrence]
        """
        lines = self.line_ids._program_lines().filtered('program_event_number')
        if not lines:
            today = self.company_id._get_continuity_today()
            shipments = self._get_shipments(today=self.anchor_date or today)
            return [
                schedule.Occurrence(*shipment[1:])._replace(date=max(shipment.date, today)) for shipment in shipments
            ]
        open_lines = lines.filtered(lambda line: line._is_open_to_program())
        planned = {line._get_position(): line for line in open_lines._planned()}
        closed = {line._get_position() for line in lines - open_lines} - {line._get_position() for line in open_lines}
        begin = self._get_position_behind(lines)
        target = self._get_late_occurrences(planned, begin)
        left = max(self.event_count - self._count_bought(), 0) if self.event_count else schedule.MAX_LINES + 1
        threshold, open_counts = self._get_threshold(), Counter()
        for occurrence in self._get_timeline(after=begin, clock=clock):
            if occurrence.position in closed:
                continue
            is_new = occurrence.position > max(planned, default=(0, 0))
            if len(target) >= left or (threshold and is_new and open_counts[occurrence.event] >= threshold):
                break
            open_counts[occurrence.event] += 1
            target.append(occurrence)
        schedule.check_size(self._get_own_events(), target)
        return target

    def _get_position_behind(self, lines):
        """Return the customer's position: the last one ordered, else that ahead of the first one of the plan."""
        last = self._get_last_ordered_line()
        if last:
            return last._get_position()
        event, occurrence = min(line._get_position() for line in lines)
        return event, occurrence - 1

    def _get_late_occurrences(self, planned, begin):
        """Return what is planned ahead of the customer's position, and still sent by the program; it keeps its dates.

        :param planned: a planned line by position.
        """
        events = {event.number: event for event in schedule.get_sent_events(self._get_own_events())}
        return [
            schedule.Occurrence(event, occurrence, line.date_scheduled or line.date_planned)
            for (event, occurrence), line in sorted(planned.items(), key=lambda item: item[0])
            if (event, occurrence) <= begin
            and event in events
            and occurrence <= (events[event].repeats or occurrence)
            and line.program_line_id
        ]

    def _count_bought(self):
        """Return how many occurrences count as bought besides those planned: skipped ones do not, nor what left the
        program before it was sent."""
        counted = self.line_ids._program_lines().filtered(
            lambda line: (
                line.program_event_number
                and line.state in ('ordered', 'delivered', 'cancelled')
                and line.cancel_cause != 'program'
            )
        )

        def get_planned_as(line):
            return line.event_number, line.program_event_number, line.occurrence

        present = counted.filtered('program_line_id')
        # Of an event that has left the program only the old number is known.
        gone = {get_planned_as(line) for line in counted - present} - {get_planned_as(line) for line in present}
        return len({line._get_position() for line in present}) + len(gone)

    def _number_shipments(self, target):
        """Return the shipment number of each occurrence by its position, and the new number of each old one that is
        planned: they keep their numbers, but for those that something new comes ahead of."""
        positions = {occurrence.position for occurrence in target}
        planned = self.line_ids._planned().filtered('program_line_id')
        old_numbers = {}
        for line in planned.sorted('shipment_overridden'):
            old_numbers.setdefault(line._get_position(), line.event_number)
        others = self.line_ids.filtered(
            lambda line: not line._is_open_to_program() or line._get_position() not in positions
        )
        taken = set(others.mapped('event_number')) - {old_numbers.get(position) for position in positions}
        last, ordered = 0, self._get_last_ordered_line().event_number
        numbers, moved = {}, {}
        for occurrence in target:
            key = old_number = old_numbers.get(occurrence.position)
            if not key:
                key, last = occurrence.position, max(last, ordered)
            if key not in moved:
                number = old_number if old_number and old_number > last else last + 1
                while number in taken:
                    number += 1
                moved[key] = last = number
            numbers[occurrence.position] = moved[key]
        return numbers, moved

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
        return {
            **vals,
            **self._prepare_price_values(
                program_line.product_id,
                vals['quantity'],
                program_line.product_uom_id,
                program_line,
                price_date=self.company_id._get_continuity_noon(start),
            ),
        }

    def _prepare_synced_counts(self, shipments):
        """Return what the subscription keeps of its plan: what is left to plan, and what the program does not have."""
        values = {'program_revision': self.program_id.revision}
        if self.bill_upfront:
            return values
        last = max([self._get_last_position(), *((shipment.event, shipment.occurrence) for shipment in shipments)])
        counted = self._count_bought() + len(shipments)
        left = self._count_occurrences_left([schedule.Occurrence(*last, date=None)], counted)
        values['missing_event_count'] = max(self.event_count - counted - left, 0) if left >= 0 else 0
        numbers = [shipment.number for shipment in shipments]
        values['occurrences_left'] = self._limit_left(left, self.cancel_after_event, numbers)
        return values
