from odoo import fields, models
from odoo.tools import SQL


class ContinuityCancellationReport(models.Model):
    """Who left, when and why (``docs/behaviour.md#reports``): one row for each subscription that was stopped, or that
    will end with an agreed shipment."""

    _name = 'continuity.cancellation.report'
    _description = "Continuity Cancellations"
    _inherit = ['continuity.report.mixin']
    _auto = False
    _rec_name = 'subscription_id'
    _order = 'date desc, id'
    _depends = {
        'continuity.line': [
            'cancel_cause',
            'date_planned',
            'event_number',
            'prepaid_amount',
            'price_subtotal',
            'replaces_line_id',
            'state',
        ],
        'continuity.subscription': [
            'bill_upfront',
            'cancel_after_event',
            'cancel_reason_id',
            'joined_date',
            'order_id',
            'product_id',
            'state',
            'stop_date',
        ],
        'sale.order': ['currency_rate'],
    }

    date = fields.Date(
        string="Ends On", readonly=True, help="The day it was stopped, or that of the last shipment agreed."
    )
    cancel_reason_id = fields.Many2one(comodel_name='continuity.cancel.reason', string="Reason", readonly=True)
    product_id = fields.Many2one(comodel_name='product.product', string="Parent Product", readonly=True)
    currency_id = fields.Many2one(comodel_name='res.currency', readonly=True)
    shipment_count = fields.Float(
        string="Shipments Sent",
        readonly=True,
        aggregator='avg',
        digits=(16, 1),
        help="How many the customer got, on average.",
    )
    member_days = fields.Integer(string="Days as a Member", readonly=True, aggregator='avg')
    lost_amount = fields.Monetary(
        string="Not Sent", readonly=True, help="What was planned and is not sent, without taxes."
    )

    @property
    def _table_query(self):
        return SQL(
            """
            SELECT subscription.id,
                   subscription.id AS subscription_id,
                   COALESCE(subscription.stop_date, lines.last_date, subscription.joined_date) AS date,
                   subscription.cancel_reason_id,
                   subscription.state AS subscription_state,
                   subscription.program_id,
                   subscription.product_id,
                   subscription.partner_id,
                   subscription.user_id,
                   subscription.company_id,
                   %(currency)s AS currency_id,
                   lines.sent_count AS shipment_count,
                   GREATEST(
                       COALESCE(subscription.stop_date, lines.last_date, subscription.joined_date)
                       - subscription.joined_date, 0
                   ) AS member_days,
                   %(lost_amount)s AS lost_amount
              FROM continuity_subscription subscription
              JOIN sale_order parent ON parent.id = subscription.order_id
              JOIN %(currency_table)s ON account_currency_table.company_id = subscription.company_id
        CROSS JOIN LATERAL (
                    SELECT COUNT(DISTINCT line.event_number)
                               FILTER (WHERE line.state IN ('ordered', 'delivered')) AS sent_count,
                           MAX(line.date_planned)
                               FILTER (WHERE line.state IN ('planned', 'ordered', 'delivered')) AS last_date,
                           COALESCE(
                               SUM(CASE WHEN subscription.bill_upfront THEN line.prepaid_amount
                                        ELSE line.price_subtotal END)
                               FILTER (WHERE line.cancel_cause = 'stop'), 0
                           ) AS lost
                      FROM continuity_line line
                     WHERE line.subscription_id = subscription.id
                       AND line.replaces_line_id IS NULL
                   ) lines
             WHERE subscription.state = 'cancelled'
                OR (subscription.cancel_after_event > 0 AND subscription.state != 'draft')
            """,
            currency=self._get_company_currency(),
            currency_table=self._get_currency_table(),
            lost_amount=self._convert(SQL("lines.lost"), 'parent'),
        )
