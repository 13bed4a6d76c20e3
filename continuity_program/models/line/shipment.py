from datetime import timedelta

from odoo import models

from ...domain.position import PlannedLine


class ContinuityLine(models.Model):
    """Lines of a plan together: which they are, and what leaves in one child order."""

    _inherit = 'continuity.line'

    # === WHICH LINES === #

    def _without_replacements(self):
        """Return the lines of the plan itself: what sends a lost one again counts nowhere."""
        return self.filtered(lambda line: not line.replaces_line_id)

    def _filtered_active(self):
        """Return the lines of the plan that are or were sent, or will be."""
        return self._without_replacements().filtered(lambda line: line.state not in ('skipped', 'cancelled'))

    def _filtered_planned(self, with_resent=False):
        """Return the lines that have no child order yet.

        :param bool with_resent: those that send a lost one again too, which are not of the plan itself.
        """
        planned = self.filtered(lambda line: line.state == 'planned')
        return planned if with_resent else planned._without_replacements()

    def _by_shipment(self):
        """Return the lines of each child order: of one subscription, shipment number and address. What is sent again
        goes by itself.

        :rtype: list[continuity.line]
        """
        return list(
            self.grouped(
                lambda line: (
                    line.subscription_id,
                    line.event_number,
                    line.partner_shipping_id or line.subscription_id.partner_shipping_id,
                    bool(line.replaces_line_id),
                )
            ).values()
        )

    def _get_shipment_lines(self):
        """Return the planned lines that leave in one child order with this one."""
        self.ensure_one()
        return self.subscription_id.line_ids.filtered(
            lambda line: (
                line.state == 'planned'
                and line.event_number == self.event_number
                and line.partner_shipping_id == self.partner_shipping_id
                and bool(line.replaces_line_id) == bool(self.replaces_line_id)
            )
        ).with_env(self.env)

    # === WHEN === #

    def _get_position(self):
        """Return where the line stands in its program: (event ID, occurrence), by the program's numbers of today."""
        self.ensure_one()
        return self.program_line_id.event_number or self.program_event_number, self.occurrence

    def _read_standing(self):
        """Return what tells where the line stands in its program, as plain values.

        :rtype: PlannedLine
        """
        self.ensure_one()
        return PlannedLine(
            id=self._origin.id or 0,
            position=self._get_position(),
            number=self.event_number,
            state=self.state,
            scheduled=self._get_scheduled_day(),
            cause=self.cancel_cause or None,
            event=self.program_event_number,
            in_program=bool(self.program_line_id),
            has_child=bool(self.child_line_id),
            is_elsewhere=self.shipment_overridden,
        )

    def _get_scheduled_day(self):
        """Return the day that the program gave the line, whatever it is sent on."""
        self.ensure_one()
        return self.date_scheduled or self.date_planned

    def _get_cut_off_date(self):
        """Return the day on which the child order is due: from then on the shipment is not changed any more."""
        self.ensure_one()
        due = self.date_planned - timedelta(days=self.company_id.continuity_lead_days)
        return max(due, self.decline_until + timedelta(days=1)) if self.decline_until else due

    def _keep_shipment_together(self, is_date_changed):
        """What leaves together has one date: a changed one moves the whole shipment, a line that joins takes it."""
        for line in self:
            others = line._get_shipment_lines() - line
            if is_date_changed:
                others.filtered(lambda other: other.date_planned != line.date_planned).write(
                    {'date_planned': line.date_planned, 'date_overridden': True}
                )
            elif others:
                line.date_planned = others[0].date_planned

    def _align_shipments(self):
        """Give what leaves together the date given by hand, else that of its first line that the program dates."""
        aligned = {}
        for lines in self._by_shipment():
            if len(set(lines.mapped('date_planned'))) > 1:
                dated = lines.filtered(lambda line: line.program_line_id and not line.shipment_overridden) or lines
                first = (dated.filtered('date_overridden') or dated)[0]
                aligned |= {line: {'date_planned': first.date_planned} for line in lines}
        self._write_each(aligned)

    # === OUT OF THE PLAN === #

    def _cancel_planned(self, cause):
        """Take planned lines out of the plan.

        :param cause: a value of ``cancel_cause``.
        """
        self._filtered_planned(with_resent=True)._unguarded().write({'is_cancelled': True, 'cancel_cause': cause})

    def _is_scaled(self):
        """Whether the line follows a changed quantity of the parent line: it is not ordered yet, or was taken out of
        the plan before and can come back."""
        self.ensure_one()
        is_open = self.state == 'planned' or (self.state == 'cancelled' and not self.child_line_id)
        return is_open and not self.replaces_line_id
