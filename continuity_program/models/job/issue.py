from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools import SQL


class IssueKind(NamedTuple):
    """What a code means that a job leaves a record out for, and who has to do something about it.

    :ivar label: for people.
    :ivar staff: when the one responsible gets a to-do: ``'once'`` the first night, ``'waiting'`` after as many nights
        as the company says (``continuity_waiting_nights``), ``None`` never: it passes by itself, or is told elsewhere.
    :ivar tells_customer: the customer can mend it, and is told the first night.
    """

    label: str
    staff: str | None = 'waiting'
    tells_customer: bool = False


class ContinuityJobIssue(models.Model):
    """Why a job leaves a record out: one row as long as that lasts, moved to the latest run that met it."""

    _name = 'continuity.job.issue'
    _description = "Continuity Job Issue"
    _order = 'id desc'
    _rec_name = 'reason'

    run_id = fields.Many2one(
        comodel_name='continuity.job.run',
        string="Latest Run",
        required=True,
        ondelete='cascade',
        index=True,
        readonly=True,
    )
    run_ids = fields.Many2many(
        comodel_name='continuity.job.run',
        relation='continuity_job_issue_run_rel',
        column1='issue_id',
        column2='run_id',
        string="Runs",
        readonly=True,
    )
    company_id = fields.Many2one(comodel_name='res.company', readonly=True)
    job = fields.Selection(related='run_id.job', store=True)
    kind = fields.Selection(
        selection='_selection_kind', required=True, readonly=True, help="Failed, or why it was passed over."
    )
    res_model = fields.Char(string="Model", readonly=True)
    res_id = fields.Many2oneReference(string="Record ID", model_field='res_model', readonly=True)
    res_name = fields.Char(string="Record", compute='_compute_res_name')
    reason = fields.Text(readonly=True)
    count = fields.Integer(readonly=True, default=1, help="How many shipments or records the latest run left out.")
    is_open = fields.Boolean(readonly=True, help="The latest run that met the record left it out.")
    first_date = fields.Date(string="Since", readonly=True)
    last_date = fields.Date(string="Until", readonly=True)
    night_count = fields.Integer(string="Nights", readonly=True, default=1, help="On how many days it was left out.")
    told_date = fields.Date(string="To-Do Since", readonly=True)
    customer_told_date = fields.Date(string="Customer Told On", readonly=True)

    _open_idx = models.UniqueIndex("(job, res_model, res_id, kind) WHERE is_open")

    # === THE KINDS === #

    @api.model
    def _get_kinds(self):
        """Return what the codes mean that jobs leave records out for. Extend it with the codes of your own; one that is
        not in it shows itself.

        :rtype: dict[str, IssueKind]
        """
        return {
            # Parking tells it.
            'failed': IssueKind(self.env._("Failed"), staff=None),
            'unpaid': IssueKind(self.env._("Unpaid"), tells_customer=True),
            # Stopping tells it.
            'unpaid_stopped': IssueKind(self.env._("Stopped, unpaid"), staff=None),
            'no_token': IssueKind(self.env._("No usable card"), staff='once', tells_customer=True),
            'card_expired': IssueKind(self.env._("Card expired"), staff='once', tells_customer=True),
            'out_of_stock': IssueKind(self.env._("Out of stock")),
            'not_announced': IssueKind(self.env._("Not announced yet")),
            'no_email': IssueKind(self.env._("No email address"), staff='once'),
            'too_early': IssueKind(self.env._("Too early to deliver"), staff=None),
            'bill_waits': IssueKind(self.env._("Bill posted later"), staff=None),
            'not_due': IssueKind(self.env._("Not due any more"), staff=None),
            'pending': IssueKind(self.env._("Being decided")),
            'nothing_left': IssueKind(self.env._("Nothing left to charge")),
            'taken_over': IssueKind(self.env._("Taken over by another run"), staff=None),
            'not_committed': IssueKind(self.env._("Real card, run does not commit"), staff=None),
            'locked': IssueKind(self.env._("In use by others")),
            'database': IssueKind(self.env._("Refused by the database")),
        }

    @api.model
    def _selection_kind(self):
        """Return the labels of all codes; those of addons that did not register them are found in the log."""
        labels = {code: kind.label for code, kind in self._get_kinds().items()}
        self.env.cr.execute(SQL("SELECT DISTINCT kind FROM continuity_job_issue WHERE kind IS NOT NULL ORDER BY kind"))
        return list({**{code: code for (code,) in self.env.cr.fetchall()}, **labels}.items())

    # === THE RECORD === #

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

    # === WRITING IT DOWN === #

    @api.model
    def _note(self, run, company, day, left_out):
        """Write down what a run left out: what was left out before goes on, what is new begins.

        :param date day: the day the run works for.
        :param list left_out: (record, kind, reason, count) of each.
        :return: the issues.
        """
        rows = {}
        for record, kind, reason, count in left_out:
            row = rows.setdefault((record._name, record.id, kind), {'reasons': {}, 'count': 0})
            row['reasons'][reason] = True
            row['count'] += count
        if not rows:
            return self.browse()
        # In one order, so that two runs never wait for each other.
        values = [
            SQL("(%s, %s, %s, %s, %s)", model, res_id, kind, '\n'.join(row['reasons']), row['count'])
            for (model, res_id, kind), row in sorted(rows.items())
        ]
        self.env.flush_all()
        self.env.cr.execute(self._get_note_query(run, company, day, values))
        issues = self.browse(row[0] for row in self.env.cr.fetchall())
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO continuity_job_issue_run_rel (issue_id, run_id)
                SELECT unnest(%s), %s
                    ON CONFLICT DO NOTHING
                """,
                issues.ids,
                run.id,
            )
        )
        self.invalidate_model(flush=False)
        run.invalidate_recordset(['issue_ids'], flush=False)
        return issues

    @api.model
    def _get_note_query(self, run, company, day, values):
        """Met again by the same run, it counts more; by another run of the same day, it is no other night."""
        return SQL(
            """
            INSERT INTO continuity_job_issue AS issue (
                   run_id, company_id, job, res_model, res_id, kind, reason, count, is_open, first_date, last_date,
                   night_count, create_uid, write_uid, create_date, write_date)
            SELECT %(run)s, %(company)s, %(job)s, row.*, TRUE, %(day)s, %(day)s,
                   1, %(uid)s, %(uid)s, NOW() AT TIME ZONE 'UTC', NOW() AT TIME ZONE 'UTC'
              FROM (VALUES %(values)s) AS row
                ON CONFLICT (job, res_model, res_id, kind) WHERE is_open
                DO UPDATE
               SET count = EXCLUDED.count + CASE WHEN issue.run_id = EXCLUDED.run_id THEN issue.count ELSE 0 END,
                   night_count = issue.night_count + (EXCLUDED.last_date > issue.last_date)::int,
                   last_date = GREATEST(issue.last_date, EXCLUDED.last_date),
                   run_id = EXCLUDED.run_id, company_id = EXCLUDED.company_id, reason = EXCLUDED.reason,
                   write_uid = EXCLUDED.write_uid, write_date = EXCLUDED.write_date
            RETURNING id
            """,
            run=run.id,
            company=company.id,
            job=run.job,
            day=day,
            uid=self.env.uid,
            values=SQL(", ").join(values),
        )

    def _close_met(self, job, records):
        """Close what else was left out of records that a job has now gone through: all but these issues."""
        self._close(
            SQL(
                "job = %s AND res_model = %s AND res_id = ANY(%s) AND id <> ALL(%s)",
                job,
                records._name,
                records.ids,
                self.ids,
            )
        )

    @api.model
    def _close_all(self, job):
        """Close what a job left out that finds nothing to do in any company: what failed on a record is left out until
        mended."""
        self._close(SQL("job = %s AND (kind <> 'failed' OR res_model = 'res.company')", job))

    @api.model
    def _close_failed(self, jobs, record):
        """Close that these jobs failed on a record: it was mended."""
        self._close(
            SQL(
                "kind = 'failed' AND job = ANY(%s) AND res_model = %s AND res_id = %s",
                list(jobs),
                record._name,
                record.id,
            )
        )

    @api.model
    def _close_unmet(self, run, company):
        """Close what a run over all the company's records did not meet again; what failed is left out until mended."""
        self._close(
            SQL(
                "job = %s AND company_id = %s AND run_id <> %s AND kind <> 'failed'",
                run.job,
                company.id,
                run.id,
            )
        )

    @api.model
    def _close(self, condition):
        """Close open issues, and the to-dos made of them."""
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                "UPDATE continuity_job_issue SET is_open = FALSE WHERE is_open AND %s RETURNING id, told_date",
                condition,
            )
        )
        closed = self.env.cr.fetchall()
        if not closed:
            return
        self.invalidate_model(['is_open'], flush=False)
        for issue in self.browse(issue_id for issue_id, told_date in closed if told_date):
            record = issue._get_record()
            if record:
                record._close_continuity_attention({issue._get_subject()})

    # === TELLING IT === #

    def _get_subject(self):
        """Return by what its to-do is known among those of the record."""
        self.ensure_one()
        return f'{self.job}.{self.kind}'

    def _get_untold(self):
        """Return the issues that somebody has to know of by now, and does not."""
        kinds = self._get_kinds()
        return self.filtered(
            lambda issue: issue._is_for_customer(kinds.get(issue.kind)) or issue._is_for_staff(kinds.get(issue.kind))
        )

    def _is_for_customer(self, kind):
        return bool(kind and kind.tells_customer and not self.customer_told_date)

    def _is_for_staff(self, kind):
        if self.told_date:
            return False
        if self.res_model == 'res.company':
            return True
        staff = kind.staff if kind else 'waiting'
        nights = self.company_id.continuity_waiting_nights
        return staff == 'once' or (staff == 'waiting' and bool(nights) and self.night_count >= nights)

    def _tell(self, day):
        """Tell the customer and the one responsible what they have to know, each once for what lasts."""
        self.ensure_one()
        kind, record = self._get_kinds().get(self.kind), self._get_record()
        is_for_customer, is_for_staff = self._is_for_customer(kind), self._is_for_staff(kind)
        if not record:
            return
        if is_for_customer:
            self.customer_told_date = day
            record._notify_customer_of_issue(self)
        if is_for_staff:
            self.told_date = day
            record._notify_responsible_of_issue(self)

    def _get_label(self):
        """Return what its kind is called, in the language of the environment."""
        self.ensure_one()
        kind = self._get_kinds().get(self.kind)
        return kind.label if kind else self.kind
