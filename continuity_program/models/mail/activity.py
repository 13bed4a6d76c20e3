from odoo import fields, models


class MailActivity(models.Model):
    _name = 'mail.activity'
    _inherit = ['mail.activity', 'continuity.guard.mixin']

    #: What the activity is about: the continuity job that failed, or another short code. One is open per record and
    #: subject, see ``_notify_responsible``.
    continuity_job = fields.Char(readonly=True, copy=False, index='btree_not_null')
