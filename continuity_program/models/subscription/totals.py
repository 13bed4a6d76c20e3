from odoo import api, fields, models
from odoo.fields import Domain


class ContinuitySubscription(models.Model):
    """What the plan comes to: its next day, how many shipments, which amounts; whether it waits for new events."""

    _inherit = 'continuity.subscription'

    open_occurrence_count = fields.Integer(
        compute='_compute_next_date',
        store=True,
        help="Planned occurrences, not yet ordered, of the last event in the plan.",
    )
    next_date = fields.Date(string="Next Shipment", compute='_compute_next_date', store=True)
    shipment_count = fields.Integer(
        string="Shipments", compute='_compute_totals', store=True, help="How many in all. 0: until cancelled."
    )
    amount_per_shipment = fields.Monetary(
        string="Per Shipment", compute='_compute_totals', store=True, help="The next shipment's goods, taxes included."
    )
    amount_planned = fields.Monetary(
        string="Still Planned",
        compute='_compute_totals',
        store=True,
        help="Not ordered yet, taxes and shipping included.",
    )
    amount_total = fields.Monetary(
        string="Total",
        compute='_compute_totals',
        store=True,
        help="The whole plan so far, taxes and shipping included.",
    )
    is_waiting = fields.Boolean(
        string="Waiting for New Events",
        compute='_compute_is_waiting',
        search='_search_is_waiting',
        help="Everything planned is ordered, and the program will get more events.",
    )

    # === COMPUTE METHODS === #

    @api.depends('state', 'line_ids.state', 'line_ids.date_planned')
    def _compute_next_date(self):
        planned = self.env['continuity.line']._read_group(
            [('subscription_id', 'in', self.ids), ('state', '=', 'planned')],
            groupby=['subscription_id', 'program_event_number'],
            aggregates=['date_planned:min', 'occurrence:count_distinct'],
        )
        next_date, open_count = {}, {}
        for subscription, event, date, count in planned:
            next_date[subscription.id] = min(date, next_date.get(subscription.id, date))
            # What was added by hand, or is sent again, is no occurrence of an event.
            if event:
                open_count[subscription.id] = max((event, count), open_count.get(subscription.id, (0, 0)))
        for subscription in self:
            subscription.next_date = next_date.get(subscription.id, False)
            subscription.open_occurrence_count = open_count.get(subscription.id, (0, 0))[1]

    @api.depends(
        'line_ids.state',
        'line_ids.event_number',
        'line_ids.price_total',
        'line_ids.shipping_total',
        'occurrences_left',
        'bill_upfront',
        'order_line_id.price_total',
        'shipping_line_ids.price_total',
        'order_id.amount_untaxed',
        'discount_on_first',
        'promotion_discount',
        'promotion_count',
        'taken_off_line_ids.price_total',
        'taken_off_line_ids.state',
    )
    def _compute_totals(self):
        for subscription in self:
            lines = subscription.line_ids._filtered_active()
            planned = lines._filtered_planned()
            next_number = min((planned or lines).mapped('event_number'), default=0)
            subscription.shipment_count = (
                0
                if subscription.occurrences_left < 0
                else len(set(lines.mapped('event_number'))) + subscription.occurrences_left
            )
            subscription.amount_per_shipment = sum(
                lines.filtered(lambda line: line.event_number == next_number).mapped('price_total')
            )
            subscription.amount_planned = subscription._sum_boxes(planned)
            subscription.amount_total = (
                subscription._get_plan_total() if subscription.bill_upfront else subscription._sum_boxes(lines)
            )

    def _sum_boxes(self, lines):
        """Return what the shipments of these lines cost, taxes and shipping included, less what is taken off them."""
        self.ensure_one()
        shipments = lines.sorted('event_number')._by_shipment()
        return sum(line.price_total + line.shipping_total for line in lines) - sum(self._get_box_reductions(shipments))

    @api.depends('state', 'next_date', 'is_end_planned', 'program_id.open_ended', 'program_id.active')
    def _compute_is_waiting(self):
        waiting = self.filtered_domain(self._get_waiting_domain())
        waiting.is_waiting = True
        (self - waiting).is_waiting = False

    def _search_is_waiting(self, operator, value):
        if operator != 'in':
            return NotImplemented
        return self._get_waiting_domain() if True in value else ~self._get_waiting_domain()

    @api.model
    def _get_waiting_domain(self):
        return (
            Domain('state', '=', 'running')
            & Domain('next_date', '=', False)
            & Domain('occurrences_left', '=', 0)
            & Domain('is_end_planned', '=', False)
            & (Domain('event_count', '=', 0) | Domain('missing_event_count', '>', 0))
            & Domain('program_id.open_ended', '=', True)
            & Domain('program_id.active', '=', True)
        )
