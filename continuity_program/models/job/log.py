import logging

from psycopg2 import Error as DatabaseError
from psycopg2 import IntegrityError

from odoo import api, fields, models
from odoo.exceptions import RedirectWarning, UserError

from .progress import Progress

_logger = logging.getLogger(__name__)


class ContinuityJobRun(models.Model):
    """What a run writes down about itself. What cannot be written stops nothing: the server's log tells it."""

    _inherit = 'continuity.job.run'

    # === WHAT BECAME OF A BATCH === #

    def _log_batch(self, scope, batch):
        """Write down what became of a batch."""
        self._log_issues(scope.company, batch)
        self._log_changes(scope.company, batch)
        _done, is_counted = self._try_to_log(self._add_counts, scope, batch)
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

    def _add_counts(self, scope, batch):
        """Add up what a batch did, and keep how far the run came in the company."""
        self.write({name: self[name] + count for name, count in batch.counts.items()})
        self._keep_progress(scope)

    # === HOW FAR IT CAME === #

    def _read_progress(self, company):
        """Return how far the run came in a company.

        :rtype: Progress
        """
        return Progress.from_json((self.progress or {}).get(str(company.id)))

    def _keep_progress(self, scope):
        """Keep how far the run came in a company."""
        self.progress = {**(self.progress or {}), str(scope.company.id): scope.progress.to_json()}

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

    # === WRITING === #

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

    # === WORDS === #

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
