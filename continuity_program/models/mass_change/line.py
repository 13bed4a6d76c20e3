from typing import NamedTuple

from odoo import models
from odoo.exceptions import UserError
from odoo.fields import Command, Date
from odoo.tools import format_date

from ...domain import schedule
from ...internal_context import Internal
from ..line.taxes import TAXED_FIELDS

#: What each kind of mass change writes, and its undo puts back.
CHANGED_FIELDS = {
    'shift': ('date_planned', 'date_overridden'),
    'substitute': (
        'product_id',
        'product_uom_id',
        'price_unit',
        'discount',
        'tax_ids',
        'is_substituted',
        'price_overridden',
    ),
    'taxes': TAXED_FIELDS,
}
#: Of the first two, what an agent would write by hand; the rest goes with it.
HAND_FIELDS = {'date_planned', 'product_id', 'price_unit', 'discount'}


class LineChange(NamedTuple):
    """What a mass change would make of a planned line."""

    line: 'models.Model'
    #: The values after it, as ``_read_values`` gives them; ``None`` for a line that is left out.
    values: dict | None
    #: Why it is left out.
    reason: str | None


class ContinuityLine(models.Model):
    """Changing many planned lines at once (``docs/behaviour.md#mass-changes``)."""

    _inherit = 'continuity.line'

    def action_change_plans(self):
        """Open the dialog that changes the selected lines."""
        self.check_access('write')
        return self.env['continuity.mass.change']._open({'selected_line_ids': [Command.set(self.ids)]})

    # === VALUES THAT CAN BE KEPT === #

    def _read_values(self, names):
        """Return the line's values of fields as JSON can keep them.

        :rtype: dict
        """
        self.ensure_one()
        return {name: self._read_value(name) for name in names}

    def _read_value(self, name):
        field, value = self._fields[name], self[name]
        if field.type == 'many2many':
            return sorted(value.ids)
        if field.type == 'date':
            return Date.to_string(value)
        return field.convert_to_write(value, self)

    def _has_values(self, values):
        """Whether the line has these values, given as ``_read_values`` gives them."""
        return self._read_values(values) == values

    def _to_write(self, values):
        """Return kept values as ``write`` takes them."""
        return {
            name: [Command.set(value)] if self._fields[name].type == 'many2many' else value
            for name, value in values.items()
        }

    # === WHAT WOULD BECOME OF THE LINES === #

    def _prepare_shifts(self, day=None, days=0):
        """Return what moving the lines makes of each planned line: what leaves together moves together, the lines that
        are not among these too.

        :param day: where the earliest shipment of each subscription goes; the others keep their distance from it.
        :param days: by how much each shipment moves, where no day is given.
        :rtype: list[LineChange]
        """
        changes = []
        lines_of = self.grouped('subscription_id')
        for subscription in self.subscription_id:
            lines = lines_of[subscription]
            planned = lines._filtered_planned(with_resent=True)
            changes += [line._leave_out({'date_planned': line.date_planned}) for line in lines - planned]
            if not planned:
                continue
            offset = (day - min(planned.mapped('date_planned'))).days if day else days
            for shipment in subscription.line_ids._filtered_planned(with_resent=True)._by_shipment():
                if shipment & planned:
                    changes += shipment._prepare_shift(offset)
        return changes

    def _prepare_shift(self, days):
        """Return what moving the lines of one shipment by some days makes of each.

        :rtype: list[LineChange]
        """
        try:
            day = schedule.shift(min(self.mapped('date_planned')), 0, days)
        except schedule.UnreachableDateError:
            reason = self.env._("It would go out beyond the year 9999.")
            return [LineChange(line, None, reason) for line in self]
        values = {'date_planned': Date.to_string(day), 'date_overridden': True}
        return [line._prepare_change(values) for line in self]

    def _prepare_substitutions(self, product, price_rule, price=0.0):
        """Return what sending another product in place of the lines' own makes of each.

        :param str price_rule: ``keep`` the price as it is, that of the order's ``pricelist``, or a ``fixed`` one.
        :param price: the fixed one, in the order's currency and the line's unit.
        :rtype: list[LineChange]
        """
        terms = {}
        changes = []
        for line in self:
            key = line._get_terms_key(product)
            if key not in terms:
                terms[key] = line._get_terms(product, price_rule)
            prices, reason = terms[key]
            if reason:
                changes.append(LineChange(line, None, reason))
            else:
                changes.append(line._prepare_substitution(product, price_rule, price, prices))
        return changes

    def _get_terms_key(self, product):
        """Return all that the price and the taxes of a product sent in place of the line's depend on."""
        return (
            self.subscription_id,
            self.quantity,
            self._get_unit_for(product),
            self.partner_shipping_id,
            self.program_line_id if self.program_line_id.product_id == product else None,
        )

    def _get_terms(self, product, price_rule):
        """Return price, discount and taxes of a product by the order's terms, or only the taxes where the price is not
        asked for; and why there are none, or nothing."""
        if price_rule != 'pricelist':
            return {'tax_ids': [Command.set(self._get_product_taxes(product).ids)]}, None
        try:
            return self._prepare_price_values(product=product), None
        except UserError as error:
            return {}, str(error)

    def _prepare_substitution(self, product, price_rule, price, prices):
        self.ensure_one()
        if self.product_id == product:
            return LineChange(self, None, self.env._("It is this product already."))
        taxes = self.tax_ids.ids if self.taxes_overridden else prices['tax_ids'][0][2]
        return self._prepare_change(
            {
                'product_id': product.id,
                'product_uom_id': self._get_unit_for(product).id,
                'price_unit': {
                    'keep': self.price_unit,
                    'fixed': price,
                    'pricelist': prices.get('price_unit'),
                }[price_rule],
                'discount': prices.get('discount', self.discount),
                'tax_ids': sorted(taxes),
                'is_substituted': True,
                'price_overridden': price_rule != 'pricelist',
            }
        )

    def _prepare_taxes_changes(self):
        """Return what the taxes of today make of each line.

        :rtype: list[LineChange]
        """
        updates, differences = self._prepare_taxes_of_today(), self._get_tax_differences()
        changes = []
        for line in self:
            reason = line._get_taxes_refusal(updates.get(line), differences.get(line, 0.0))
            values = line._read_values(TAXED_FIELDS) | line._read_given(updates.get(line) or {})
            changes.append(LineChange(line, None if reason else values, reason))
        return changes

    def _read_given(self, vals):
        """Return values given as ``write`` takes them as JSON can keep them."""
        return {name: sorted(value[0][2]) if name == 'tax_ids' else value for name, value in vals.items()}

    def _get_taxes_refusal(self, update, difference):
        """Return why the line's taxes stay as they are, or nothing."""
        self.ensure_one()
        if self.subscription_id.bill_upfront:
            return self.env._(
                "It is paid in advance. The taxes of today differ by %(amount)s from those billed.",
                amount=self._format_value('price_unit', difference),
            )
        if self.state != 'planned':
            return self._get_change_refusal({'tax_ids': []})
        return None if update else self.env._("It has the taxes of today already.")

    def _prepare_change(self, values):
        """Return the change of a line to these values, or that it is left out."""
        reason = self._get_mass_change_refusal(values)
        return LineChange(self, None if reason else values, reason)

    def _leave_out(self, vals):
        """Return the change of a line that does not take such values."""
        return LineChange(self, None, self._get_change_refusal(vals))

    def _get_mass_change_refusal(self, values):
        """Return why the line does not take the values of a mass change, or nothing."""
        self.ensure_one()
        reason = self._get_change_refusal(
            {name: values[name] for name in HAND_FIELDS & values.keys() - {'date_planned'}}
        )
        if reason:
            return reason
        if 'price_total' in values:
            return self._get_taxes_refusal(values, 0.0)
        if 'date_planned' in values:
            return self._get_day_refusal(Date.to_date(values['date_planned']))
        product = self.env['product.product'].browse(values['product_id'])
        if not product.filtered_domain(product._check_company_domain(self.company_id)):
            return self.env._("%(product)s belongs to another company.", product=product.display_name)
        return None

    def _get_day_refusal(self, day):
        """Return why the line's shipment does not move to a day, or nothing."""
        if day == self.date_planned:
            return self.env._("It goes out on this day already.")
        if day < self.company_id._get_continuity_today():
            return self.env._("It would go out on %(date)s, which is past.", date=format_date(self.env, day))
        return None

    # === DOING IT === #

    def _change(self, values):
        """Write what a mass change makes of lines of one subscription, by all rules of a change by hand; the parent
        line does not follow yet.

        :raise UserError: for what a change by hand is refused for, and where something else came of it.
        """
        values_to_write = self._to_write(values)
        by_hand = HAND_FIELDS & values.keys() if 'price_total' not in values else set()
        self.with_context(continuity_changing_many=Internal()).write(
            {name: value for name, value in values_to_write.items() if name in by_hand}
        )
        self._unguarded().write({name: value for name, value in values_to_write.items() if name not in by_hand})
        for line in self:
            if not line._has_values(values):
                raise UserError(self.env._("%(line)s would not become what was shown.", line=line.display_name))

    def _put_back(self, values):
        """Write the values the lines had before a mass change."""
        self._unguarded().write(self._to_write(values))
