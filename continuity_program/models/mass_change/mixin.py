from odoo import api, fields, models
from odoo.tools import format_amount, format_date

from .line import CHANGED_FIELDS


class ContinuityPlanChangeMixin(models.AbstractModel):
    """What a mass change makes of one planned line: in its preview, and in its log.

    Both keep the values before and after as JSON, as ``continuity.line._read_values`` gives them.
    """

    _name = 'continuity.plan.change.mixin'
    _description = "Continuity Plan Change Mixin"

    line_id = fields.Many2one(
        comodel_name='continuity.line',
        string="Planned Line",
        readonly=True,
        ondelete='set null',
        index='btree_not_null',
    )
    subscription_id = fields.Many2one(
        comodel_name='continuity.subscription', required=True, readonly=True, ondelete='cascade', index=True
    )
    company_id = fields.Many2one(related='subscription_id.company_id', store=True, precompute=True)
    partner_id = fields.Many2one(related='subscription_id.partner_id', related_sudo=False)
    event_number = fields.Integer(string="Shipment No.", readonly=True)
    product_id = fields.Many2one(comodel_name='product.product', readonly=True)
    old_values = fields.Json(string="Values Before", readonly=True)
    new_values = fields.Json(string="Values After", readonly=True)
    before = fields.Char(compute='_compute_before_and_after')
    after = fields.Char(compute='_compute_before_and_after')
    reason = fields.Text(string="Left Out Because", readonly=True)

    @api.depends('old_values', 'new_values')
    @api.depends_context('lang')
    def _compute_before_and_after(self):
        names = {name: self._get_names(name) for name in ('product_id', 'tax_ids')}
        for row in self:
            row.before = row._get_values_text(row.old_values, names)
            row.after = row._get_values_text(row.new_values, names)

    def _get_names(self, name):
        """Return the names, by their ids, of all products or taxes before and after.

        :rtype: dict[int, str]
        """
        values = [values[name] for row in self for values in (row.old_values, row.new_values) if name in (values or {})]
        ids = {id_ for value in values for id_ in (value if isinstance(value, list) else [value])}
        records = self.env[self.env['continuity.line']._fields[name].comodel_name].sudo().browse(ids).exists()
        return dict(zip(records.ids, records.mapped('display_name'), strict=True))

    def _get_values_text(self, values, names):
        """Return kept values as people read them.

        :param names: of products and taxes, by field and id.
        """
        if not values:
            return False
        if 'date_planned' in values:
            return format_date(self.env, values['date_planned'])
        product = values.get('product_id')
        parts = [
            names['product_id'].get(product, self.env._("deleted")) if product else '',
            format_amount(self.env, values.get('price_total', values['price_unit']), self.subscription_id.currency_id),
            f"−{values['discount']:g} %" if values.get('discount') else '',
            *(names['tax_ids'].get(tax, self.env._("deleted")) for tax in values['tax_ids']),
        ]
        return ' · '.join(filter(None, parts))

    def _prepare_row(self, kind, change):
        """Return the values of a row for a ``LineChange`` of a kind."""
        line = change.line
        return {
            'line_id': line.id,
            'subscription_id': line.subscription_id.id,
            'event_number': line.event_number,
            'product_id': line.product_id.id,
            'old_values': line._read_values(CHANGED_FIELDS[kind]),
            'new_values': change.values or False,
            'reason': change.reason,
        }
