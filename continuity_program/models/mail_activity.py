from odoo import fields, models


class MailActivity(models.Model):
    _inherit = 'mail.activity'

    #: The continuity job whose failure the activity reports: one open activity per record and job.
    continuity_job = fields.Char(readonly=True, copy=False, index='btree_not_null')
