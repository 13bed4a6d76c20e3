from odoo.fields import Command

from .common import ContinuityCase


class SyncCase(ContinuityCase):
    def _sync(self, subscription, on=None):
        """Run the job and check that a second run has nothing to do."""
        run = self._run_job('sync', on or self.today)
        self.assertEqual(subscription.program_revision, subscription.program_id.revision)
        self.assertFalse([change for change in subscription._get_sync_changes()[0] if change.vals])
        self.assertEqual(self._run_job('sync', on or self.today).selected_count, 0)
        return run

    def _add_event(self, program, number, **values):
        """Put an event in front of those with this number and above."""
        for line in program.line_ids.filtered(lambda line: line.event_number >= number).sorted('event_number', True):
            line.event_number += 1
        program.line_ids = [Command.create({'event_number': number, 'product_id': self.books[number].id, **values})]
