from odoo import fields, models
from odoo.tools import SQL


class ContinuityRevenueReport(models.Model):
    """Recurring revenue: what the shipments of a month bring (``docs/behaviour.md#reports``).

    One row for each line that was sent or will be.
    """

    _name = 'continuity.revenue.report'
    _description = "Continuity Recurring Revenue"
    _inherit = ['continuity.report.mixin']
    _auto = False
    _rec_name = 'subscription_id'
    _order = 'date, id'
    _depends = {
        'continuity.line': [
            'child_line_id',
            'date_planned',
            'is_credited',
            'prepaid_amount',
            'price_subtotal',
            'product_id',
            'replaces_line_id',
            'state',
        ],
        'continuity.subscription': ['bill_upfront', 'state'],
        'sale.order': ['currency_rate'],
        'sale.order.line': ['price_subtotal'],
    }

    date = fields.Date(string="Planned For", readonly=True)
    product_id = fields.Many2one(comodel_name='product.product', readonly=True)
    state = fields.Selection(
        selection=[('planned', "Planned"), ('ordered', "Ordered"), ('delivered', "Delivered")], readonly=True
    )
    bill_upfront = fields.Boolean(string="Billed in Advance", readonly=True)
    currency_id = fields.Many2one(comodel_name='res.currency', readonly=True)
    amount = fields.Monetary(
        string="Recurring Revenue",
        readonly=True,
        help="The goods of the shipments, without taxes and shipping costs, in the company's currency.",
    )

    @property
    def _table_query(self):
        amount = SQL(
            """CASE WHEN subscription.bill_upfront THEN line.prepaid_amount
                    ELSE COALESCE(child_line.price_subtotal, line.price_subtotal) END"""
        )
        return SQL(
            """
            SELECT line.id,
                   line.date_planned AS date,
                   line.product_id,
                   line.state,
                   line.subscription_id,
                   subscription.state AS subscription_state,
                   subscription.bill_upfront,
                   line.program_id,
                   line.partner_id,
                   line.user_id,
                   line.company_id,
                   %(currency)s AS currency_id,
                   %(amount)s AS amount
              FROM continuity_line line
              JOIN continuity_subscription subscription ON subscription.id = line.subscription_id
              JOIN sale_order parent ON parent.id = line.order_id
              JOIN %(currency_table)s ON account_currency_table.company_id = line.company_id
         LEFT JOIN sale_order_line child_line ON child_line.id = line.child_line_id
             WHERE line.state IN ('planned', 'ordered', 'delivered')
               AND subscription.state != 'draft'
               AND line.replaces_line_id IS NULL
               AND line.is_credited IS NOT TRUE
            """,
            currency=self._get_company_currency(),
            currency_table=self._get_currency_table(),
            amount=self._convert(SQL("(%s)", amount), 'parent'),
        )
