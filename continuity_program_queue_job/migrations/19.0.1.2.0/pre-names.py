from odoo.tools.sql import column_exists, rename_column


def migrate(cr, version):
    """What waits in the queue finds the methods and the column by their new names."""
    if column_exists(cr, 'continuity_job_batch', 'afterwards'):
        rename_column(cr, 'continuity_job_batch', 'afterwards', 'deferred_ids')
    cr.execute(
        """
        UPDATE queue_job SET method_name = '_run', kwargs = '{}'
         WHERE model_name = 'continuity.job.batch' AND method_name = '_work'
        """
    )
    cr.execute(
        """
        UPDATE queue_job SET method_name = '_run_next_batch'
         WHERE model_name = 'continuity.job.run' AND method_name = '_go_on'
        """
    )
