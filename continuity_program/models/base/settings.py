from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = 'res.config.settings'

    continuity_lead_days = fields.Integer(related='company_id.continuity_lead_days', readonly=False)
    continuity_delivery_days = fields.Integer(related='company_id.continuity_delivery_days', readonly=False)
    continuity_bill_lead_days = fields.Integer(related='company_id.continuity_bill_lead_days', readonly=False)
    continuity_repeat_threshold = fields.Integer(related='company_id.continuity_repeat_threshold', readonly=False)
    continuity_orders_per_run = fields.Integer(related='company_id.continuity_orders_per_run', readonly=False)
    continuity_charge_moment = fields.Selection(related='company_id.continuity_charge_moment', readonly=False)
    continuity_revenue_journal_id = fields.Many2one(related='company_id.continuity_revenue_journal_id', readonly=False)
    continuity_autoconfirm = fields.Boolean(related='company_id.continuity_autoconfirm', readonly=False)
    continuity_retry_limit = fields.Integer(related='company_id.continuity_retry_limit', readonly=False)
    continuity_retry_days = fields.Integer(related='company_id.continuity_retry_days', readonly=False)
    continuity_mail_bills = fields.Boolean(related='company_id.continuity_mail_bills', readonly=False)
    continuity_mail_plan = fields.Boolean(related='company_id.continuity_mail_plan', readonly=False)
    continuity_mail_changes = fields.Boolean(related='company_id.continuity_mail_changes', readonly=False)
    continuity_mail_end = fields.Boolean(related='company_id.continuity_mail_end', readonly=False)
    continuity_mail_card_days = fields.Integer(related='company_id.continuity_mail_card_days', readonly=False)
    continuity_mail_waiting = fields.Boolean(related='company_id.continuity_mail_waiting', readonly=False)
    continuity_waiting_nights = fields.Integer(related='company_id.continuity_waiting_nights', readonly=False)
