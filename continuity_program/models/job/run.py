from collections import defaultdict
from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_date

from ...domain import sanity
from .progress import Scope

#: Runs older than this are removed by the autovacuum.
KEPT_FOR = timedelta(days=180)
#: A run started by hand that wrote nothing for so long was killed.
SILENT_FOR = timedelta(hours=1)


class ContinuityJobRun(models.Model):
    """One run of one job: what it is asked to do, and what came of it (``docs/behaviour.md#jobs``)."""

    _name = 'continuity.job.run'
    _description = "Continuity Job Run"
    _order = 'id desc'

    job = fields.Selection(selection='_selection_job', required=True, readonly=True, index=True)
    state = fields.Selection(
        selection=[
            ('running', "Running"),
            ('waiting', "To be continued"),
            ('done', "Done"),
            ('stopped', "Stopped"),
        ],
        default='running',
        required=True,
        readonly=True,
        help="Stopped: the run ended before its work did. The next run takes up what it left.",
    )
    is_scheduled = fields.Boolean(string="Scheduled", readonly=True)
    as_of = fields.Date(readonly=True, help="The day it worked for. Empty: each company's own day.")
    criteria = fields.Char(readonly=True, help="The domain it was restricted to.")
    company_ids = fields.Many2many(comodel_name='res.company', readonly=True)
    user_id = fields.Many2one(comodel_name='res.users', string="Started By", readonly=True)
    date_start = fields.Datetime(string="Started", default=fields.Datetime.now, readonly=True)
    date_end = fields.Datetime(string="Ended", readonly=True)
    duration = fields.Float(string="Duration (s)", compute='_compute_duration', store=True, digits=(12, 1))
    rate = fields.Float(string="Done per Second", compute='_compute_duration', store=True, aggregator='avg')
    selected_count = fields.Integer(string="Selected", readonly=True)
    done_count = fields.Integer(string="Done", readonly=True)
    skipped_count = fields.Integer(string="Skipped", readonly=True)
    failed_count = fields.Integer(string="Failed", readonly=True)
    issue_ids = fields.Many2many(
        comodel_name='continuity.job.issue',
        relation='continuity_job_issue_run_rel',
        column1='run_id',
        column2='issue_id',
        readonly=True,
    )
    change_ids = fields.One2many(comodel_name='continuity.job.change', inverse_name='run_id', readonly=True)
    #: How far it came, by the id of the company: see ``Progress``.
    progress = fields.Json(readonly=True)

    # === COMPUTE METHODS === #

    @api.depends('date_start', 'date_end', 'done_count')
    def _compute_duration(self):
        for run in self:
            seconds = (run.date_end - run.date_start).total_seconds() if run.date_end else 0.0
            run.duration = seconds
            run.rate = run.done_count / max(seconds, 1.0)

    @api.depends('job', 'date_start')
    @api.depends_context('lang')
    def _compute_display_name(self):
        for run in self:
            day = run.as_of or (run.date_start or fields.Datetime.now()).date()
            run.display_name = f"{self._get_job_label(run.job)} {format_date(self.env, day)}"

    # === RUNNING A JOB === #

    @api.model
    def _execute(self, job, as_of=None, domain=None, limit=None, commit=None, wait=True):
        """Run a job and return its log.

        :param str job: code of the job.
        :param date | str | None as_of: the day to work for; each company's own day when not given.
        :param domain: which of the job's records to take, among those that are candidates.
        :param int | None limit: the most to do, in the unit the job counts in.
        :param bool | None commit: commit after each batch; when not given, only in a scheduled action.
        :param bool wait: the caller needs what came of it; otherwise others may go on with the run.
        :return: the run, with its counts and issues.
        :rtype: continuity.job.run
        :raise AccessError: where the caller may not do by hand what the job does; not for the superuser.
        :raise UserError: for what is no day, and for a day to come; the latter not for the superuser.
        """
        as_of = self._read_day(as_of)
        self._check_criteria(job, domain)
        self._check_may_run(job, as_of)
        run = self._as_superuser()._create_run(job, self.env, as_of=as_of, domain=domain)
        commit = bool(self.env.context.get('cron_id')) if commit is None else commit
        run._dispatch(domain, limit, commit, wait)
        return self.browse(run.id)

    @api.model
    def _cron_run(self, job):
        """Run a job as its scheduled action: go on with a run that time cut off, or begin one if there is work."""
        engine = self._as_superuser()
        open_runs = engine.search(
            [('job', '=', job), ('is_scheduled', '=', True), ('state', 'in', ('running', 'waiting'))]
        )
        # The scheduled action's own lock tells that no other process is at work on these.
        left = open_runs.filtered(lambda run: run.state == 'running')._stop_killed()
        run = open_runs.filtered(lambda run: run.state == 'waiting')[:1]
        if not run:
            if not left and not engine._has_candidates(job):
                engine._try_to_log(engine.env['continuity.job.issue']._close_all, job)
                return
            run = engine._create_run(job, self.env, is_scheduled=True)
        run._take_over(left)
        run._dispatch(commit=True)

    @api.model
    def _wake(self, job, records):
        """Trigger the scheduled action of a job, if any of the records is something for it.

        :param records: of the job's model; whatever the user may do with them.
        """
        engine = self._as_superuser()
        for company, part in records.sudo().grouped('company_id').items():
            as_of = company.with_env(records.env)._get_continuity_as_of()
            if engine._has_candidates_in(job, company, as_of, Domain('id', 'in', part.ids)):
                self._trigger_cron(job)
                return

    @api.model
    def _trigger_cron(self, job, at=None):
        """Trigger the scheduled action of a job, now or at a time: there is something for it."""
        cron = self.env.ref(f'continuity_program.ir_cron_{job}', raise_if_not_found=False)
        if cron:
            cron.sudo()._trigger(at)

    # === WHAT IS ASKED FOR === #

    @api.model
    def _read_day(self, as_of):
        """Return the day a job is to work for, or nothing.

        :raise UserError: for what is no day, or lies beyond all plans.
        """
        if not as_of:
            return None
        if sanity.find_day_fault(as_of):
            raise UserError(
                self.env._(
                    "A job cannot run for %(as_of)s. Enter a day from 2000 to 2200, written as 2027-01-31.",
                    as_of=str(as_of)[:40],
                )
            )
        return sanity.read_day(as_of)

    @api.model
    def _check_may_run(self, job, as_of):
        """Look at what the caller may, before the engine goes on as the superuser.

        :raise AccessError: for a job that does more than the caller may do by hand.
        :raise UserError: for a day to come: the job would charge, bill and send what is not due.
        """
        if self.env.su:
            return
        check_access = getattr(self.env[self._get_job(job).model], f'_job_{job}_check_access', None)
        if check_access:
            check_access()
        asked = max(filter(None, (as_of, self._read_day(self.env.context.get('continuity_as_of')))), default=None)
        today = min(company.sudo()._get_continuity_today() for company in self._get_companies(self.env))
        if asked and asked > today:
            raise UserError(
                self.env._(
                    "%(job)s cannot run for %(as_of)s, which is to come: today is %(today)s. Choose Preview to see "
                    "what it will do then.",
                    job=self._get_job_label(job),
                    as_of=format_date(self.env, asked),
                    today=format_date(self.env, today),
                )
            )

    @api.model
    def _check_criteria(self, job, domain):
        """:raise ValueError: for what is no domain on the job's records: that is the caller's fault, no company's."""
        Domain(domain or Domain.TRUE).validate(self.env[self._get_job(job).model].sudo())

    @api.model
    def _get_companies(self, env):
        """Return the companies to work for: all for the superuser, else those the user has chosen."""
        if env.uid == SUPERUSER_ID:
            return self.env['res.company'].search([('active', '=', True)])
        return self.env['res.company'].browse(env.companies.ids)

    @api.model
    def _as_superuser(self):
        """Return the model as the superuser, without anything of the user that could change what a job does."""
        kept = {
            key: value
            for key, value in self.env.context.items()
            if key.startswith(('cron_', 'ir_cron_')) or key == 'lastcall'
        }
        return self.with_env(self.env(user=SUPERUSER_ID, su=True, context=kept))

    # === BEGINNING A RUN, OR GOING ON WITH ONE === #

    @api.model
    def _create_run(self, job, env, as_of=None, domain=None, is_scheduled=False):
        self._get_job(job)
        companies = self._get_companies(env)
        left = self._stop_silent_runs(job, companies)
        run = self._create_log(
            {
                'job': job,
                'as_of': as_of,
                'criteria': str(domain) if domain else False,
                'is_scheduled': is_scheduled,
                'company_ids': companies.ids,
                'user_id': env.uid,
                'progress': {},
            }
        )
        run._take_over(left)
        return run

    @api.model
    def _stop_silent_runs(self, job, companies):
        """Stop the killed runs of these companies alone: the new run does what they left."""
        runs = self.search(
            [
                ('job', '=', job),
                ('state', '=', 'running'),
                ('is_scheduled', '=', False),
                ('write_date', '<', fields.Datetime.now() - SILENT_FOR),
            ]
        )
        return runs.filtered(lambda run: run.company_ids <= companies)._stop_killed()

    def _stop_killed(self):
        """Write down that nobody is at work on these any more; return what their last batches deferred.

        :rtype: dict[res.company, list[int]]
        """
        self._finish('stopped')
        left = defaultdict(list)
        for run in self:
            for company in run.company_ids:
                progress = run._read_progress(company)
                if progress.deferred_ids:
                    left[company] += progress.deferred_ids
                    progress.deferred_ids = []
                    run._keep_progress(Scope(company, progress))
        return left

    def _take_over(self, left):
        """Add what killed runs deferred to what this one does."""
        for company, ids in left.items():
            progress = self._read_progress(company)
            progress.deferred_ids += ids
            self._keep_progress(Scope(company, progress))

    # === CLEANING UP === #

    @api.autovacuum
    def _gc_runs(self):
        self.search([('date_start', '<', fields.Datetime.now() - KEPT_FOR)], limit=1000).unlink()
