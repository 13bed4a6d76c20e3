from odoo import api, fields, models


class ContinuityJobIssue(models.Model):
    """What a job run did not do, and why."""

    _name = 'continuity.job.issue'
    _description = "Continuity Job Issue"
    _order = 'id desc'
    _rec_name = 'reason'

    run_id = fields.Many2one(
        comodel_name='continuity.job.run', required=True, ondelete='cascade', index=True, readonly=True
    )
    company_id = fields.Many2one(comodel_name='res.company', readonly=True)
    job = fields.Selection(related='run_id.job')
    kind = fields.Selection(
        selection=[
            ('failed', "Failed"),
            ('unpaid', "Unpaid"),
            ('unpaid_stopped', "Stopped, unpaid"),
            ('no_token', "No usable card"),
            ('card_expired', "Card expired"),
            ('out_of_stock', "Out of stock"),
            ('not_announced', "Not announced yet"),
            ('no_email', "No email address"),
            ('too_early', "Too early to deliver"),
            ('not_due', "Not due any more"),
            ('pending', "Being decided"),
            ('nothing_left', "Nothing left to charge"),
            ('taken_over', "Taken over by another run"),
            ('not_committed', "Real card, run does not commit"),
            ('locked', "In use by others"),
            ('database', "Refused by the database"),
        ],
        readonly=True,
        help="Failed, or why it was passed over.",
    )
    res_model = fields.Char(string="Model", readonly=True)
    res_id = fields.Many2oneReference(string="Record ID", model_field='res_model', readonly=True)
    res_name = fields.Char(string="Record", compute='_compute_res_name')
    reason = fields.Text(readonly=True)
    count = fields.Integer(readonly=True, default=1, help="How many shipments or records it stands for.")

    @api.depends('res_model', 'res_id')
    def _compute_res_name(self):
        for issue in self:
            record = issue._get_record()
            issue.res_name = record.display_name if record else False

    def _get_record(self):
        """Return the record, or nothing when it is gone or not to be read by the user."""
        self.ensure_one()
        if not self.res_model or self.res_model not in self.env:
            return None
        return self.env[self.res_model].browse(self.res_id).exists()._filtered_access('read')

    def action_open_record(self):
        self.ensure_one()
        self.check_access('read')
        return {
            'type': 'ir.actions.act_window',
            'res_model': self.res_model,
            'res_id': self.res_id,
            'views': [(False, 'form')],
        }
