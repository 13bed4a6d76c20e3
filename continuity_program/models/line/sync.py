from typing import NamedTuple

from odoo import models
from odoo.tools import format_amount, format_date

from .line import OVERRIDE_FLAGS

#: What of a planned line is its price.
PRICE_FIELDS = {'price_unit', 'discount', 'tax_ids', 'is_event_price'}
#: What of a plan that is paid in advance follows the program.
PREPAID_FIELDS = {
    'product_id',
    'product_uom_id',
    'carrier_id',
    'date_planned',
    'date_scheduled',
    'program_event_number',
}
#: What people are told of, the most important first, and what such a change is called.
TOLD_FIELDS = {
    'product_id': 'substituted',
    'date_planned': 'redated',
    'quantity': 'changed',
    'price_unit': 'repriced',
    'discount': 'repriced',
    'shipping_amount': 'repriced',
    'carrier_id': 'changed',
    'payment_term_id': 'changed',
}


class Change(NamedTuple):
    """One difference between a program and a plan that was sold of it."""

    #: added, removed, restored, substituted, repriced, retaxed, redated, changed, renumbered; kept (was changed by
    #: hand), exception (is paid in advance).
    kind: str
    #: What people are told; nothing where it does not concern them.
    text: str
    #: The line concerned, a ``continuity.line``; empty for one that is added.
    line: models.BaseModel
    #: What is written on it, or the values of the new line.
    vals: dict
    date: object = None
    amount: float = 0.0


class ContinuityLine(models.Model):
    """What a changed program means for a planned line (``docs/behaviour.md#synchronising``)."""

    _inherit = 'continuity.line'

    def _get_sync_changes(self, vals, get_priced):
        """Return what follows for the line from the values that its program gives it now.

        :param vals: those values, without the price.
        :param get_priced: returns them with it; most lines keep the price they have, and need none.
        :rtype: list[Change]
        """
        self.ensure_one()
        vals, update = self._prepare_sync_update(vals, get_priced)
        changes = self._get_kept_changes(vals, update)
        if self.subscription_id.bill_upfront:
            changes += self._get_exceptions(vals, update)
            update = {name: value for name, value in update.items() if name in PREPAID_FIELDS}
        if self.state == 'cancelled':
            text = self.env._("Back in the program: %(line)s", line=self._get_whole_text())
            back = self._prepare_restoration(vals, update)
            return [*changes, Change('restored', text, self, back, vals['date_planned'], self.price_total)]
        return changes + self._get_update_changes(update)

    def _prepare_restoration(self, vals, update):
        """Return what brings a line back that the program took away; the shipment that it was put into may be gone.

        :param vals: the values that its program gives it now.
        :param update: what of them the line takes over.
        """
        return {
            **update,
            'is_cancelled': False,
            'cancel_cause': False,
            'skip_reason': False,
            'event_number': vals['event_number'],
            'shipment_overridden': False,
        }

    def _prepare_sync_update(self, vals, get_priced):
        """Return the values of the line by its program, the price among them where it follows that, and what of them
        the line takes over."""
        update = self._prepare_plan_update(vals)
        if vals['date_scheduled'] == self.date_scheduled or self.shipment_overridden:
            update.pop('date_planned', None)
        if not self._is_repriced(vals, update):
            update.pop('is_event_price', None)
            return vals, update
        vals = get_priced()
        repriced = {name: value for name, value in self._prepare_plan_update(vals).items() if name in PRICE_FIELDS}
        return vals, update | repriced

    def _is_repriced(self, vals, update):
        """Whether the line takes the program's price of today: an event's own price is followed, a price list's is
        fixed when ordered, unless the program names another day from which new prices hold. They are taken once: what
        the price list says later is for new customers."""
        if {'product_id', 'quantity', 'product_uom_id'} & update.keys() or self.subscription_id.price_per_event:
            return True
        start = self.program_id.new_price_date
        if start and update.get('date_planned', self.date_planned) < start:
            return False
        is_rise = start and start != self.subscription_id.new_price_date
        return bool(is_rise or self.is_event_price or vals['is_event_price'])

    def _get_update_changes(self, update):
        """Return what is written on the line, named after the most important of it."""
        if not update:
            return []
        told = [name for name in TOLD_FIELDS if name in update]
        if not told:
            return [Change('renumbered', '', self, update)]
        text = self._get_sync_text(', '.join(self._get_step(name, update[name]) for name in told))
        date = update.get('date_planned', self.date_planned)
        return [Change(TOLD_FIELDS[told[0]], text, self, update, date, self.price_total)]

    def _get_kept_changes(self, vals, update):
        """Return what the line keeps although the program is different: it was changed by hand."""
        kept = [
            name
            for name, flag in OVERRIDE_FLAGS.items()
            if self[flag] and name in vals and name not in update and name in TOLD_FIELDS
        ]
        if vals['date_scheduled'] == self.date_scheduled and 'date_planned' in kept:
            kept.remove('date_planned')
        if 'price_unit' in kept and not self._is_repriced(vals, {}):
            kept = [name for name in kept if name not in PRICE_FIELDS]
        return [
            Change(
                'kept',
                self._get_sync_text(
                    self.env._("%(field)s was changed by hand and stays", field=self._get_label(name)),
                ),
                self,
                {},
                self.date_planned,
                self.price_total,
            )
            for name in kept
            if self._differs(name, vals[name])
        ]

    def _get_exceptions(self, vals, update):
        """Return what a plan that is paid in advance does not follow; takes it out of the update."""
        refused = [name for name in TOLD_FIELDS if name in update and name not in PREPAID_FIELDS]
        if 'product_id' in update and self.tax_ids.ids != vals['tax_ids'][0][2]:
            refused.append('product_id')
            update.pop('product_id')
            update.pop('product_uom_id', None)
        elif 'product_id' in update:
            refused = [name for name in refused if name not in PRICE_FIELDS]
        return [
            Change(
                'exception',
                self._get_sync_text(
                    self.env._("paid in advance, so its %(field)s stays", field=self._get_label(name)),
                ),
                self,
                {},
                self.date_planned,
                self.price_total,
            )
            for name in refused
        ]

    def _get_tax_changes(self, changes):
        """Return what the taxes of today change on lines that get no new price anyway.

        :param changes: what else follows for them from the program.
        :rtype: list[Change]
        """
        repriced = {change.line for change in changes if PRICE_FIELDS & change.vals.keys()}
        lines = self.filtered(lambda line: line not in repriced)
        updates = lines._prepare_taxes_of_today()
        told = [line._get_tax_change(values) for line, values in updates.items() if values]
        return told + [
            line._get_tax_exception(difference)
            for line, difference in lines._get_tax_differences().items()
            if line.currency_id.compare_amounts(difference, line.tax_difference)
        ]

    def _get_tax_change(self, values):
        text = self._get_sync_text(self._get_taxes_text(values))
        return Change('retaxed', text, self, values, self.date_planned, values.get('price_total', self.price_total))

    def _get_tax_exception(self, difference):
        text = self._get_sync_text(
            self.env._(
                "paid in advance, and its taxes of today differ by %(amount)s from those billed",
                amount=self._format_value('price_unit', difference),
            )
        )
        return Change('exception', text, self, {}, self.date_planned, difference)

    def _get_removal(self):
        """Return the change of a line that the program does not send any more."""
        self.ensure_one()
        if self.subscription_id.bill_upfront:
            text = self.env._("Still sent, paid in advance: %(line)s", line=self._get_whole_text())
            return Change('exception', text, self, {}, self.date_planned, self.price_total)
        vals = {'is_cancelled': True, 'cancel_cause': 'program', 'skip_reason': self.env._("No longer in the program")}
        text = self.env._("Removed: %(line)s", line=self._get_whole_text())
        return Change('removed', text, self, vals, self.date_planned, self.price_total)

    # === WORDS === #

    def _get_sync_text(self, what):
        """Return in words what happens to the line."""
        return self.env._(
            "Shipment %(number)s, %(product)s: %(what)s",
            number=self.event_number,
            product=self.product_id.display_name,
            what=what,
        )

    def _get_whole_text(self):
        """Return the line in words."""
        return self.env._(
            "shipment %(number)s, %(date)s, %(quantity)s × %(product)s",
            number=self.event_number,
            date=format_date(self.env, self.date_planned),
            quantity=f"{self.quantity:g}",
            product=self.product_id.display_name,
        )

    def _get_label(self, name):
        return self._fields[name].get_description(self.env)['string']

    def _get_step(self, name, value):
        """Return in words what a field becomes."""
        before = self._format_value(name, self[name])
        after = self._format_value(name, self._fields[name].convert_to_cache(value, self))
        if name in ('product_id', 'date_planned'):
            return self.env._("%(before)s → %(after)s", before=before, after=after)
        return self.env._("%(field)s %(before)s → %(after)s", field=self._get_label(name), before=before, after=after)

    def _format_value(self, name, value):
        field = self._fields[name]
        if field.type == 'many2one':
            record = self.env[field.comodel_name].browse(value if isinstance(value, int) else value and value.id)
            return record.display_name or self.env._("none")
        if field.type == 'date':
            return format_date(self.env, value)
        if name in ('price_unit', 'shipping_amount'):
            return format_amount(self.env, value, self.currency_id)
        return f"{value:g}"
