from odoo import api, fields, models

#: What a shipment is, when its lines are not all the same: the first of these that one of them is.
SHIPMENT_STATES = ('planned', 'ordered', 'delivered', 'skipped', 'cancelled')
#: Of a long plan, so many shipments are shown: some of the past, and what comes.
MAX_STEPS, MAX_PAST_STEPS = 100, 20


class ContinuitySubscription(models.Model):
    """The timeline of a subscription: what came, what comes next, and what is to come, at a glance."""

    _inherit = 'continuity.subscription'

    timeline = fields.Json(compute='_compute_timeline')

    @api.depends(
        'line_ids.state',
        'line_ids.event_number',
        'line_ids.date_planned',
        'line_ids.product_id',
        'line_ids.quantity',
        'line_ids.partner_shipping_id',
    )
    @api.depends_context('lang')
    def _compute_timeline(self):
        for subscription in self:
            subscription.timeline = subscription._get_timeline_steps()

    def _get_timeline_steps(self):
        """Return the shipments in the order in which they leave.

        :return: dicts with ``number``, ``date`` (ISO), ``state`` and ``label`` (in words), ``text`` (what is in
            it) and ``is_next``: the first one that is on its way or planned. At most ``MAX_STEPS`` around that one.
        :rtype: list[dict]
        """
        self.ensure_one()
        shipments = self.line_ids.filtered('date_planned')._by_shipment()
        steps = sorted(map(self._prepare_timeline_step, shipments), key=lambda step: (step['date'], step['number']))
        following = next(
            (position for position, step in enumerate(steps) if step['state'] in ('planned', 'ordered')), len(steps)
        )
        for position, step in enumerate(steps):
            step['is_next'] = position == following
        begin = max(min(following - MAX_PAST_STEPS, len(steps) - MAX_STEPS), 0)
        return steps[begin : begin + MAX_STEPS]

    def _prepare_timeline_step(self, lines):
        """Return the step of the timeline for the lines of one shipment."""
        line = min(lines, key=lambda line: SHIPMENT_STATES.index(line.state))
        return {
            'number': line.event_number,
            'date': fields.Date.to_string(line.date_planned),
            'state': line.state,
            'label': line._get_state_label(),
            'text': ", ".join(f"{line.quantity:g} × {line.product_id.display_name or ''}" for line in lines),
        }
