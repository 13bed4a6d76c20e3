from odoo import SUPERUSER_ID, models
from odoo.tools import plaintext2html


class ResCompany(models.Model):
    """A company that a job fails in as a whole: the row that tells it, and who is told (``docs/behaviour.md#jobs``)."""

    _inherit = 'res.company'

    def _prepare_continuity_failure_row(self, day, reason):
        """Return the row of a job's preview that tells that the job fails in the company as a whole."""
        self.ensure_one()
        return {
            'res_model': self._name,
            'res_id': self.id,
            'change': self.display_name,
            'date': day,
            'amount': 0.0,
            'skipped': reason,
        }

    def _notify_responsible_of_issue(self, issue):
        """Give the one responsible a to-do, on the company's own address: a job fails in the company as a whole."""
        self.ensure_one()
        user = self._get_continuity_responsible()
        env = self.with_context(lang=user.lang).env
        job = env['continuity.job.run']._get_job_label(issue.job)
        self.partner_id.activity_schedule(
            'continuity_program.mail_activity_type_attention',
            summary=env._("%(job)s failed in %(company)s", job=job, company=self.name),
            note=plaintext2html(issue.reason),
            user_id=user.id,
            continuity_job=f'{issue._get_subject()}.{self.id}',
        )

    def _close_continuity_attention(self, subjects):
        """Close the to-dos about these subjects: the company goes through again."""
        for company in self:
            own = {f'{subject}.{company.id}' for subject in subjects}
            activities = company.sudo().partner_id.activity_ids
            activities.filtered(lambda activity, own=own: activity.continuity_job in own).action_feedback()

    def _get_continuity_responsible(self):
        """Return who looks after the company's jobs: the responsible of its oldest program who still works here, else
        a sales manager of the company, else the administrator."""
        self.ensure_one()
        programs = self.env['continuity.program'].sudo().search([('company_id', '=', self.id)], order='id')
        managers = self.env.ref('sales_team.group_sale_manager').sudo().all_user_ids.sorted('id')
        able = (programs.user_id | managers).filtered(
            lambda user: user.active and user.id != SUPERUSER_ID and self in user.company_ids
        )
        return able[:1] or self.env.ref('base.user_admin')
