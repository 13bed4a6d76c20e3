import logging
import sys
import threading
from collections import defaultdict
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import NamedTuple

from psycopg2 import Error as DatabaseError
from psycopg2 import IntegrityError, InterfaceError, OperationalError

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import RedirectWarning, UserError
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import format_date

from ...domain import sanity
from ...internal_context import Internal
from ..base.automatic import AUTOMATIC

_logger = logging.getLogger(__name__)

#: Records worked on in one savepoint and, in commit mode, one transaction.
BATCH_SIZE = 100
#: How often a batch is tried when the database refuses it for the moment.
MAX_TRIES = 4
#: What is no record's fault: the database is busy, or gone (the second is what psycopg2 says then).
TRANSIENT_DB_ERRORS = (OperationalError, InterfaceError)
#: Runs older than this are removed by the autovacuum.
KEPT_FOR = timedelta(days=180)
#: A run started by hand that wrote nothing for so long was killed.
SILENT_FOR = timedelta(hours=1)


@contextmanager
def _quiet_retries():
    """Keep the queries out of the server's log that fail by concurrency: Odoo logs them as errors, before anybody can
    know that they are tried again. They are no errors, and the engine tells of each."""
    thread = threading.get_ident()

    def is_news(_record):
        return threading.get_ident() != thread or not isinstance(sys.exc_info()[1], PG_CONCURRENCY_EXCEPTIONS_TO_RETRY)

    logger = logging.getLogger('odoo.sql_db')
    logger.addFilter(is_news)
    try:
        yield
    finally:
        logger.removeFilter(is_news)


def read_refusal(record, refusal):
    """Return why a record is left out as a code and a text, or nothing: an addon may have told it.

    :param refusal: nothing, or what unpacks as a code and a text.
    :raise UserError: for anything else.
    """
    if not refusal:
        return None
    try:
        code, text = refusal
    except (TypeError, ValueError):
        code = text = None
    if not isinstance(code, str) or not code.strip() or not text:
        raise UserError(
            record.env._(
                "A reason to leave out %(record)s has to be a code and a text, not %(refusal)s. Look at the addon that "
                "gives it.",
                record=record.display_name,
                refusal=repr(refusal),
            )
        )
    return code.strip(), str(text)


class Job(NamedTuple):
    """One of the scheduled jobs. What it works on is told by methods of its model, named after its code:

    ``_job_CODE_domain(as_of)``: the records to take, for the company of the environment.
    ``_job_CODE_process(batch)``: does the work on ``self`` and writes into the ``JobBatch`` what became of it.
    ``_job_CODE_preview(batch)``: the same without writing; yields dicts.
    ``_job_CODE_weigh(batch)``: how much the records count, where that is not one each.
    ``_job_CODE_singles(batch)``: which of the records make their own steps last, where some do: they are run one by
    one, in commit mode without a savepoint.
    ``_job_CODE_prepare(batch)``: does beforehand, of all these together, what does not need that. It may count as done
    what has nothing left to do then.
    ``_job_CODE_check_access()``: raises where the user may not do by hand what the job does; where there is none, who
    may start jobs may start this one.
    ``_job_CODE_afterwards(ids)``: does what the batch left until it lasts, see ``JobBatch.afterwards``.
    """

    model: str
    #: Field, besides the id, by which the oldest come first; it leaves its place once a record is done.
    order: str = 'id'
    #: Company field with the most one scheduled run does.
    limit_field: str | None = None


class JobBatch:
    """What a job is given besides its records, and what it says became of them.

    :ivar as_of: the day it works for.
    :ivar limit: the most it may do, ``None`` = all.
    :ivar until: in a limited run, do only what is dated up to this day (``None`` = all); what a record has due later is
        met again, after the older ones of others.
    :ivar holds_over: what others hold is met again at the end of the run, and not left out yet.
    :ivar held_ids: the records that were held.
    :ivar done: what it did, in the unit the job counts in.
    :ivar skipped: list of (record, kind, reason, count) left out for a reason that may pass.
    :ivar failed: list of (record, reason, count) that raised.
    :ivar changes: list of (subscription, text) of what was changed, for jobs that tell it.
    :ivar stock: what is free of each product looked at, by (warehouse, product), less what the batch has taken of it.
    :ivar met: the records it was given, where it went through all of them.
    :ivar afterwards: in commit mode, ids of what the job's ``_job_CODE_afterwards`` is called for once the batch lasts:
        what would keep other batches waiting. It is called again after a kill.
    """

    def __init__(self, as_of, limit=None, until=None, holds_over=False):
        self.as_of = as_of
        self.limit = limit
        self.until = until
        self.holds_over = holds_over
        self.held_ids = []
        self.done = 0
        self.skipped = []
        self.failed = []
        self.changes = []
        self.stock = {}
        self.afterwards = []
        self.met = None

    def begin_part(self, limit=None):
        """Return a batch under the same terms, to be added once it went through."""
        return JobBatch(self.as_of, limit, self.until, self.holds_over)

    def skip(self, record, kind, reason, count=1):
        """Leave a record out; ``kind`` is a short code, ``reason`` is for people.

        :raise UserError: for what is no code and text.
        """
        kind, reason = read_refusal(record, (kind, reason))
        self.skipped.append((record, kind, reason, count))

    def change(self, subscription, text):
        """Tell what was changed on a subscription."""
        self.changes.append((subscription, text))

    def fail(self, record, reason, count):
        self.failed.append((record, reason, count))

    def add(self, other):
        """Take over what another batch did."""
        self.done += other.done
        self.skipped += other.skipped
        self.failed += other.failed
        self.changes += other.changes
        self.afterwards += other.afterwards
        self.held_ids += other.held_ids

    @property
    def counts(self):
        """What a log adds up, by the names of its fields."""
        skipped, failed = (sum(count for *_rest, count in left) for left in (self.skipped, self.failed))
        return {
            'selected_count': self.done + skipped + failed,
            'done_count': self.done,
            'skipped_count': skipped,
            'failed_count': failed,
        }


class ContinuityJobRun(models.Model):
    """One run of one job, and the engine that all jobs share (``docs/behaviour.md#jobs``)."""

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
    #: How far it came: {company id: {'after': [order value, id], 'done': n, 'held': ids, 'afterwards': ids}}.
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

    # === THE JOBS === #

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
        labels = self._get_job_labels()
        return [(code, labels[code]) for code in self._get_jobs()]

    @api.model
    def _get_job_label(self, code):
        return self._get_job_labels().get(code, code)

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
        begin = run._work if wait else run._dispatch
        begin(
            criteria=domain,
            limit=limit,
            commit=bool(self.env.context.get('cron_id')) if commit is None else commit,
        )
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
    def _preview(self, job, as_of=None, domain=None, limit=None):
        """Return what ``_execute`` would do, writing nothing. What would fail is there with the reason.

        :return: dicts with ``subscription_id``, ``order_id``, ``change``, ``date``, ``amount``…, by date; those with a
            ``group`` by that first.
        :rtype: list[dict]
        """
        rows = []
        as_of = self._read_day(as_of)
        engine = self._as_superuser()
        engine._check_criteria(job, domain)
        for company in engine._get_companies(self.env):
            rows += engine._preview_company(job, company, as_of, domain, limit)
        rows.sort(key=lambda row: (row.get('group', 0), row['date']))
        if limit:
            done = [row for row in rows if not row.get('skipped')][:limit]
            rows = [row for row in rows if row.get('skipped') or row in done]
        return rows

    @api.model
    def _preview_company(self, job, company, as_of, domain, limit):
        """Return the rows of a company, or one that tells what it fails at as a whole."""
        rows = []
        try:
            with self.env.cr.savepoint():
                model, day, candidates = self._get_work(job, company, as_of, domain)
                order = self._get_job(job).order if limit else 'id'
                records = model.search(candidates, order=self._get_order(order))
                # A limited run goes by date over all records, others batch by batch.
                size = max(len(records), 1) if limit else BATCH_SIZE
                batch = JobBatch(day)
                for start in range(0, len(records), size):
                    rows += self._preview_records(job, records[start : start + size], batch)
                return rows
        except TRANSIENT_DB_ERRORS:
            raise
        except Exception as error:
            return [company._prepare_continuity_failure_row(self._get_day(company, as_of), self._explain(error))]

    @api.model
    def _preview_records(self, job, records, batch):
        """Return the rows of a batch: of all records together and, if that fails, one by one, as they are run."""
        stock = dict(batch.stock)
        try:
            with self.env.cr.savepoint():
                return getattr(records, f'_job_{job}_preview')(batch)
        except TRANSIENT_DB_ERRORS:
            raise
        except Exception as error:
            batch.stock = stock
            if len(records) > 1:
                return [row for record in records for row in self._preview_records(job, record, batch)]
            return [{**records._prepare_preview_row(), 'date': batch.as_of, 'skipped': self._explain(error)}]

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
    def _as_superuser(self):
        """Return the model as the superuser, without anything of the user that could change what a job does."""
        kept = {
            key: value
            for key, value in self.env.context.items()
            if key.startswith(('cron_', 'ir_cron_')) or key == 'lastcall'
        }
        return self.with_env(self.env(user=SUPERUSER_ID, su=True, context=kept))

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
        """Write down that nobody is at work on these any more; return what their last batches left to do afterwards.

        :rtype: dict[res.company, list[int]]
        """
        self._finish('stopped')
        left = defaultdict(list)
        for run in self:
            for company in run.company_ids:
                place = run._get_place(company)
                if place['afterwards']:
                    left[company] += place['afterwards']
                    run._keep_place(company, {**place, 'afterwards': []})
        return left

    def _take_over(self, left):
        """Let the run do what killed ones left to do afterwards."""
        for company, ids in left.items():
            place = self._get_place(company)
            self._keep_place(company, {**place, 'afterwards': [*place['afterwards'], *ids]})

    @api.model
    def _get_work(self, job, company, as_of=None, criteria=None, commit=False):
        """Return the job's model in a company, the day to work for and the domain of the candidates."""
        definition = self._get_job(job)
        model = self.env[definition.model].with_context(
            allowed_company_ids=company.ids,
            tz=company.partner_id.tz,
            **AUTOMATIC,
            continuity_as_of=as_of and fields.Date.to_string(fields.Date.to_date(as_of)),
            continuity_commit=Internal() if commit else None,
        )
        day = model.env.company._get_continuity_today()
        candidates = (
            Domain('company_id', '=', company.id)
            & model._get_unparked_domain(job)
            & getattr(model, f'_job_{job}_domain')(day)
            & Domain(criteria or Domain.TRUE)
        )
        return model, day, candidates

    @api.model
    def _has_candidates(self, job):
        return any(self._has_candidates_in(job, company) for company in self._get_companies(self.env))

    @api.model
    def _has_candidates_in(self, job, company, as_of=None, criteria=None):
        """Whether a company has something to do: also to tell that it cannot find out."""
        try:
            with self.env.cr.savepoint():
                model, _day, candidates = self._get_work(job, company, as_of, criteria)
                return bool(model.search(candidates, limit=1))
        except TRANSIENT_DB_ERRORS:
            raise
        except Exception as error:
            _logger.info("%s cannot look for work in %s: %s", job, company.name, error)
            return True

    # === THE ENGINE === #

    def _dispatch(self, criteria=None, limit=None, commit=False):
        """Have the work of the run done: here and now, unless an addon has others do it."""
        self._work(criteria, limit, commit)

    def _work(self, criteria=None, limit=None, commit=False):
        """Do the work of the run, company by company, and write down how it ended."""
        self.ensure_one()
        self._write_log({'state': 'running'})
        self._checkpoint(commit, remaining=self._count_candidates(criteria) if commit else None)
        for company in self.company_ids:
            if not self._try_company(company, criteria, limit, commit):
                self._finish('waiting')
                # Whatever was counted: the scheduled action has to come back to find the end.
                self._checkpoint(commit, remaining=1)
                return
        self._finish('done')
        self._checkpoint(commit, remaining=0)

    def _finish(self, state):
        if state == 'done':
            self._try_to_log(self._close_unmet)
        self._write_log({'state': state, 'date_end': fields.Datetime.now()})

    def _close_unmet(self):
        """Close what a run over everything did not meet again: there is nothing to be done for it any more."""
        issues = self.env['continuity.job.issue']
        for run in self.filtered(lambda run: run.is_scheduled and not run.criteria):
            failed = run.issue_ids.filtered(lambda issue: issue.res_model == 'res.company').company_id
            for company in run.company_ids - failed:
                if run._get_limit(company) is None:
                    issues._close_unmet(run, company)

    def _checkpoint(self, commit, processed=0, remaining=None):
        """Make the work so far last, in commit mode; return the seconds left for the run (0 = stop)."""
        if commit:
            return self.env['ir.cron']._commit_progress(processed, remaining=remaining)
        self.env.flush_all()
        return float('inf')

    def _count_candidates(self, criteria):
        return sum(self._count_candidates_in(company, criteria) for company in self.company_ids)

    def _count_candidates_in(self, company, criteria):
        try:
            with self.env.cr.savepoint():
                model, _day, candidates = self._get_work(self.job, company, self.as_of, criteria)
                return model.search_count(candidates)
        except TRANSIENT_DB_ERRORS:
            raise
        except Exception as error:
            # It fails, and is told, when its turn comes.
            _logger.info("%s cannot count its work in %s: %s", self.job, company.name, error)
            return 0

    def _try_company(self, company, criteria, limit, commit):
        """Do a company's work, or write down that it fails as a whole; return whether it came to the end."""
        return self._isolate(company, commit, self._work_for_company, company, criteria, limit, commit)

    def _isolate(self, company, commit, work, *args):
        """Do what one company needs; where that fails, it costs no other company anything.

        Without commits nothing of it stays, in commit mode what lasted before.

        :return: what the work returns; ``True`` where it failed.
        """
        try:
            with nullcontext() if commit else self.env.cr.savepoint():
                result = work(*args)
                self._try_to_log(self.env['continuity.job.issue']._close_met, self.job, company)
                return result
        except TRANSIENT_DB_ERRORS:
            raise
        except Exception as error:
            if commit:
                self.env.cr.rollback()
            _logger.warning("%s of %s failed", self.job, company.name, exc_info=error)
            batch = JobBatch(self._get_day(company, self.as_of))
            batch.fail(company, self._explain(error), 1)
            self._log_batch(company, self._get_place(company), batch)
            self._checkpoint(commit)
            return True

    @api.model
    def _get_day(self, company, as_of=None):
        """Return the day that is worked for in a company."""
        try:
            return as_of or company.with_context(continuity_as_of=None)._get_continuity_today()
        except Exception:
            # Its own time zone may be what is wrong with it.
            return fields.Date.today()

    def _work_for_company(self, company, criteria, limit, commit):
        """Take the company's candidates batch by batch; return whether it came to the end."""
        model, day, candidates = self._get_work(self.job, company, self.as_of, criteria, commit)
        limit = self._get_limit(company, limit)
        # Only a limit makes the order matter; by id, what is skipped in part is not met a second time.
        order = 'id' if limit is None else self._get_job(self.job).order
        place = self._get_place(company)
        self._do_afterwards(company, place, commit)
        size = self._get_batch_size()
        while limit is None or place['done'] < limit:
            records = model.search(
                candidates & self._get_domain_after(order, place['after']),
                order=self._get_order(order),
                limit=size,
            )
            is_last = len(records) < size
            reached = records[-1:][order] if order != 'id' else False
            batch = JobBatch(
                day,
                limit=None if limit is None else limit - place['done'],
                until=None if is_last else reached or None,
                # In one transaction, what was held once is never seen otherwise.
                holds_over=commit,
            )
            if records:
                place['after'] = [fields.Date.to_string(reached), records[-1:].id]
                if not self._work_on_batch(company, place, records, candidates, batch, commit):
                    return False
            if is_last:
                break
        return self._work_on_held(company, place, model, candidates, JobBatch(day, limit), commit)

    def _work_on_held(self, company, place, model, candidates, terms, commit):
        """Take what others held when its turn came, unless they have done it since; return whether it came to the end.

        What they still hold is left to the next run.
        """
        size, limit = self._get_batch_size(), terms.limit
        while place['held'] and (limit is None or place['done'] < limit):
            records = model.browse(place['held'][:size]).exists()
            place['held'] = place['held'][size:]
            batch = terms.begin_part(limit=None if limit is None else limit - place['done'])
            if not self._work_on_batch(company, place, records, candidates, batch, commit):
                return False
        return True

    def _get_batch_size(self):
        return BATCH_SIZE

    def _get_limit(self, company, limit=None):
        """Return the most that the run may do in a company, or nothing."""
        field = self._get_job(self.job).limit_field
        if limit is None and self.is_scheduled and field:
            return company[field] or None
        return limit

    def _work_on_batch(self, company, place, records, candidates, batch, commit):
        """Process a batch, log it and make it last; return the seconds left for the run.

        What comes singly is logged by itself: it makes the others last before it has come to its own end.
        """
        singles = self._get_singles(records, batch)
        if singles and singles != records:
            self._work_on_part(company, place, records - singles, candidates, batch, commit)
            records, batch = singles, batch.begin_part()
        return self._work_on_part(company, place, records, candidates, batch, commit)

    def _work_on_part(self, company, place, records, candidates, batch, commit):
        """Process records, log them and make it last; return the seconds left for the run.

        Where the database keeps refusing the batch, its records are taken one by one, so that one that is locked costs
        only itself.
        """
        error = self._try_batch(records, candidates, batch, commit)
        if error and len(records) > 1:
            for record in records:
                if batch.limit is not None and batch.done >= batch.limit:
                    break
                single = batch.begin_part(limit=batch.limit and batch.limit - batch.done)
                time_left = self._work_on_batch(company, place, record, candidates, single, commit)
                batch.done += single.done
            return time_left
        if error:
            kind = 'locked' if isinstance(error, PG_CONCURRENCY_EXCEPTIONS_TO_RETRY) else 'database'
            batch.skip(records, kind, self._explain(error), self._weigh(records, batch))
        place['done'] += batch.done
        place['held'] += batch.held_ids
        place['afterwards'] += batch.afterwards
        if batch.limit is None or batch.done < batch.limit:
            batch.met = records.browse(set(records.ids) - set(batch.held_ids))
        self._log_batch(company, place, batch)
        time_left = self._checkpoint(commit, processed=len(records))
        self._do_afterwards(company, place, commit)
        return time_left

    def _do_afterwards(self, company, place, commit):
        """Do what follows the batches; in commit mode, again when the database refuses it for the moment, and else
        after the next batch."""
        if not place['afterwards']:
            return
        model, _day, _candidates = self._get_work(self.job, company, self.as_of)
        for attempt in range(1, MAX_TRIES + 1):
            try:
                with _quiet_retries():
                    getattr(model, f'_job_{self.job}_afterwards')(place['afterwards'])
                    self._keep_place(company, {**place, 'afterwards': []})
                    self._checkpoint(commit)
                place['afterwards'] = []
                return
            except TRANSIENT_DB_ERRORS as error:
                if not commit or self.env.cr.connection.closed:
                    raise
                self.env.cr.rollback()
                _logger.info("%s: try %s of what follows a batch: %s", self.job, attempt, error)

    @api.model
    def _get_order(self, order):
        return 'id' if order == 'id' else f'{order}, id'

    @api.model
    def _get_domain_after(self, order, after):
        """Return the domain of what comes after the last record taken: skipped ones are not met again."""
        if not after:
            return Domain.TRUE
        value, last_id = after
        if order == 'id':
            return Domain('id', '>', last_id)
        return Domain(order, '>', value) | (Domain(order, '=', value) & Domain('id', '>', last_id))

    def _try_batch(self, records, candidates, batch, commit):
        """Process a batch; in commit mode, again from the start when the database refuses it for the moment.

        :return: what the database said the last time, or nothing when it went through.
        """
        for attempt in range(1, MAX_TRIES + 1):
            trial = batch.begin_part(batch.limit)
            try:
                with _quiet_retries():
                    self._process(records, candidates, trial, commit)
            except TRANSIENT_DB_ERRORS as error:
                if not commit or self.env.cr.connection.closed:
                    raise
                self.env.cr.rollback()
                _logger.info("%s: try %s of a batch of %s: %s", self.job, attempt, len(records), error)
                refusal = error
            else:
                batch.add(trial)
                return None
        return refusal

    def _process(self, records, candidates, batch, commit=False):
        """Process records that come singly, or such that do not."""
        if self._get_singles(records, batch):
            self._prepare_singles(records, candidates, batch)
            # One that fails rolls back its own steps only.
            self._checkpoint(commit)
            self._process_singly(records, candidates, batch, commit)
        else:
            self._process_together(records, candidates, batch, commit)

    def _get_singles(self, records, batch):
        """Return the records that make their own steps last. Up to a limit, all are run as if they did: in their order,
        whatever they are."""
        choose = getattr(records, f'_job_{self.job}_singles', None)
        if not choose:
            return records.browse()
        try:
            return choose(batch) if batch.limit is None else records
        except TRANSIENT_DB_ERRORS:
            raise
        except Exception as error:
            # Whichever it is: it fails when its turn comes.
            _logger.info("%s cannot tell which of %s come singly: %s", self.job, records, error)
            return records

    def _prepare_singles(self, records, candidates, batch):
        """Do together what can be; where that fails, each record does its own when its turn comes."""
        prepare = f'_job_{self.job}_prepare'
        if not hasattr(records, prepare) or len(records) < 2 or batch.limit is not None:
            return
        trial = JobBatch(batch.as_of)
        try:
            with self.env.cr.savepoint():
                locked = records.try_lock_for_update(allow_referencing=True)
                getattr(locked.filtered_domain(candidates), prepare)(trial)
        except TRANSIENT_DB_ERRORS:
            raise
        except Exception as error:
            _logger.info("%s: %s records are not prepared together: %s", self.job, len(records), error)
        else:
            batch.add(trial)

    def _process_together(self, records, candidates, batch, commit):
        """Process records together and, if that fails, one by one, so that a bad one costs only itself.

        The records are locked and their condition is read again: of two runs, each record meets one only.
        """
        try:
            with self.env.cr.savepoint():
                self._process_locked(records, candidates, batch)
        except TRANSIENT_DB_ERRORS:
            raise
        except Exception as error:
            if len(records) > 1:
                self._process_one_by_one(records, candidates, batch, commit)
            else:
                self._record_failure(records, error, batch)

    def _process_singly(self, records, candidates, batch, commit):
        """Process records that make their own steps last: what became of one stays, whatever happens to the next."""
        for record in records:
            if batch.limit is not None and batch.done >= batch.limit:
                break
            # Each commit empties the cache: what is read then is not read for all the others again.
            batch.add(self._process_alone(record.with_prefetch(), candidates, batch, commit))

    def _process_alone(self, record, candidates, batch, commit):
        """Process one record; in commit mode, again from its first step when the database refuses it for the moment.

        :return: what became of it, as a batch.
        """
        refused = JobBatch(batch.as_of)
        for attempt in range(1, MAX_TRIES + 1):
            single = JobBatch(batch.as_of)
            try:
                was_due = self._process_or_park(record, candidates, single, commit)
                # Refused after its last step, it is not due any more: what it told then holds.
                return single if was_due else refused
            except TRANSIENT_DB_ERRORS as error:
                if not commit or self.env.cr.connection.closed:
                    raise
                self.env.cr.rollback()
                _logger.info("%s: try %s of %s: %s", self.job, attempt, record, error)
                refused, refusal = single, error
        single = JobBatch(batch.as_of)
        single.skip(record, 'locked', self._explain(refusal))
        return single

    def _process_or_park(self, record, candidates, batch, commit):
        """Process one record and make it last, or else that it failed: the next one may roll back.

        :return: whether there was anything to do.
        """
        try:
            with nullcontext() if commit else self.env.cr.savepoint():
                due = record.filtered_domain(candidates)
                if due:
                    getattr(due, f'_job_{self.job}_process')(batch)
                self._checkpoint(commit)
                return bool(due)
        except TRANSIENT_DB_ERRORS:
            raise
        except Exception as error:
            if commit:
                self.env.cr.rollback()
            self._record_failure(record, error, batch)
            self._checkpoint(commit)
            return True

    def _process_one_by_one(self, records, candidates, batch, commit):
        """Process records singly; under a limit one step of a record at a time, so that the oldest go first."""
        order = self._get_job(self.job).order
        queue = records
        while queue and (batch.limit is None or batch.done < batch.limit):
            record, queue = queue[0], queue[1:]
            single = batch.begin_part(limit=None if batch.limit is None else 1)
            self._process(record, candidates, single, commit)
            batch.add(single)
            if single.done and batch.limit is not None:
                queue = (queue | record.filtered_domain(candidates)).sorted(lambda rec: (rec[order], rec.id))

    def _process_locked(self, records, candidates, batch):
        locked = records.try_lock_for_update(allow_referencing=True)
        trial = batch.begin_part(batch.limit)
        held = records - locked
        if batch.holds_over:
            trial.held_ids += held.ids
            held = held.browse()
        for record in held:
            trial.skip(
                record,
                'locked',
                self.env._("In use by somebody else. The next run takes it."),
                self._weigh(record, batch),
            )
        due = locked.filtered_domain(candidates)
        if due:
            getattr(due, f'_job_{self.job}_process')(trial)
        self.env.flush_all()
        batch.add(trial)

    def _record_failure(self, record, error, batch):
        reason = self._explain(error)
        if isinstance(error, UserError):
            _logger.info("%s of %s: %s", self.job, record, reason)
        else:
            _logger.warning("%s of %s failed", self.job, record, exc_info=error)
        batch.fail(record, reason, self._weigh(record, batch))
        record._park(self.job, reason)

    def _weigh(self, record, batch):
        """Return how much a record counts that was not processed; a bad one may not even be able to tell."""
        weigh = getattr(record, f'_job_{self.job}_weigh', None)
        if not weigh:
            return 1
        try:
            with self.env.cr.savepoint():
                return max(weigh(batch), 1)
        except TRANSIENT_DB_ERRORS:
            raise
        except Exception as error:
            _logger.info("%s cannot tell what is due: %s", record, error)
            return 1

    def _explain(self, error):
        """Return in plain words what went wrong."""
        if isinstance(error, UserError):
            return str(error)
        if isinstance(error, RedirectWarning):
            return str(error.args[0])
        if isinstance(error, IntegrityError):
            model = next(
                (self.env[name] for name in self.env.registry if self.env[name]._table == error.diag.table_name),
                self.env['base'],
            )
            return self.env._("The database refused it: %(reason)s", reason=model._sql_error_to_message(error))
        if isinstance(error, DatabaseError):
            return self.env._("The database refused it: %(reason)s", reason=(error.diag.message_primary or str(error)))
        return self.env._(
            "Unexpected error: %(error)s. The server's log tells more.", error=f"{type(error).__name__}: {error}"
        )

    # === THE LOG === #

    def _log_batch(self, company, place, batch):
        """Write down what became of a batch. What cannot be written stops nothing: the server's log tells it."""
        self._log_issues(company, batch)
        self._log_changes(company, batch)
        _done, is_counted = self._try_to_log(self._count, company, place, batch)
        if not is_counted:
            self._write_log({name: self[name] + count for name, count in batch.counts.items()})

    def _log_issues(self, company, batch):
        """Write down what was left out, and tell those who have to do something about it."""
        left_out = [*batch.skipped, *((record, 'failed', reason, count) for record, reason, count in batch.failed)]
        issues = self.env['continuity.job.issue']
        for noted in self._log_rows(lambda rows: issues._note(self, company, batch.as_of, rows), left_out):
            issues |= noted
        for issue in issues._get_untold():
            self._try_to_log(issue._tell, batch.as_of)
        if batch.met:
            self._try_to_log(issues._close_met, self.job, batch.met)

    def _log_changes(self, company, batch):
        """Write down what was changed in plans."""
        changes = self.env['continuity.job.change']
        values = [
            {'run_id': self.id, 'company_id': company.id, 'subscription_id': subscription.id, 'description': text}
            for subscription, text in batch.changes
        ]
        self._log_rows(changes.create, values)

    def _log_rows(self, write, rows):
        """Write rows of the log: all at once or else one by one, so that a bad one costs only itself.

        :return: what was returned each time.
        """
        if not rows:
            return []
        written, is_written = self._try_to_log(write, rows)
        if is_written:
            return [written]
        if len(rows) == 1:
            _logger.error("%s: not in the log of %s: %s", self.job, self, rows[0])
            return []
        return [part for row in rows for part in self._log_rows(write, [row])]

    @api.model
    def _try_to_log(self, write, *args):
        """Write into the log; return what that returns, and whether it went well."""
        try:
            with self.env.cr.savepoint():
                return write(*args), True
        except Exception as error:
            if self.env.cr.connection.closed:
                raise
            _logger.warning("A job could not write its log: %s", error, exc_info=error)
            return None, False

    def _write_log(self, values):
        """Write into the run itself, where addons refuse it past them: what it tells has happened."""
        _done, is_written = self._try_to_log(self.write, values)
        if not is_written:
            self._try_to_log(models.Model.write, self, values)

    @api.model
    def _create_log(self, values):
        """Create a run, where addons refuse it past them: without one, nothing can be done."""
        run, is_written = self._try_to_log(self.create, values)
        return run if is_written else models.Model.create(self, [values])

    def _count(self, company, place, batch):
        """Add up what a batch did, and keep how far the run came in the company."""
        self.write({name: self[name] + count for name, count in batch.counts.items()})
        self._keep_place(company, place)

    def _get_place(self, company):
        """Return how far the run came in a company, see ``progress``."""
        kept = (self.progress or {}).get(str(company.id), {})
        return {'after': None, 'done': 0, 'held': [], 'afterwards': [], **kept}

    def _keep_place(self, company, place):
        """Keep how far the run came in a company."""
        self.progress = {**(self.progress or {}), str(company.id): place}

    @api.model
    def _wake(self, job, records):
        """Let the scheduled action of a job run soon, if any of the records is something for it.

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
        """Let the scheduled action of a job run soon, or at a time: there is something for it."""
        cron = self.env.ref(f'continuity_program.ir_cron_{job}', raise_if_not_found=False)
        if cron:
            cron.sudo()._trigger(at)

    # === CLEANING UP === #

    @api.autovacuum
    def _gc_runs(self):
        self.search([('date_start', '<', fields.Datetime.now() - KEPT_FOR)], limit=1000).unlink()
