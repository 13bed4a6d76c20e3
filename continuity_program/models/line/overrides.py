from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from .line import OVERRIDE_FLAGS


class ContinuityLine(models.Model):
    """What people change in a planned line by hand, and keeping it."""

    _inherit = 'continuity.line'

    @api.model
    def _get_plan_fields(self):
        """Return the fields that users may change while a line is planned."""
        return OVERRIDE_FLAGS.keys() | {'partner_shipping_id', 'subscription_id'}

    def _get_change_refusal(self, vals):
        """Return why the line cannot take the values, or nothing."""
        self.ensure_one()
        if 'subscription_id' in vals and vals['subscription_id'] != self.subscription_id.id:
            return self.env._("%(line)s cannot move to another subscription.", line=self.display_name)
        prepaid = self.subscription_id.bill_upfront and self.subscription_id.state != 'draft'
        if prepaid and {'product_id', 'quantity', 'product_uom_id'} & vals.keys():
            return self.env._(
                "%(line)s is paid in advance: its product and quantity cannot be changed any more.",
                line=self.display_name,
            )
        product = self.env['product.product'].browse(vals.get('product_id') or [])
        if product and not product.active:
            return self._get_archived_text(product)
        if self.replaces_line_id and {'price_unit', 'discount'} & vals.keys():
            return self.env._("%(line)s is sent again free of charge.", line=self.display_name)
        if self.state != 'planned':
            return self.env._(
                "%(line)s is %(state)s and cannot be changed any more.",
                line=self.display_name,
                state=self._get_state_label().lower(),
            )
        day = fields.Date.to_date(vals.get('date_planned'))
        return self._get_past_refusal(day) if day != self.date_planned else None

    def _get_past_refusal(self, day):
        """Return why the line cannot be planned for a day, or nothing: what is past cannot be planned, but by the
        superuser who brings it in from elsewhere.

        :param date day: the day, if any.
        """
        self.ensure_one()
        is_brought_in = self.env.su and not self.company_id._get_continuity_as_of()
        if is_brought_in or not day or day >= self.company_id._get_continuity_today():
            return None
        return self.env._(
            "%(line)s would go out on %(date)s, which is past. Choose today or a later day.",
            line=self.display_name,
            date=format_date(self.env, day),
        )

    def _prepare_override_values(self, vals):
        """Return the flags that keep what ``vals`` changed, and the price of a product put in by hand."""
        self.ensure_one()
        values = {flag: True for name, flag in OVERRIDE_FLAGS.items() if name in vals and self.program_line_id}
        return values | {name: value for name, value in self._prepare_repricing(vals).items() if name not in vals}

    def _prepare_plan_update(self, vals):
        """Return what of the values of a plan made again concerns this line: what was changed by hand stays."""
        kept = {name for name, flag in OVERRIDE_FLAGS.items() if self[flag]}
        if self.is_substituted or self.product_uom_id.id != vals['product_uom_id']:
            kept |= {'product_uom_id', 'price_unit', 'discount', 'tax_ids'}
        return {name: value for name, value in vals.items() if name not in kept and self._differs(name, value)}

    def _differs(self, name, value):
        field = self._fields[name]
        if field.type == 'many2many':
            return self[name].ids != value[0][2]
        return field.convert_to_cache(self[name], self) != field.convert_to_cache(value, self)

    # === ADDED BY HAND === #

    def _complete_added_by_hand(self, vals_list):
        for line, vals in zip(self, vals_list, strict=True):
            reason = line._get_adding_refusal() or line._get_past_refusal(line.date_planned)
            if reason:
                raise UserError(reason)
            line._unguarded()._keep_shipment_together(is_date_changed=False)
            prices = line._prepare_price_values()
            line._unguarded().write({name: prices[name] for name in prices if name not in vals})
        self.subscription_id._update_parent_line()

    def _get_adding_refusal(self):
        """Return why the line cannot be added to its subscription by hand, or nothing."""
        self.ensure_one()
        subscription = self.subscription_id
        if subscription.state in ('done', 'cancelled'):
            return self.env._(
                "%(subscription)s has ended: nothing can be added.", subscription=subscription.display_name
            )
        if subscription.bill_upfront and subscription.state != 'draft':
            return self.env._(
                "%(subscription)s is paid in advance: sell what comes in addition on an order of its own.",
                subscription=subscription.display_name,
            )
        return None
