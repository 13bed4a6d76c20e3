from odoo import api, models

#: What a line begins with that has no child order, nor ever had one.
NEW_LINE = {
    'state': 'planned',
    'child_line_id': False,
    'child_order_id': False,
    'is_credited': False,
    'is_invoiced': False,
    'is_revenue_due': False,
}
#: What makes a line begin otherwise.
NOT_NEW = {'is_skipped', 'is_cancelled', 'credit_move_id'}
#: What its amounts are worked out by.
PRICED_BY = {'product_id', 'product_uom_id', 'quantity', 'price_unit', 'tax_ids'}


class ContinuityLine(models.Model):
    """Making the lines of a plan together: most of what the ORM works out line by line is the same for all of them."""

    _inherit = 'continuity.line'

    @api.model
    def _add_precomputed_values(self, vals_list):
        if self._is_unguarded():
            plans = {}
            for vals in vals_list:
                subscription_id = vals['subscription_id']
                if subscription_id not in plans:
                    plans[subscription_id] = self._prepare_plan_values(subscription_id)
                if not NOT_NEW & {name for name, value in vals.items() if value}:
                    vals.update(NEW_LINE)
                vals.update(plans[subscription_id])
                if vals.keys() >= PRICED_BY:
                    vals.update(self._prepare_amounts(vals))
        super()._add_precomputed_values(vals_list)

    @api.model
    def _prepare_plan_values(self, subscription_id):
        """Return what the lines of a plan have of their subscription."""
        subscription = self.env['continuity.subscription'].browse(subscription_id)
        related = (field for field in self._fields.values() if field.precompute and field.related)
        return {
            field.name: subscription[name].id
            for field in related
            for origin, name in [field.related.split('.')]
            if origin == 'subscription_id'
        }

    @api.model
    def _prepare_amounts(self, vals):
        """Return the amounts of a new line by its values, as they will be stored."""

        def get_stored(name):
            return self._fields[name].convert_to_cache(vals.get(name), self)

        subscription = self.env['continuity.subscription'].browse(vals['subscription_id'])
        untaxed, total = subscription._get_line_amounts(
            self.env['product.product'].browse(vals['product_id']),
            self.env['account.tax'].browse(get_stored('tax_ids')),
            product_uom_id=self.env['uom.uom'].browse(vals['product_uom_id']),
            quantity=get_stored('quantity'),
            price_unit=get_stored('price_unit'),
            discount=get_stored('discount'),
        )
        shipping = subscription.currency_id.round(vals.get('shipping_amount') or 0.0)
        return {
            'price_subtotal': untaxed,
            'price_total': total,
            'shipping_total': subscription._add_shipping_taxes(shipping),
        }

    def _check_company(self, fnames=None):
        """Check the lines of a company together; one by one where something does not fit, to say which."""
        for company, lines in self.grouped('company_id').items():
            if not lines._fits_company(company, fnames):
                return super()._check_company(fnames)
        return None

    def _fits_company(self, company, fnames):
        names = self._fields if fnames is None or 'company_id' in fnames else fnames
        for name in names:
            if self._fields[name].relational and self._fields[name].check_company:
                others = self.sudo().with_context(active_test=False)[name]
                domain = others and others._check_company_domain(company)
                if domain and others.filtered_domain(domain) != others:
                    return False
        return True
