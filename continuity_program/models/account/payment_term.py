from odoo import api, fields, models
from odoo.fields import Command


class AccountPaymentTerm(models.Model):
    """The terms of a bill that is paid in instalments, made of these: paper, portal and electronic invoices read them
    as any others. Bills with the same instalments share them, and nobody is offered them: they are archived."""

    _name = 'account.payment.term'
    _inherit = ['account.payment.term', 'continuity.guard.mixin']

    continuity_key = fields.Char(
        string="Instalments",
        readonly=True,
        copy=False,
        index='btree_not_null',
        help="Made for bills that are paid in these instalments.",
    )

    @api.model
    def _find_or_create_for(self, company, schedules):
        """Return the terms that give each of these schedules.

        :param schedules: for each bill a list of (day, amount, currency).
        :rtype: list[account.payment.term]
        """
        keys = [self._get_continuity_key(schedule) for schedule in schedules]
        terms_sudo = self.sudo().with_context(active_test=False)
        found = terms_sudo.search([('continuity_key', 'in', list(set(keys))), ('company_id', '=', company.id)])
        by_key = {term.continuity_key: term for term in found}
        missing = {key: schedule for key, schedule in zip(keys, schedules, strict=True) if key not in by_key}
        created = terms_sudo.create(
            [self._prepare_continuity_term(company, key, schedule) for key, schedule in missing.items()]
        )
        by_key |= zip(missing, created, strict=True)
        return [by_key[key].sudo(False) for key in keys]

    @api.model
    def _get_continuity_key(self, schedule):
        """Return a schedule in figures that are read alike in every language, by people and by programs."""
        return ', '.join(
            f"{fields.Date.to_string(day)}: {amount:.{currency.decimal_places}f} {currency.name}"
            for day, amount, currency in schedule
        )

    @api.model
    def _prepare_continuity_term(self, company, key, schedule):
        """Return the values of terms: fixed amounts, of which the last one takes what is left."""
        *firsts, (last_day, _amount, _currency) = schedule
        return {
            'name': key,
            # What an invoice by UBL says of the terms; by CII it is the name.
            'note': key,
            'active': False,
            'company_id': company.id,
            'continuity_key': key,
            'line_ids': [
                *(
                    Command.create({'value': 'fixed', 'value_amount': amount, 'nb_days': 0, 'continuity_due_date': day})
                    for day, amount, _currency in firsts
                ),
                Command.create(
                    {'value': 'percent', 'value_amount': 100.0, 'nb_days': 0, 'continuity_due_date': last_day}
                ),
            ],
        }


class AccountPaymentTermLine(models.Model):
    _name = 'account.payment.term.line'
    _inherit = ['account.payment.term.line', 'continuity.guard.mixin']

    continuity_due_date = fields.Date(
        string="Agreed Due Date", readonly=True, help="The day agreed for the instalment, whatever the invoice's date."
    )

    def _get_due_date(self, date_ref):
        return self.continuity_due_date or super()._get_due_date(date_ref)
