from odoo import fields, models


class ContinuityPlanChangeLine(models.Model):
    """What a mass change made of one planned line, and its undo."""

    _name = 'continuity.plan.change.line'
    _description = "Continuity Plan Change Line"
    _inherit = ['continuity.plan.change.mixin', 'continuity.guard.mixin']
    _order = 'id'

    change_id = fields.Many2one(
        comodel_name='continuity.plan.change', required=True, readonly=True, ondelete='cascade', index=True
    )
    user_id = fields.Many2one(related='subscription_id.user_id', string="Salesperson", store=True, precompute=True)
    state = fields.Selection(
        selection=[
            ('changed', "Changed"),
            ('left_out', "Left out"),
            ('undone', "Put back"),
            ('kept', "Not put back"),
        ],
        required=True,
        readonly=True,
        string="Result",
    )

    # === UNDO === #

    def _undo(self):
        """Put back the values before on the lines of one subscription, where nothing else was done to them since.

        The rows may be those of a colleague; what is written is up to the user's own rights.

        :return: for each row why its line is left as it is, or nothing.
        :rtype: dict[continuity.plan.change.line, str | None]
        """
        names = {name: self._get_names(name) for name in ('product_id', 'tax_ids')}
        reasons = {row: row._get_undo_refusal(names) for row in self}
        back = self.filtered(lambda row: not reasons[row])
        for values, lines in back.line_id._group_by_values(back.mapped('old_values')):
            lines._put_back(values)
        if back and 'date_planned' in back[0].old_values:
            back.line_id._unguarded()._keep_shipment_together(is_date_changed=True)
        back.subscription_id._on_plan_changed()
        return reasons

    def _get_undo_refusal(self, names):
        """Return why the values before cannot be put back, or nothing.

        :param names: of the products and taxes that still exist, by field and id.
        """
        self.ensure_one()
        line = self.line_id.sudo(False)
        if not line:
            return self.env._("It is no longer in the plan.")
        if not (line.has_access('write') and line.subscription_id.has_access('write')):
            return self.env._("You may not change this plan.")
        if not self._has_all(names):
            return self.env._("The product or a tax it had before no longer exists.")
        # A day that has passed meanwhile is put back too: it goes out with the next run.
        reason = line._get_change_refusal(
            {name: self.old_values[name] for name in self.old_values.keys() - {'date_planned'}}
        )
        if reason:
            return reason
        if not line._has_values(self.new_values):
            return self.env._("It was changed again since.")
        return None

    def _has_all(self, names):
        """Whether the product and the taxes of before still exist."""
        product = self.old_values.get('product_id')
        has_product = not product or product in names['product_id']
        return has_product and names['tax_ids'].keys() >= {*self.old_values.get('tax_ids', ())}
