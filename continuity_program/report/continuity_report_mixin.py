from odoo import fields, models
from odoo.tools import SQL


class ContinuityReportMixin(models.AbstractModel):
    """What the rows of all continuity reports tell of their subscription (``docs/behaviour.md#reports``)."""

    _name = 'continuity.report.mixin'
    _description = "Continuity Report"

    subscription_id = fields.Many2one(comodel_name='continuity.subscription', readonly=True)
    subscription_state = fields.Selection(
        selection=[('running', "Running"), ('paused', "Paused"), ('done', "Done"), ('cancelled', "Cancelled")],
        readonly=True,
    )
    program_id = fields.Many2one(comodel_name='continuity.program', readonly=True)
    partner_id = fields.Many2one(comodel_name='res.partner', string="Customer", readonly=True)
    user_id = fields.Many2one(comodel_name='res.users', string="Salesperson", readonly=True)
    company_id = fields.Many2one(comodel_name='res.company', readonly=True)

    def action_view_subscription(self):
        """Open the subscription of a row."""
        self.ensure_one()
        return self.subscription_id._get_records_action(context={})

    def _get_company_currency(self):
        """Return SQL for the currency in which amounts are told: that of the current company."""
        return SQL("%s", self.env.company.currency_id.id)

    def _get_currency_table(self):
        """Return SQL for the table ``account_currency_table``: the rate from each chosen company's currency to that."""
        return self.env['res.currency']._get_simple_currency_table(self.env.companies)

    def _convert(self, amount, order_alias):
        """Return SQL that turns an amount of an order into the current company's currency, as Odoo's own sales analysis
        does: at the order's rate into its company's currency, then at today's.

        :param SQL amount: in the order's currency.
        :param str order_alias: the alias of ``sale_order`` in the query, which joins the currency table by company.
        """
        rate = SQL.identifier(order_alias, 'currency_rate')
        return SQL("%s / COALESCE(NULLIF(%s, 0), 1) * account_currency_table.rate", amount, rate)
