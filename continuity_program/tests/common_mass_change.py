from odoo.fields import Command

from .common import ContinuityCase


class MassChangeCase(ContinuityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = cls._create_program(4)
        cls.weekly = cls._create_program(
            [{'product_id': cls.books[0].id, 'interval_unit': 'week', 'repeat_count': 3}], name="Weekly"
        )
        cls.other_tax = cls.env['account.tax'].create({'name': "Tax 21%", 'amount': 21.0, 'type_tax_use': 'sale'})
        cls.atlas = cls._create_product("Atlas", 50.0, taxes_id=[Command.set(cls.other_tax.ids)])

    def _open(self, records, on=None, user=None, **criteria):
        """Return the dialog that a user opens on subscriptions or planned lines, with what he asks for."""
        env = self.env(user=user, su=False) if user else self._as_of(on)
        action = records.with_env(env).action_change_plans()
        wizard = env['continuity.mass.change'].browse(action['res_id'])
        wizard.write(criteria)
        return wizard

    def _preview(self, records, **kwargs):
        """Return what the preview shows as a list of (customer's shipment no., before, after, left out because)."""
        wizard = self._open(records, **kwargs)
        wizard.action_preview()
        return [(row.event_number, row.before, row.after, row.reason) for row in wizard.line_ids]

    def _change(self, records, **kwargs):
        """Preview and apply a change, and return its log."""
        wizard = self._open(records, **kwargs)
        wizard.action_preview()
        return self._apply(wizard)

    def _apply(self, wizard):
        action = wizard.action_apply()
        domain = action.get('domain') or [('id', '=', action['res_id'])]
        return wizard.env['continuity.plan.change'].search(domain)

    def _shift(self, records, days, **kwargs):
        return self._change(records, kind='shift', days=days, **kwargs)

    def _shift_to(self, records, date_text, **kwargs):
        return self._change(records, kind='shift', shift_mode='date', date_to=date_text, **kwargs)

    def _substitute(self, records, old, new, price_rule='keep', **kwargs):
        return self._change(
            records, kind='substitute', product_from_id=old.id, product_to_id=new.id, price_rule=price_rule, **kwargs
        )

    def _read_all(self, records):
        """Return all stored values of records, but who wrote them and when, and which payments a quotation plans."""
        self.env.flush_all()
        self.env.invalidate_all()
        names = [
            name
            for name, field in records._fields.items()
            if field.store and name not in ('write_date', 'write_uid', 'message_ids', 'payment_ids')
        ]
        return records.sudo().read(names)

    def _get_reasons(self, change):
        return [(row.event_number, row.state, row.reason or '') for row in change.line_ids]
