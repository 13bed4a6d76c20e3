from odoo import api, fields, models
from odoo.fields import Command

from ..models.subscription.stopping import Settlement


class ContinuityStop(models.TransientModel):
    """The dialog that stops a subscription: what it means in money, and what becomes of the shipments on their way."""

    _name = 'continuity.stop'
    _description = "Stop a Subscription"
    _inherit = ['continuity.dialog.mixin']

    subscription_id = fields.Many2one(comodel_name='continuity.subscription', required=True, readonly=True)
    seen_key = fields.Char(help="What the subscription was like when the dialog was opened.")
    currency_id = fields.Many2one(related='subscription_id.currency_id', related_sudo=False)
    reason_id = fields.Many2one(comodel_name='continuity.cancel.reason')
    moment = fields.Selection(
        selection=[('now', "Now"), ('after', "After a shipment to come")], string="When", default='now', required=True
    )
    last_number = fields.Integer(
        string="Last Shipment",
        compute='_compute_last_number',
        compute_sudo=False,
        store=True,
        readonly=False,
        help="The number of the last shipment to be sent.",
    )
    commitment_warning = fields.Char(compute='_compute_commitment_warning')
    planned_count = fields.Integer(string="Shipments Not Ordered Yet", compute='_compute_planned_count')
    line_ids = fields.One2many(
        comodel_name='continuity.stop.line',
        inverse_name='wizard_id',
        string="On Their Way",
        compute='_compute_line_ids',
        compute_sudo=False,
        store=True,
        readonly=False,
    )
    to_credit = fields.Monetary(
        compute='_compute_settlement', help="Invoiced and not owed: a credit note is made for it, as a draft."
    )
    to_refund = fields.Monetary(
        compute='_compute_settlement', help="What the customer has paid, of this or beforehand, and does not owe."
    )
    to_pay = fields.Monetary(
        string="Still to Pay", compute='_compute_settlement', help="Delivered, or still going out, and not paid yet."
    )

    @api.depends('subscription_id', 'last_number')
    def _compute_planned_count(self):
        for wizard in self:
            planned = wizard.subscription_id.line_ids._filtered_planned().filtered(
                lambda line, last=wizard.last_number: line.event_number > last
            )
            wizard.planned_count = len(set(planned.mapped('event_number')))

    @api.depends('subscription_id')
    def _compute_line_ids(self):
        for wizard in self:
            sudo = wizard._sudo_of_readable()
            children = sudo.subscription_id._get_unshipped_children().with_env(self.env)._filtered_access('read')
            wizard.line_ids = [
                Command.clear(),
                *(Command.create({'order_id': child.id}) for child in children.sorted('commitment_date')),
            ]

    @api.depends('subscription_id', 'moment')
    def _compute_last_number(self):
        for wizard in self:
            planned = wizard.subscription_id.line_ids._filtered_planned()
            wizard.last_number = min(planned.mapped('event_number'), default=0) if wizard.moment == 'after' else 0

    @api.depends('subscription_id', 'last_number')
    def _compute_commitment_warning(self):
        for wizard in self:
            subscription = wizard.subscription_id
            warning = subscription._get_commitment_refusal(wizard.last_number) if subscription else None
            wizard.commitment_warning = warning

    @api.depends('subscription_id', 'line_ids.is_stopped', 'last_number')
    def _compute_settlement(self):
        for wizard in self._sudo_of_readable():
            settlement = Settlement()
            if wizard.subscription_id:
                settlement = wizard.subscription_id._get_settlement(wizard._get_stopped_orders(), wizard.last_number)
            wizard.to_credit, wizard.to_refund, wizard.to_pay = settlement

    def _get_stopped_orders(self):
        """Return the child orders to stop; one that ends later sends what is ordered."""
        return self.line_ids.filtered(lambda line: line.is_stopped and self.moment == 'now').order_id

    def action_stop(self):
        """Stop the subscription, and the shipments marked; or let it end with a later shipment."""
        self.ensure_one()
        self.check_access('write')
        subscription = self.subscription_id
        subscription.check_access('write')
        subscription._begin_change(self.seen_key or None)
        if self.moment == 'after':
            subscription._stop_after(self.last_number, self.reason_id)
        else:
            subscription._cancel(self.reason_id, self._get_stopped_orders())
        return {'type': 'ir.actions.act_window_close'}
