import logging
from contextlib import contextmanager

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY

from ...internal_context import Internal
from ..base.automatic import AUTOMATIC
from ..base.isolation import TRANSIENT_DB_ERRORS, attempts, isolate
from .job import JobBatch
from .progress import Scope

_logger = logging.getLogger(__name__)

#: Records worked on in one savepoint and, in commit mode, one transaction.
BATCH_SIZE = 100


class ContinuityJobRun(models.Model):
    """The loop that all jobs share: company by company, batch by batch (``docs/architecture.md#the-engine``)."""

    _inherit = 'continuity.job.run'

    # === COMPANIES === #

    def _dispatch(self, criteria=None, limit=None, commit=False, wait=False):
        """Do the work of the run, company by company, and write down how it ended.

        :param domain criteria: which of the candidates to take.
        :param int | None limit: the most to do in a company, in the unit the job counts in.
        :param bool commit: make each batch last.
        :param bool wait: the caller needs what came of it: an addon may not have others do it.
        """
        self.ensure_one()
        self._write_log({'state': 'running'})
        self._checkpoint(commit, remaining=self._count_candidates(criteria) if commit else None)
        for company in self.company_ids:
            has_ended = True
            with self._isolating(company, commit):
                has_ended = self._run_company(company, criteria, limit, commit)
            if not has_ended:
                self._finish('waiting')
                # Whatever was counted: the scheduled action has to come back to find the end.
                self._checkpoint(commit, remaining=1)
                return
        self._finish('done')
        self._checkpoint(commit, remaining=0)

    @contextmanager
    def _isolating(self, company, commit):
        """Do in this context what one company needs; where that fails it is told, and costs no other company anything.

        Without commits nothing of it stays, in commit mode what lasted before.
        """
        with isolate(self.env, commits=commit) as outcome:
            yield
            self._try_to_log(self.env['continuity.job.issue']._close_met, self.job, company)
        if outcome.error:
            _logger.warning("%s of %s failed", self.job, company.name, exc_info=outcome.error)
            batch = JobBatch(self._get_day(company, self.as_of))
            batch.fail(company, self._explain(outcome.error), 1)
            self._log_batch(Scope(company, self._read_progress(company)), batch)
            self._checkpoint(commit)

    def _run_company(self, company, criteria, limit, commit):
        """Take the company's candidates batch by batch, and then what others had locked when its turn came, unless they
        have done it since; return whether it came to the end."""
        scope = self._get_scope(company, criteria, limit, commit)
        self._run_deferred(scope)
        for take in (scope.take_next, scope.take_locked):
            is_last = False
            while not is_last and scope.has_room:
                records, batch, is_last = take(self._get_batch_size())
                if records and not self._run_batch(scope, records, batch):
                    return False
        return True

    def _get_scope(self, company, criteria=None, limit=None, commit=False, progress=None, part=None):
        """Return what the run does in a company.

        :rtype: Scope
        """
        model, day, candidates = self._get_work(self.job, company, self.as_of, criteria, commit)
        limit = self._get_limit(company, limit)
        return Scope(
            company,
            progress or self._read_progress(company),
            model,
            day,
            candidates,
            limit,
            # Only a limit makes the order matter; by id, what is skipped in part is not met a second time.
            order='id' if limit is None else self._get_job(self.job).order,
            commits=commit,
            part=part,
        )

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
    def _get_day(self, company, as_of=None):
        """Return the day that is worked for in a company."""
        try:
            return as_of or company.with_context(continuity_as_of=None)._get_continuity_today()
        except Exception:
            # Its own time zone may be what is wrong with it.
            return fields.Date.today()

    def _get_limit(self, company, limit=None):
        """Return the most that the run may do in a company, or nothing."""
        field = self._get_job(self.job).limit_field
        if limit is None and self.is_scheduled and field:
            return company[field] or None
        return limit

    def _get_batch_size(self):
        return BATCH_SIZE

    # === WHETHER THERE IS WORK === #

    @api.model
    def _has_candidates(self, job):
        return any(self._has_candidates_in(job, company) for company in self._get_companies(self.env))

    @api.model
    def _has_candidates_in(self, job, company, as_of=None, criteria=None):
        """Whether a company has something to do: also to tell that it cannot find out."""
        with isolate(self.env) as outcome:
            model, _day, candidates = self._get_work(job, company, as_of, criteria)
            return bool(model.search(candidates, limit=1))
        _logger.info("%s cannot look for work in %s: %s", job, company.name, outcome.error)
        return True

    def _count_candidates(self, criteria):
        return sum(self._count_candidates_in(company, criteria) for company in self.company_ids)

    def _count_candidates_in(self, company, criteria):
        with isolate(self.env) as outcome:
            model, _day, candidates = self._get_work(self.job, company, self.as_of, criteria)
            return model.search_count(candidates)
        # It fails, and is told, when its turn comes.
        _logger.info("%s cannot count its work in %s: %s", self.job, company.name, outcome.error)
        return 0

    # === A BATCH === #

    def _run_batch(self, scope, records, batch):
        """Do records, log them and make it last; return the seconds left for the run.

        What makes its own steps last is logged by itself, after the others. Where the database keeps refusing the
        batch, its records are taken one by one, so that one that is locked costs only itself.
        """
        own = self._get_self_committing(records, batch)
        if own and own != records:
            self._run_batch(scope, records - own, batch)
            records, batch = own, batch.begin_part()
        run = self._run_self_committing if own else self._run_together
        for attempt in attempts(self.env, scope.commits, f"{self.job} of {len(records)} records"):
            with attempt:
                trial = batch.begin_part(batch.limit)
                run(scope, records, trial)
                batch.add(trial)
        if attempt.error and len(records) > 1:
            return self._run_each(scope, records, batch)
        if attempt.error:
            kind = 'locked' if isinstance(attempt.error, PG_CONCURRENCY_EXCEPTIONS_TO_RETRY) else 'database'
            batch.skip(records, kind, self._explain(attempt.error), self._count_records(records, batch))
        return self._end_batch(scope, records, batch)

    def _run_each(self, scope, records, batch):
        """Do a batch of each record; return the seconds left for the run."""
        for record in records:
            if not batch.has_room:
                break
            single = batch.begin_part(limit=batch.limit and batch.limit - batch.done)
            time_left = self._run_batch(scope, record, single)
            batch.done += single.done
        return time_left

    def _end_batch(self, scope, records, batch):
        """Log what became of records and make it last; return the seconds left for the run."""
        scope.progress.done += batch.done
        scope.progress.locked_ids += batch.locked_ids
        scope.progress.deferred_ids += batch.deferred_ids
        if batch.has_room:
            batch.met = records.browse(set(records.ids) - set(batch.locked_ids))
        self._log_batch(scope, batch)
        time_left = self._checkpoint(scope.commits, processed=len(records))
        self._run_deferred(scope)
        return time_left

    def _run_deferred(self, scope):
        """Do what batches left until they last; where the database keeps refusing it, again after the next batch."""
        ids = scope.progress.deferred_ids
        if not ids:
            return
        # Not committing: what it reserves is made to last together.
        model, _day, _candidates = self._get_work(self.job, scope.company, self.as_of)
        for attempt in attempts(self.env, scope.commits, f"what follows a batch of {self.job}"):
            with attempt:
                getattr(model, f'_job_{self.job}_deferred')(ids)
                scope.progress.deferred_ids = []
                self._keep_progress(scope)
                self._checkpoint(scope.commits)
        if attempt.error:
            scope.progress.deferred_ids = ids

    # === RECORDS TOGETHER === #

    def _run_together(self, scope, records, batch):
        """Do records together and, if that fails, one by one, so that a bad one costs only itself.

        They are locked and their condition is read again: of two runs, each record meets one only.
        """
        trial = batch.begin_part(batch.limit)
        with isolate(self.env) as outcome:
            locked = records.try_lock_for_update(allow_referencing=True)
            self._note_locked(records - locked, trial)
            due = locked.filtered_domain(scope.candidates)
            if due:
                getattr(due, f'_job_{self.job}_process')(trial)
            self.env.flush_all()
        if not outcome.error:
            batch.add(trial)
        elif len(records) > 1:
            self._run_one_by_one(scope, records, batch)
        else:
            self._record_failure(records, outcome.error, batch)

    def _note_locked(self, records, batch):
        """Note what somebody else is at work on."""
        if batch.meets_locked_again:
            batch.locked_ids += records.ids
            return
        for record in records:
            reason = self.env._("In use by somebody else. The next run takes it.")
            batch.skip(record, 'locked', reason, self._count_records(record, batch))

    def _run_one_by_one(self, scope, records, batch):
        """Do records one by one; under a limit one step of a record at a time, so that the oldest go first."""
        order = self._get_job(self.job).order
        queue = records
        while queue and batch.has_room:
            record, queue = queue[0], queue[1:]
            single = batch.begin_part(limit=None if batch.limit is None else 1)
            self._run_together(scope, record, single)
            batch.add(single)
            if single.done and batch.limit is not None:
                queue = (queue | record.filtered_domain(scope.candidates)).sorted(lambda rec: (rec[order], rec.id))

    # === RECORDS THAT MAKE THEIR OWN STEPS LAST === #

    def _get_self_committing(self, records, batch):
        """Return the records that make their own steps last. Up to a limit, all are run as if they did: in their order,
        whatever they are."""
        choose = getattr(records, f'_job_{self.job}_self_committing', None)
        if not choose:
            return records.browse()
        try:
            return choose(batch) if batch.limit is None else records
        except TRANSIENT_DB_ERRORS:
            raise
        except Exception as error:
            # Whichever it is: it fails when its turn comes.
            _logger.info("%s cannot tell which of %s make their own steps last: %s", self.job, records, error)
            return records

    def _run_self_committing(self, scope, records, batch):
        """Do records that make their own steps last: what became of one stays, whatever happens to the next."""
        self._prepare_together(scope, records, batch)
        # One that fails rolls back its own steps only.
        self._checkpoint(scope.commits)
        for record in records:
            if not batch.has_room:
                break
            # Each commit empties the cache: what is read then is not read for all the others again.
            batch.add(self._run_record(scope, record.with_prefetch()))

    def _prepare_together(self, scope, records, batch):
        """Do together what can be; where that fails, each record does its own when its turn comes."""
        prepare = f'_job_{self.job}_prepare'
        if not hasattr(records, prepare) or len(records) < 2 or batch.limit is not None:
            return
        trial = JobBatch(batch.as_of)
        with isolate(self.env) as outcome:
            locked = records.try_lock_for_update(allow_referencing=True)
            getattr(locked.filtered_domain(scope.candidates), prepare)(trial)
        if outcome.error:
            _logger.info("%s: %s records are not prepared together: %s", self.job, len(records), outcome.error)
        else:
            batch.add(trial)

    def _run_record(self, scope, record):
        """Do one record and make it last, or else that it failed: the next one may roll back. In commit mode, again
        from its first step when the database refuses it for the moment.

        :return: what became of it.
        :rtype: JobBatch
        """
        result = JobBatch(scope.day)
        for attempt in attempts(self.env, scope.commits, f"{self.job} of {record}"):
            with attempt:
                trial = JobBatch(scope.day)
                with isolate(self.env, commits=scope.commits) as outcome:
                    due = record.filtered_domain(scope.candidates)
                    # Refused after its last step, it is not due any more: what it told then holds.
                    result = trial if due else result
                    if due:
                        getattr(due, f'_job_{self.job}_process')(trial)
                    self._checkpoint(scope.commits)
                if outcome.error:
                    self._record_failure(record, outcome.error, trial)
                    self._checkpoint(scope.commits)
                    result = trial
        if attempt.error:
            result = JobBatch(scope.day)
            result.skip(record, 'locked', self._explain(attempt.error))
        return result

    # === WHAT FAILED === #

    def _record_failure(self, record, error, batch):
        """Note that a record failed, and leave it out of the job until it is mended."""
        reason = self._explain(error)
        if isinstance(error, UserError):
            _logger.info("%s of %s: %s", self.job, record, reason)
        else:
            _logger.warning("%s of %s failed", self.job, record, exc_info=error)
        batch.fail(record, reason, self._count_records(record, batch))
        record._park(self.job, reason)

    def _count_records(self, records, batch):
        """Return how much records count that were not done; a bad one may not even be able to tell."""
        count = getattr(records, f'_job_{self.job}_count', None)
        if not count:
            return 1
        with isolate(self.env) as outcome:
            return max(count(batch), 1)
        _logger.info("%s cannot tell what is due: %s", records, outcome.error)
        return 1

    # === MAKING IT LAST === #

    def _checkpoint(self, commit, processed=0, remaining=None):
        """Make the work so far last, in commit mode; return the seconds left for the run (0 = stop)."""
        if commit:
            return self.env['ir.cron']._commit_progress(processed, remaining=remaining)
        self.env.flush_all()
        return float('inf')
