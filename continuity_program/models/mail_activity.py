from odoo import fields, models


class MailActivity(models.Model):
    _name = 'mail.activity'
    _inherit = ['mail.activity', 'continuity.guard.mixin']

    #: The continuity job whose failure the activity reports: one open activity per record and job.
    continuity_job = fields.Char(readonly=True, copy=False, index='btree_not_null')
