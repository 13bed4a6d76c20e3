from odoo import fields, models

from odoo.addons.continuity_program.models.base.isolation import TRANSIENT_DB_ERRORS
from odoo.addons.queue_job.exception import RetryableJobError


class ContinuityJobBatch(models.Model):
    """A part of a run that a queue job does.

    What it did is counted here, in the transaction of the work itself, and added up when the run ends: batches that end
    at the same time would else wait for each other to write into the run.
    """

    _name = 'continuity.job.batch'
    _description = "Continuity Job Batch"
    _order = 'id'

    run_id = fields.Many2one(
        comodel_name='continuity.job.run', required=True, ondelete='cascade', index=True, readonly=True
    )
    company_id = fields.Many2one(comodel_name='res.company', required=True, readonly=True)
    state = fields.Selection(
        selection=[('waiting', "Waiting"), ('done', "Done"), ('failed', "Failed")],
        default='waiting',
        required=True,
        readonly=True,
        help="Failed: its queue job gave up. The next run takes what it left.",
    )
    record_count = fields.Integer(string="Records", readonly=True)
    selected_count = fields.Integer(string="Selected", readonly=True)
    done_count = fields.Integer(string="Done", readonly=True)
    skipped_count = fields.Integer(string="Skipped", readonly=True)
    failed_count = fields.Integer(string="Failed", readonly=True)
    #: Ids of what is still to be done once the work lasts, should its worker be killed.
    deferred_ids = fields.Json(readonly=True)

    def _enqueue(self, record_ids, description):
        """Enqueue the batch. The key keeps it from being enqueued twice."""
        self.ensure_one()
        run = self.run_id
        self.with_company(self.company_id).with_delay(
            description=description,
            identity_key=f'continuity.job.batch-{self.id}',
            priority=run._get_queue_priority(),
        )._run(record_ids)

    def _run(self, record_ids):
        """Do what is left of the batch: it is called again when the worker that was at it was killed.

        :param list[int] record_ids: the records of the run's job, all of the batch's company.
        """
        self.ensure_one()
        batch = self.env['continuity.job.run']._as_superuser().env[self._name].browse(self.id)
        try:
            if batch.state != 'done':
                batch.run_id._run_queued(batch, record_ids)
            batch.run_id._end_with_batches()
        except TRANSIENT_DB_ERRORS as error:
            raise RetryableJobError(str(error)) from error

    def _add_counts(self, counts):
        self.write({name: self[name] + count for name, count in counts.items()})

    def _give_up(self, **_error):
        """The queue job has failed for good."""
        self.state = 'failed'
        self.run_id._end_with_batches()

    def _job_store_values(self, job):
        return {**super()._job_store_values(job), 'continuity_run_id': self.run_id.id}
