from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command


class ContinuityInstalments(models.TransientModel):
    """The dialog that changes instalments as they were agreed with the customer: their sum stays."""

    _name = 'continuity.instalments'
    _description = "Change Installments"
    _inherit = ['continuity.dialog.mixin']

    payment_id = fields.Many2one(comodel_name='continuity.payment', required=True, readonly=True)
    currency_id = fields.Many2one(related='payment_id.currency_id', related_sudo=False)
    reason = fields.Char(help="Noted on the subscription and the order.")
    line_ids = fields.One2many(
        comodel_name='continuity.instalments.line',
        inverse_name='wizard_id',
        string="Installments",
        compute='_compute_line_ids',
        compute_sudo=False,
        store=True,
        readonly=False,
    )
    total = fields.Monetary(compute='_compute_total', compute_sudo=False, help="What they come to in all.")
    left = fields.Monetary(
        string="Left to Share", compute='_compute_left', compute_sudo=False, help="To be given to one of them."
    )

    @api.depends('payment_id')
    def _compute_line_ids(self):
        for wizard in self:
            payments = wizard._sudo_of_readable().payment_id._get_agreed_together() if wizard.payment_id else ()
            wizard.line_ids = [
                Command.clear(),
                *(
                    Command.create({'payment_id': payment.id, 'due_date': payment.due_date, 'amount': payment.amount})
                    for payment in payments
                ),
            ]

    @api.depends('line_ids.payment_id')
    def _compute_total(self):
        for wizard in self:
            wizard.total = sum(wizard.line_ids.payment_id.mapped('amount'))

    @api.depends('total', 'line_ids.amount')
    def _compute_left(self):
        for wizard in self:
            left = wizard.total - sum(wizard.line_ids.mapped('amount'))
            wizard.left = wizard.currency_id.round(left) if wizard.currency_id else left

    def action_change(self):
        """Change the instalments.

        :raise UserError: for what cannot be changed so.
        """
        self.ensure_one()
        self.check_access('write')
        (self.payment_id | self.line_ids.payment_id)._check_charge_access()
        if len(self.line_ids.payment_id) < len(self.line_ids):
            raise UserError(self.env._("Each installment has one line."))
        together = self.payment_id.sudo()._get_agreed_together()
        together._change_instalments(
            {line.payment_id.sudo(): (line.due_date, line.amount) for line in self.line_ids}, self.reason
        )
        return {'type': 'ir.actions.act_window_close'}
