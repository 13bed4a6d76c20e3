from functools import partial

from markupsafe import Markup

from odoo import api, models
from odoo.fields import Domain

from ...domain import schedule, sync
from ..line.sync import Change


class ContinuitySubscription(models.Model):
    """Carrying the changes of a program into the plans already sold (``docs/behaviour.md#synchronising``)."""

    _inherit = 'continuity.subscription'

    # === JOB: SYNC === #

    @api.model
    def _job_sync_domain(self, as_of):
        """Return the running and paused subscriptions that are behind their program, or whose taxes are others today
        than planned."""
        programs = (
            self.env['continuity.program']
            .with_context(active_test=False)
            .search([('company_id', '=', self.env.company.id)])
        )
        is_behind = Domain.OR(
            Domain('program_id', '=', program.id) & Domain('program_revision', '<', program.revision)
            for program in programs
        )
        has_other_taxes = Domain('id', 'in', self.env['continuity.line']._find_with_other_taxes().ids)
        return Domain('state', 'in', ('running', 'paused')) & (is_behind | has_other_taxes)

    def _job_sync_process(self, batch):
        told = self._sync()
        for subscription, changes in told.items():
            if changes:
                batch.change(subscription, '\n'.join(change.text for change in changes))
        self._log_sync(told)
        batch.done += len(self)

    def _job_sync_preview(self, batch):
        self._prefetch_plans()
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
        """Write the plans as their programs are now; what is ordered, or was changed by hand, stays as it is.

        :return: by subscription, what was changed, and what was not although the program did.
        :rtype: dict[continuity.subscription, list[Change]]
        """
        subscriptions = self.sudo()
        subscriptions._prefetch_plans()
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
        Line._write_each(by_line)
        Line._unguarded().create(new_vals)
        subscriptions.invalidate_recordset(['line_ids'])  # for the order of the lines on the page
        subscriptions.line_ids._filtered_planned()._align_shipments()
        subscriptions._write_each(values)
        subscriptions.line_ids._write_tax_differences()
        subscriptions.filtered(
            lambda subscription: any('tax_ids' in change.vals for change in told[subscription.with_env(self.env)])
        )._tell_if_moved()
        self._on_synced(told)
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
        standing, terms = self._get_standing(), self._get_sync_terms()
        with self._translating_schedule_errors():
            clock = sync.get_clock(standing, self._get_clock(standing))
            target = self._get_target(standing, clock, terms)
        numbering = sync.number_shipments(standing, target, terms)
        shipments = numbering.get_shipments(target)
        originals = self.line_ids._without_replacements()
        known = {(line.program_line_id, line.occurrence): line for line in originals.filtered('program_line_id')}
        previous = self._get_previous_lines()
        changes, met, prices = [], set(), {}
        for vals, program_line in self._prepare_unpriced_lines(shipments):
            line = known.get((program_line, vals['occurrence']))
            if not line:
                vals = self._add_price(vals, program_line, prices)
                changes.append(self._get_addition(self._add_agreed_price(vals, previous.get(program_line))))
            elif line._read_standing().is_open:
                met.add(line.id)
                changes += line._get_sync_changes(vals, partial(self._add_price, vals, program_line, prices))
        removed = originals._filtered_planned().filtered(lambda line: line.program_event_number and line.id not in met)
        changes += [line._get_removal() for line in removed]
        changes += self._get_moves(originals._filtered_planned() - removed, numbering.moved)
        changes += (originals - removed)._filtered_taxable()._get_tax_changes(changes)
        return changes, {**self._prepare_clock(clock), **self._prepare_synced_counts(standing, shipments)}

    def _get_moves(self, planned, moved):
        """Return the changes of lines that were put into a shipment by hand, and leave with it under its new number."""
        return [
            Change('renumbered', '', line, {'event_number': moved[line.event_number]})
            for line in planned
            if not line.program_event_number or line.shipment_overridden
            if moved.get(line.event_number, line.event_number) != line.event_number
        ]

    def _get_sync_terms(self):
        """Return what was agreed with the customer.

        :rtype: sync.Terms
        """
        return sync.Terms(
            is_prepaid=self.bill_upfront, threshold=self._get_threshold(), last_number=self.cancel_after_event
        )

    def _get_target(self, standing, clock, terms):
        """Return what the plan has to be; one with nothing of its program in it is planned anew.

        :rtype: list[schedule.Occurrence]
        """
        if any(line.event for line in standing.lines):
            return sync.get_target(standing, clock, terms)
        today = self.company_id._get_continuity_today()
        shipments = self._get_shipments(today=self.anchor_date or today)
        return [schedule.Occurrence(*shipment[1:])._replace(date=max(shipment.date, today)) for shipment in shipments]

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

    def _prepare_synced_counts(self, standing, shipments):
        """Return what the subscription keeps of its plan: what is left to plan, and what the program does not have."""
        values = {
            'program_revision': self.program_id.revision,
            'new_price_date': self.program_id.new_price_date,
        }
        if self.bill_upfront:
            return values
        positions = {shipment.position for shipment in shipments}
        left, values['missing_event_count'] = standing.count_left_and_missing(positions, self._get_clock(standing))
        numbers = [shipment.number for shipment in shipments]
        values['occurrences_left'] = self._limit_left(left, self.cancel_after_event, numbers)
        return values
