from odoo import fields, models
from odoo.tools import format_amount


class ContinuityJobWizardLine(models.TransientModel):
    """One thing a job would do."""

    _name = 'continuity.job.wizard.line'
    _description = "Continuity Job Preview Line"
    _inherit = ['continuity.dialog.mixin']

    wizard_id = fields.Many2one(comodel_name='continuity.job.wizard', required=True, ondelete='cascade', index=True)
    res_model = fields.Char()
    res_id = fields.Many2oneReference(model_field='res_model')
    subscription_id = fields.Many2one(comodel_name='continuity.subscription')
    order_id = fields.Many2one(comodel_name='sale.order', string="Parent Order")
    partner_id = fields.Many2one(related='subscription_id.partner_id', related_sudo=False)
    currency_id = fields.Many2one(related='subscription_id.currency_id', related_sudo=False)
    effect = fields.Selection(
        string="Kind",
        selection=[
            ('order', "Child Order"),
            ('charged_order', "Child Order Charged at Once"),
            ('charge', "Charge"),
            ('bill', "Invoice"),
        ],
    )
    change = fields.Text()
    date = fields.Date()
    amount = fields.Monetary()
    skipped = fields.Text(string="Left Out Because")

    def _get_figures(self):
        """Return how many these are, and what they come to in each currency."""
        amounts = (
            format_amount(self.env, sum(lines.mapped('amount')), currency)
            for currency, lines in self.filtered('currency_id').grouped('currency_id').items()
        )
        return ' · '.join([str(len(self)), *amounts])
