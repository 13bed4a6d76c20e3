from odoo import fields, models


class ContinuityJobChange(models.Model):
    """What a run changed in one plan."""

    _name = 'continuity.job.change'
    _description = "Continuity Job Change"
    _order = 'run_id desc, id'

    run_id = fields.Many2one(
        comodel_name='continuity.job.run', required=True, readonly=True, index=True, ondelete='cascade'
    )
    company_id = fields.Many2one(comodel_name='res.company', readonly=True)
    subscription_id = fields.Many2one(
        comodel_name='continuity.subscription', readonly=True, index=True, ondelete='cascade'
    )
    order_id = fields.Many2one(related='subscription_id.order_id', string="Parent Order")
    partner_id = fields.Many2one(related='subscription_id.partner_id', string="Customer")
    description = fields.Text(string="What Was Changed", readonly=True)
