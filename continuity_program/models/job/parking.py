import logging

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import SQL, plaintext2html

from ..base.isolation import isolate

_logger = logging.getLogger(__name__)


class ContinuityParkingMixin(models.AbstractModel):
    """A record that a job could not process is left out of that job until somebody mends it.

    For models with ``mail.activity.mixin`` and ``company_id``.
    """

    _name = 'continuity.parking.mixin'
    _description = "Continuity Needs Attention Mixin"

    is_parked = fields.Boolean(string="Needs Attention", readonly=True, copy=False, index='btree_not_null')
    park_reason = fields.Text(string="What Is Wrong", readonly=True, copy=False, groups='base.group_user')
    park_job = fields.Char(
        string="Left Out Of",
        readonly=True,
        copy=False,
        help="The jobs that leave this record out, by their codes, until it is mended or retried.",
    )
    park_count = fields.Integer(string="Times Failed", readonly=True, copy=False)
    parked_at = fields.Datetime(readonly=True, copy=False)

    # === PARKING === #

    def _park(self, job, reason):
        """Leave the record out of the job with this code, and tell the one responsible.

        The record's own rules may be what is broken, so it is written past the ORM. Nothing is raised but what the
        database refuses for the moment: another run may just have parked the same record.
        """
        self.ensure_one()
        with isolate(self.env) as outcome:
            self._write_parking(job, reason)
        if outcome.error:
            _logger.error("%s could not be parked in %s", self, job, exc_info=outcome.error)
            return
        # The second time without telling the user by mail: that writes on the record, which may be what fails.
        for record in (self, self.with_context(mail_activity_quick_update=True)):
            with isolate(self.env) as outcome:
                record._schedule_parking_activity(job, reason)
                return
            _logger.info("No activity could be made for %s: %s", self, outcome.error)

    def _write_parking(self, job, reason):
        jobs = sorted(self._get_parked_jobs() | {job})
        self.env.cr.execute(
            SQL(
                """
                UPDATE %s
                   SET is_parked = TRUE, park_reason = %s, park_job = %s, parked_at = NOW() AT TIME ZONE 'UTC',
                       park_count = COALESCE(park_count, 0) + 1
                 WHERE id = %s
                """,
                SQL.identifier(self._table),
                reason,
                ','.join(jobs),
                self.id,
            )
        )
        self.invalidate_recordset(['is_parked', 'park_reason', 'park_job', 'parked_at', 'park_count'], flush=False)

    def _schedule_parking_activity(self, job, reason):
        env = self.with_context(lang=self._get_parking_user().lang).env
        label = env['continuity.job.run']._get_job_label(job)
        self._notify_responsible(job, env._("%(job)s failed", job=label), reason)

    def _notify_responsible(self, subject, summary, reason):
        """Give the one responsible an activity, one open at a time for each subject.

        :param str subject: a job's code, or another short code.
        :param str reason: plain text.
        :return: whether it is news.
        """
        activity = self.activity_ids.filtered(lambda activity: activity.continuity_job == subject)[:1]
        if activity:
            activity.note = plaintext2html(reason)
            return False
        self.sudo().activity_schedule(
            'continuity_program.mail_activity_type_attention',
            summary=summary,
            note=plaintext2html(reason),
            user_id=self._get_parking_user().id,
            continuity_job=subject,
        )
        return True

    def _get_parking_user(self):
        """Return who is told of a failure: the salesperson if active, else the program's responsible."""
        return self.env.user

    # === LEFT OUT FOR A REASON === #

    def _notify_customer_of_issue(self, issue):
        """Tell the customer what he can mend, of a record that a job leaves out."""

    def _notify_responsible_of_issue(self, issue):
        """Give the one responsible a to-do for a record that a job leaves out."""
        issue = issue.with_context(lang=self._get_parking_user().lang)
        self._notify_responsible(issue._get_subject(), issue._get_label(), issue.reason)

    # === BACK INTO THE JOBS === #

    def _unpark(self):
        """Unpark the records, so that jobs take them again; close the activities that tell of their failing."""
        parked = self.sudo().filtered('is_parked')
        jobs_by_record = {record: record._get_parked_jobs() for record in parked}
        parked.write({'is_parked': False, 'park_reason': False, 'park_job': False, 'parked_at': False})
        for record, jobs in jobs_by_record.items():
            record._close_continuity_attention(jobs)
            record.env['continuity.job.issue']._close_failed(jobs, record)

    def _get_parked_jobs(self):
        """Return the codes of the jobs that leave the record out.

        :rtype: set[str]
        """
        return set((self.park_job or '').split(',')) - {''}

    def _close_continuity_attention(self, subjects):
        """Close the open activities about these subjects: what they ask for was done.

        :param subjects: codes of jobs, or what else ``_notify_responsible`` was given.
        """
        self.sudo().activity_ids.filtered(lambda activity: activity.continuity_job in subjects).action_feedback()

    def _retry(self):
        """Unpark records, logged on each."""
        parked = self.filtered('is_parked')
        parked._unpark()
        for record in parked:
            record._message_log(body=self.env._("Taken up again by %(user)s.", user=self.env.user.name))

    def action_retry(self):
        """Unpark the selected records: the jobs that left them out take them again.

        :raise AccessError: for who may not change them.
        """
        self.check_access('write')
        self.sudo()._retry()
        return True

    def _prepare_preview_row(self):
        """Return what every row of a job's preview has: which record it is about, and a place for the rest."""
        self.ensure_one()
        return {
            'res_model': self._name,
            'res_id': self.id,
            'change': self.display_name,
            'amount': 0.0,
            'skipped': False,
        }

    @api.model
    def _get_unparked_domain(self, job):
        """Return the domain of the records that the job with this code may take."""

        def is_unparked(model, alias, query):
            return SQL("%s <> ALL(string_to_array(%s, ','))", job, model._field_to_sql(alias, 'park_job', query))

        return Domain('park_job', '=', False) | Domain.custom(
            to_sql=is_unparked, predicate=lambda record: job not in record._get_parked_jobs()
        )
