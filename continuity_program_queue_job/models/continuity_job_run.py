from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

from odoo.addons.continuity_program.internal_context import Internal, get_internal
from odoo.addons.continuity_program.models.base.isolation import TRANSIENT_DB_ERRORS
from odoo.addons.continuity_program.models.job.engine import BATCH_SIZE
from odoo.addons.continuity_program.models.job.job import JobBatch
from odoo.addons.continuity_program.models.job.progress import Progress
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.addons.queue_job.job import DEFAULT_PRIORITY, ENQUEUED, PENDING, STARTED, WAIT_DEPENDENCIES

#: Records of a queue job: it has to end well within the time a worker is given.
QUEUED_SIZE = 50
#: The states of a queue job that still has to do something, or is doing it.
AT_WORK = (WAIT_DEPENDENCIES, PENDING, ENQUEUED, STARTED)
#: A scheduled action that finds its last run still at work comes back after this.
COME_BACK_AFTER = timedelta(minutes=10)


class ContinuityJobRun(models.Model):
    _inherit = 'continuity.job.run'

    batch_ids = fields.One2many(comodel_name='continuity.job.batch', inverse_name='run_id', readonly=True)
    queue_job_ids = fields.One2many(
        comodel_name='queue.job',
        inverse_name='continuity_run_id',
        readonly=True,
        groups='queue_job.group_queue_job_manager',
    )
    queue_job_count = fields.Integer(compute='_compute_queue_job_count', groups='queue_job.group_queue_job_manager')

    @api.depends('queue_job_ids')
    def _compute_queue_job_count(self):
        for run in self:
            run.queue_job_count = len(run.queue_job_ids)

    # === ACTION METHODS === #

    def action_view_queue_jobs(self):
        self.ensure_one()
        self.check_access('read')
        action = self.env['ir.actions.act_window']._for_xml_id('queue_job.action_queue_job')
        return {**action, 'domain': [('continuity_run_id', '=', self.id)], 'context': {}}

    # === DISPATCHING === #

    @api.model
    def _cron_run(self, job):
        """Leave a run to those who are still at it, and come back later for what has fallen due since."""
        open_runs = self._as_superuser().search(
            [('job', '=', job), ('is_scheduled', '=', True), ('state', 'in', ('running', 'waiting'))]
        )
        if any(run._is_at_work() for run in open_runs):
            self._trigger_cron(job, at=fields.Datetime.now() + COME_BACK_AFTER)
            return
        super()._cron_run(job)

    def _dispatch(self, criteria=None, limit=None, commit=False, wait=False):
        """Hand the work out as queue jobs; without commits there is nothing that others could see, and it is done here.

        A run with a limit is done one batch after the other: what is left of the limit, and whose turn it is, is known
        only when the last one has ended.
        """
        if wait or not commit:
            super()._dispatch(criteria, limit, commit, wait)
            return
        self.state = 'running'
        if any(self._get_limit(company, limit) is not None for company in self.company_ids):
            self._enqueue_next(list(Domain(criteria or Domain.TRUE)), limit)
        else:
            for company in self.company_ids:
                self._run_left(company, commit)
            enqueuing = self.with_context(continuity_is_enqueuing=Internal())
            for company in self.company_ids:
                with enqueuing._isolating(company, commit=False):
                    enqueuing._enqueue_batches(company, criteria)
            self._end_with_batches()
        # All at once: a run of which only a part was handed out would end with that part.
        self._checkpoint(commit, remaining=0)

    def _run_left(self, company, commit):
        """Do what a killed run of the company deferred."""
        if not self._read_progress(company).deferred_ids:
            return
        # Where it fails it is rolled back, and the run must not be.
        self._checkpoint(commit)
        with self._isolating(company, commit):
            self._run_deferred(self._get_scope(company, commit=commit))

    def _enqueue_batches(self, company, criteria):
        model, _day, candidates = self._get_work(self.job, company, self.as_of, criteria)
        ids = model.search(candidates, order='id').ids
        size = self._get_queued_size()
        parts = [ids[start : start + size] for start in range(0, len(ids), size)]
        batches = self.env['continuity.job.batch'].create(
            [{'run_id': self.id, 'company_id': company.id, 'record_count': len(part)} for part in parts]
        )
        for number, (batch, part) in enumerate(zip(batches, parts, strict=True), 1):
            batch._enqueue(part, f"{self._get_job_label(self.job)}, {company.name}: {number}/{len(parts)}")

    def _enqueue_next(self, criteria, limit):
        self.with_delay(
            description=self._get_job_label(self.job),
            identity_key=f'continuity.job.run-{self.id}',
            priority=self._get_queue_priority(),
        )._run_next_batch(criteria, limit)

    @api.model
    def _get_queued_size(self):
        """Return how many records a queue job is given: at most what the engine takes in one transaction."""
        chosen = self.env['ir.config_parameter'].get_param('continuity_program_queue_job.batch_size')
        return min(int(chosen) if chosen and chosen.isdigit() else QUEUED_SIZE, BATCH_SIZE) or 1

    def _get_queue_priority(self):
        """Of two runs that wait, the job that comes first in a night goes first."""
        return DEFAULT_PRIORITY + list(self._get_jobs()).index(self.job)

    def _is_at_work(self):
        return any(job.state in AT_WORK for job in self.sudo().queue_job_ids)

    def _stop_killed(self):
        idle = self.filtered(lambda run: not run._is_at_work())
        left = super(ContinuityJobRun, idle)._stop_killed()
        for batch in idle.batch_ids.filtered('deferred_ids'):
            left[batch.company_id] += batch.deferred_ids
            batch.deferred_ids = []
        return left

    # === IN A QUEUE JOB === #

    def _run_queued(self, part, record_ids):
        """Do the records of a part. After a kill, what was done is not due any more; what was left out is told in the
        issues, and is not looked at again."""
        progress = Progress(deferred_ids=part.deferred_ids or [])
        scope = self._get_scope(part.company_id, commit=True, progress=progress, part=part)
        self._run_deferred(scope)
        told = self.env['continuity.job.issue'].search(
            [('run_id', '=', self.id), ('res_model', '=', scope.model._name), ('res_id', 'in', record_ids)]
        )
        records = scope.model.browse(record_ids).exists() - scope.model.browse(told.mapped('res_id'))
        own = self._get_self_committing(records, JobBatch(scope.day))
        if records - own:
            self._run_batch(scope, records - own, JobBatch(scope.day))
        prepared = JobBatch(scope.day)
        self._prepare_together(scope, own, prepared)
        self._log_batch(scope, prepared)
        self._checkpoint(commit=True)
        # What is made last record by record is counted record by record too.
        for record in own:
            self._run_batch(scope, record, JobBatch(scope.day))
        part.state = 'done'
        self._checkpoint(commit=True)

    def _add_counts(self, scope, batch):
        if scope.part:
            scope.part._add_counts(batch.counts)
            self._keep_progress(scope)
        elif get_internal(self.env, 'continuity_is_enqueuing'):
            # What a company failed at is added up with the batches of the others.
            self.env['continuity.job.batch'].create(
                {'run_id': self.id, 'company_id': scope.company.id, 'state': 'done', **batch.counts}
            )
        else:
            super()._add_counts(scope, batch)

    def _keep_progress(self, scope):
        if scope.part:
            scope.part.deferred_ids = scope.progress.deferred_ids
        else:
            super()._keep_progress(scope)

    def _end_with_batches(self):
        """End the run when its last batch has ended."""
        batches = self.env['continuity.job.batch']
        self.invalidate_recordset(['state'])
        if self.state == 'done' or batches.search_count([('run_id', '=', self.id), ('state', '=', 'waiting')], limit=1):
            return
        has_failed = batches.search_count([('run_id', '=', self.id), ('state', '=', 'failed')], limit=1)
        self._finish('stopped' if has_failed else 'done')

    def _finish(self, state):
        for run in self:
            run._add_up_batches()
        super()._finish(state)

    def _add_up_batches(self):
        names = list(JobBatch(None).counts)
        sums = self.env['continuity.job.batch']._read_group(
            [('run_id', '=', self.id)], ['run_id'], [f'{name}:sum' for name in names]
        )
        for _run, *counts in sums:
            self.write(dict(zip(names, counts, strict=True)))

    def _run_next_batch(self, criteria, limit):
        """Do the next batch of a limited run, and let another queue job do the one after it.

        Work, counts and the place reached last together: called again after a kill, it goes on from there.
        """
        run = self._as_superuser().browse(self.id).with_context(continuity_one_batch=Internal())
        try:
            run._dispatch(criteria, limit, commit=True, wait=True)
        except TRANSIENT_DB_ERRORS as error:
            raise RetryableJobError(str(error)) from error
        if run.state == 'waiting':
            run._enqueue_next(criteria, limit)

    def _get_batch_size(self):
        if not get_internal(self.env, 'continuity_one_batch'):
            return super()._get_batch_size()
        # What makes its own steps last is counted with each: of a limit, a kill must not lose what was done.
        makes_own_last = hasattr(self.env[self._get_job(self.job).model], f'_job_{self.job}_self_committing')
        return 1 if makes_own_last else self._get_queued_size()

    def _checkpoint(self, commit, processed=0, remaining=None):
        time_left = super()._checkpoint(commit, processed, remaining)
        return 0 if get_internal(self.env, 'continuity_one_batch') else time_left

    def _give_up(self, **_error):
        """The queue job of a limited run has failed for good."""
        self._finish('stopped')

    def _job_store_values(self, job):
        return {**super()._job_store_values(job), 'continuity_run_id': self.id}
