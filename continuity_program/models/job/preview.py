from odoo import api, models

from ..base.isolation import isolate
from .job import JobBatch
from .progress import get_search_order


class ContinuityJobRun(models.Model):
    """What a job would do, writing nothing."""

    _inherit = 'continuity.job.run'

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
        with isolate(self.env) as outcome:
            model, day, candidates = self._get_work(job, company, as_of, domain)
            records = model.search(candidates, order=get_search_order(self._get_job(job).order if limit else 'id'))
            # A limited run goes by date over all records, others batch by batch.
            size = max(len(records), 1) if limit else self._get_batch_size()
            batch = JobBatch(day)
            for start in range(0, len(records), size):
                rows += self._preview_records(job, records[start : start + size], batch)
            return rows
        return [company._prepare_continuity_failure_row(self._get_day(company, as_of), self._explain(outcome.error))]

    @api.model
    def _preview_records(self, job, records, batch):
        """Return the rows of a batch: of all records together and, if that fails, one by one, as they are run."""
        stock = dict(batch.stock)
        with isolate(self.env) as outcome:
            return getattr(records, f'_job_{job}_preview')(batch)
        batch.stock = stock
        if len(records) > 1:
            return [row for record in records for row in self._preview_records(job, record, batch)]
        return [{**records._prepare_preview_row(), 'date': batch.as_of, 'skipped': self._explain(outcome.error)}]
