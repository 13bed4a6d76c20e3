from odoo import fields, models


class QueueJob(models.Model):
    _name = 'queue.job'
    _inherit = ['queue.job', 'continuity.guard.mixin']

    continuity_run_id = fields.Many2one(
        comodel_name='continuity.job.run',
        string="Continuity Job Run",
        ondelete='set null',
        index='btree_not_null',
        readonly=True,
    )
