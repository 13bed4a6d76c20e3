from odoo import fields, models
from odoo.tools import SQL


class ContinuityRetentionReport(models.Model):
    """How many of those who began reached which shipment (``docs/behaviour.md#reports``).

    One row for each subscription and each cycle, from 0 up to the last one that anybody reached of those who joined the
    same program in the same month.
    """

    _name = 'continuity.retention.report'
    _description = "Continuity Retention"
    _inherit = ['continuity.report.mixin']
    _auto = False
    _rec_name = 'subscription_id'
    _order = 'joined_date, cycle, id'
    _depends = {
        'continuity.line': ['event_number', 'program_id', 'replaces_line_id', 'state', 'subscription_id'],
        'continuity.subscription': [
            'bill_upfront',
            'event_count',
            'joined_date',
            'product_id',
            'program_id',
            'renews_id',
            'state',
        ],
    }

    joined_date = fields.Date(string="Joined On", readonly=True)
    product_id = fields.Many2one(comodel_name='product.product', string="Parent Product", readonly=True)
    event_count = fields.Integer(string="Events Bought", readonly=True, aggregator=None)
    bill_upfront = fields.Boolean(string="Billed in Advance", readonly=True)
    is_renewal = fields.Boolean(string="Renewal", readonly=True)
    cycle = fields.Integer(
        string="Shipment",
        readonly=True,
        aggregator=None,
        help="The first, second, third that was sent. 0: all who began.",
    )
    reached_count = fields.Integer(string="Reached", readonly=True)
    retention = fields.Float(
        string="Retention (%)",
        readonly=True,
        aggregator='avg',
        digits=(5, 1),
        help="Of those who began, how many reached the shipment. Look at it by cycle.",
    )

    @property
    def _table_query(self):
        return SQL(
            """
            SELECT member.id::bigint * 10000 + cycle AS id,
                   member.id AS subscription_id,
                   member.program_id,
                   member.product_id,
                   member.partner_id,
                   member.user_id,
                   member.company_id,
                   member.state AS subscription_state,
                   member.joined_date,
                   member.event_count,
                   member.bill_upfront,
                   member.renews_id IS NOT NULL AS is_renewal,
                   cycle,
                   CASE WHEN member.sent_count >= cycle THEN 1 ELSE 0 END AS reached_count,
                   CASE WHEN member.sent_count >= cycle THEN 100.0 ELSE 0.0 END AS retention
              FROM (
                    SELECT subscription.*,
                           COALESCE(sent.count, 0) AS sent_count,
                           MAX(COALESCE(sent.count, 0)) OVER (
                               PARTITION BY subscription.company_id, subscription.program_id,
                                            DATE_TRUNC('month', subscription.joined_date)
                           ) AS last_cycle
                      FROM continuity_subscription subscription
                 LEFT JOIN (
                            SELECT program_id, subscription_id, COUNT(DISTINCT event_number) AS count
                              FROM continuity_line
                             WHERE state IN ('ordered', 'delivered')
                               AND replaces_line_id IS NULL
                          GROUP BY program_id, subscription_id
                           ) sent
                        ON sent.program_id = subscription.program_id
                       AND sent.subscription_id = subscription.id
                     WHERE subscription.state != 'draft'
                   ) member
        CROSS JOIN GENERATE_SERIES(0, member.last_cycle) AS cycle
            """
        )
