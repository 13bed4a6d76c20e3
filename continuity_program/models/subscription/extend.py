from collections import Counter
from datetime import timedelta

from odoo import api, models
from odoo.fields import Domain

from ...domain import schedule
from ..line.taxes import TaxesOfToday


class ContinuitySubscription(models.Model):
    """Extending the plan after what is planned: the job ``extend``."""

    _inherit = 'continuity.subscription'

    # === JOB: EXTEND === #

    @api.model
    def _job_extend_domain(self, as_of):
        """Return the running subscriptions whose last planned event has room for more occurrences."""
        return (
            Domain('state', '=', 'running')
            & Domain('bill_upfront', '=', False)
            & Domain('occurrences_left', '!=', 0)
            & Domain('open_occurrence_count', '<', self.env.company.continuity_repeat_threshold)
        )

    def _job_extend_process(self, batch):
        self._extend()
        batch.done += len(self)

    def _job_extend_preview(self, batch):
        self._prefetch_plans()
        rows, taxes = [], TaxesOfToday()
        for subscription in self:
            for vals in subscription._prepare_extension(subscription._get_next_occurrences(), taxes):
                line = self.env['continuity.line'].new({**vals, 'subscription_id': subscription.id})
                rows.append(
                    {
                        **subscription._prepare_preview_row(),
                        'change': f"{line.quantity:g} × {line.product_id.display_name}",
                        'date': line.date_planned,
                        'amount': line.price_total + line.shipping_total,
                    }
                )
        return rows

    def _get_next_occurrences(self):
        """Return the occurrences that the plan has room for.

        :rtype: list[schedule.Occurrence]
        """
        self.ensure_one()
        standing = self._get_standing()
        clock = self._get_clock(standing)
        last = standing.get_last_position(clock)
        left = None if self.occurrences_left < 0 else self.occurrences_left
        occurrences = list(
            schedule.take(
                standing.iter_open_occurrences(clock, last),
                left,
                threshold=self._get_threshold(),
                open_counts=Counter(event for event, _occurrence in standing.planned),
            )
        )
        schedule.check_size(standing.own_events, occurrences)
        delay = self._get_extension_delay(last)
        return [occurrence._replace(date=occurrence.date + delay) for occurrence in occurrences]

    def _get_extension_delay(self, position):
        """Return by how much the plan already runs after a program that was changed since, so that what is added
        comes after it. An unchanged program, and one on a calendar, gives its own dates."""
        last = self.line_ids.filtered(lambda line: line._get_position() == position)[:1]
        if not last or self.program_id.is_calendar or self.program_revision == self.program_id.revision:
            return timedelta()
        computed = next(self._iter_occurrences(after=(position[0], position[1] - 1)), None)
        return max(last._get_scheduled_day() - computed.date, timedelta()) if computed else timedelta()

    def _extend(self):
        """Add to the plans what they have room for."""
        self._prefetch_plans()
        new_vals, restored, left, taxes = [], {}, {}, TaxesOfToday()
        for subscription in self:
            with subscription._translating_schedule_errors():
                occurrences = subscription._get_next_occurrences()
            taken_away = subscription._get_taken_away()
            for vals in subscription._prepare_extension(occurrences, taxes):
                line = taken_away.get((vals['program_line_id'], vals['occurrence']))
                if line:
                    restored[line] = line._prepare_restoration(vals, line._prepare_plan_update(vals))
                else:
                    new_vals.append(vals)
            left[subscription] = subscription._prepare_left_after(occurrences)
        Line = self.env['continuity.line']
        Line._write_each(restored)
        Line._unguarded().create(new_vals)
        self._write_each(left)

    def _prepare_left_after(self, occurrences):
        """Return what becomes of the number of occurrences left once these are planned."""
        self.ensure_one()
        if occurrences:
            return {'occurrences_left': self.occurrences_left - len(occurrences)} if self.occurrences_left > 0 else {}
        # Fewer than expected: the program has lost events, and the plan ends here until it is synchronised.
        standing = self._get_standing()
        is_over = standing.count_left_in_program(standing.get_last_position(self._get_clock(standing))) == 0
        return {'occurrences_left': 0} if is_over else {}

    def _prepare_extension(self, occurrences, taxes_of_today):
        """Return the values of the lines after the plan; a later occurrence takes the price of the one before."""
        self.ensure_one()
        last_number = max(self.line_ids.mapped('event_number'), default=0)
        shipments = [
            schedule.Shipment(number, *occurrence)
            for number, occurrence in enumerate(occurrences, start=last_number + 1)
        ]
        previous, prices = self._get_previous_lines(), {}
        prepared = []
        for vals, program_line in self._prepare_unpriced_lines(shipments):
            agreed = (
                previous[program_line]._prepare_next_price(vals, taxes_of_today) if program_line in previous else {}
            )
            prepared.append({**vals, **agreed} if agreed else self._add_price(vals, program_line, prices))
        return prepared

    def _get_previous_lines(self):
        """Return, by program line, the last one in the plan: the next one takes its price."""
        return {
            line.program_line_id: line
            for line in self.line_ids._without_replacements().sorted('occurrence')
            if not line.is_substituted and line.cancel_cause != 'program'
        }

    def _get_taken_away(self):
        """Return, by program line and occurrence, what the program took away and would send again."""
        return {
            (line.program_line_id.id, line.occurrence): line
            for line in self.line_ids._without_replacements()
            if line.cancel_cause == 'program'
        }
