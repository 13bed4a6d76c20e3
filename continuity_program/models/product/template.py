from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ProductTemplate(models.Model):
    _name = 'product.template'
    _inherit = ['product.template', 'continuity.awaited.mixin']

    continuity_program_id = fields.Many2one(
        comodel_name='continuity.program',
        index='btree_not_null',
        ondelete='restrict',
        help="Makes it a parent product: who buys it gets a plan of this program.",
    )
    continuity_event_count = fields.Integer(
        string="Events Bought", help="How many event occurrences it buys. 0: the whole program."
    )

    def write(self, vals):
        result = super().write(vals)
        if self.env['product.product']._get_continuity_mending_fields() & vals.keys():
            self._retry_awaiting_plans()
        return result

    def _get_awaiting_plans(self):
        return self.env['continuity.line']._get_parked_subscriptions([('product_id.product_tmpl_id', 'in', self.ids)])

    @api.constrains('continuity_program_id', 'continuity_event_count', 'company_id', 'type')
    def _check_continuity_program(self):
        for template in self.filtered('continuity_program_id'):
            reason = template._get_continuity_error()
            if reason:
                raise ValidationError(
                    self.env._("Product %(product)s: %(reason)s", product=template.display_name, reason=reason)
                )

    def _get_continuity_error(self):
        """Return why the product cannot sell its program, or nothing."""
        self.ensure_one()
        program_sudo = self.sudo().continuity_program_id
        if self.continuity_event_count < 0:
            return self.env._("the number of events bought cannot be negative.")
        if self.type == 'combo':
            return self.env._("a combo cannot sell a continuity program.")
        if self.company_id and self.company_id != program_sudo.company_id:
            return self.env._(
                "it belongs to %(company)s, but program %(program)s to %(program_company)s.",
                company=self.company_id.name,
                program=program_sudo.display_name,
                program_company=program_sudo.company_id.name,
            )
        variants = self.with_context(active_test=False).product_variant_ids
        event_line = (
            self.env['continuity.program.line']
            .sudo()
            .search(['|', ('product_id', 'in', variants.ids), ('substitute_ids', 'in', variants.ids)], limit=1)
        )
        if event_line:
            return self.env._(
                "it is sent by program %(program)s and so cannot sell a program itself.",
                program=event_line.program_id.display_name,
            )
        return None
