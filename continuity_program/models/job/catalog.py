from odoo import api, models
from odoo.exceptions import UserError

from .job import Job


class ContinuityJobRun(models.Model):
    """Which jobs there are (``docs/behaviour.md#jobs``); what a job is, ``Job`` tells."""

    _inherit = 'continuity.job.run'

    @api.model
    def _get_jobs(self):
        """Return the jobs by their codes.

        :rtype: dict[str, Job]
        """
        return {
            'sync': Job('continuity.subscription'),
            'extend': Job('continuity.subscription'),
            'update_events': Job('continuity.program'),
            'announce': Job('continuity.subscription'),
            'create_orders': Job('continuity.subscription', order='next_date', limit_field='continuity_orders_per_run'),
            'process_payments': Job('continuity.payment'),
            'close': Job('continuity.subscription'),
        }

    @api.model
    def _get_job_labels(self):
        return {
            'sync': self.env._("Update sold plans"),
            'extend': self.env._("Extend plans"),
            'update_events': self.env._("Update current events"),
            'announce': self.env._("Tell customers what is coming"),
            'create_orders': self.env._("Create child orders"),
            'process_payments': self.env._("Process payments"),
            'close': self.env._("Close finished subscriptions"),
        }

    @api.model
    def _selection_job(self):
        return [(code, self._get_job_label(code)) for code in self._get_jobs()]

    @api.model
    def _get_job_label(self, code):
        return self._get_job_labels().get(code, code)

    @api.model
    def _get_job(self, code):
        """:raise UserError: for a code that is none."""
        jobs = self._get_jobs()
        if code not in jobs:
            raise UserError(
                self.env._(
                    "There is no continuity job %(code)s. The jobs are: %(codes)s.", code=code, codes=', '.join(jobs)
                )
            )
        return jobs[code]
