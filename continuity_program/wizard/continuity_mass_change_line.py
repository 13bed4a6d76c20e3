from odoo import fields, models


class ContinuityMassChangeLine(models.TransientModel):
    """What a mass change would make of one planned line."""

    _name = 'continuity.mass.change.line'
    _description = "Preview of a Plan Change"
    _inherit = ['continuity.plan.change.mixin', 'continuity.dialog.mixin', 'continuity.guard.mixin']
    _order = 'id'

    wizard_id = fields.Many2one(
        comodel_name='continuity.mass.change', required=True, readonly=True, ondelete='cascade', index=True
    )

    def _change(self):
        """Do to the lines of one subscription what the rows show.

        :return: for each row why its line is left as it is, or nothing.
        :rtype: dict[continuity.mass.change.line, str | None]
        """
        subscription = self.subscription_id
        reasons = {row: row.reason or row._get_refusal() for row in self}
        rows = self.filtered(lambda row: not reasons[row])
        days = rows._get_clock_days()
        for values, lines in rows.line_id._group_by_values(rows.mapped('new_values')):
            lines._change(values)
        if days:
            subscription._move_clock(days)
        rows.subscription_id._on_plan_changed()
        return reasons

    def _get_refusal(self):
        """Return why the line cannot become what was shown any more, or nothing."""
        self.ensure_one()
        line = self.line_id
        if not line:
            return self.env._("It is no longer in the plan.")
        if not line._has_values(self.old_values):
            return self.env._("It was changed since the preview.")
        return line._get_mass_change_refusal(self.new_values)

    def _get_clock_days(self):
        """Return by how much the customer's own clock moves along: where the whole plan of the program moves."""
        subscription = self.subscription_id
        planned = subscription.line_ids._filtered_planned().filtered('program_line_id')
        if (
            not self
            or 'date_planned' not in self[0].new_values
            or not subscription._has_clock()
            or planned - self.line_id
        ):
            return 0
        row = self[0]
        dates = (fields.Date.to_date(values['date_planned']) for values in (row.new_values, row.old_values))
        return (next(dates) - next(dates)).days

    def _prepare_log_line(self):
        """Return the values of the log's line for the row."""
        return {
            'line_id': self.line_id.id,
            'subscription_id': self.subscription_id.id,
            'event_number': self.event_number,
            'product_id': self.product_id.id,
            'old_values': self.old_values,
            'new_values': self.new_values,
        }
