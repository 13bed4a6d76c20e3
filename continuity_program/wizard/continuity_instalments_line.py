from odoo import fields, models


class ContinuityInstalmentsLine(models.TransientModel):
    """An instalment that is changed by hand."""

    _name = 'continuity.instalments.line'
    _description = "Installment to Change"
    _inherit = ['continuity.dialog.mixin']

    wizard_id = fields.Many2one(comodel_name='continuity.instalments', required=True, ondelete='cascade')
    payment_id = fields.Many2one(comodel_name='continuity.payment', string="Installment", required=True, readonly=True)
    number = fields.Integer(related='payment_id.number', related_sudo=False, string="No.")
    state = fields.Selection(related='payment_id.state', related_sudo=False)
    invoice_id = fields.Many2one(related='payment_id.invoice_id', related_sudo=False)
    currency_id = fields.Many2one(related='payment_id.currency_id', related_sudo=False)
    due_date = fields.Date()
    amount = fields.Monetary()
