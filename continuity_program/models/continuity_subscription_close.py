from odoo import api, models
from odoo.fields import Domain


class ContinuitySubscription(models.Model):
    """Closing what is finished: the subscription, then its parent order."""

    _inherit = 'continuity.subscription'

    # === JOB: CLOSE === #

    @api.model
    def _job_close_domain(self, as_of):
        """Return the running subscriptions with nothing left to send, wait for, invoice or be paid."""
        return (
            Domain('state', '=', 'running')
            & Domain('next_date', '=', False)
            & Domain('occurrences_left', '=', 0)
            & ~self._get_waiting_domain()
            & Domain('line_ids', 'not any', self._get_unfinished_line_domain())
            & Domain('payment_ids', 'not any', [('state', 'not in', ('paid', 'cancelled'))])
        )

    @api.model
    def _get_unfinished_line_domain(self):
        return Domain('state', 'in', ('planned', 'ordered')) | (
            Domain('state', '=', 'delivered')
            & (Domain('is_invoiced', '=', False) | Domain('is_revenue_due', '=', True))
        )

    def _job_close_process(self, batch):
        self.write({'state': 'done'})
        self.order_id._close_continuity_parents()
        batch.done += len(self)

    def _job_close_preview(self, batch):
        return [{**subscription._prepare_preview_row(), 'date': batch.as_of} for subscription in self]
