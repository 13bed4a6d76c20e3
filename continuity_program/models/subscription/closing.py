from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain


class ContinuitySubscription(models.Model):
    """Closing what is finished: the subscription, then its parent order (``docs/behaviour.md#closing``)."""

    _inherit = 'continuity.subscription'

    is_reopened = fields.Boolean(
        string="Reopened",
        readonly=True,
        copy=False,
        help="It was done and goes on: not closed by itself before another child order is made for it.",
    )

    # === JOB: CLOSE === #

    @api.model
    def _job_close_domain(self, as_of):
        """Return the running subscriptions that are finished, the paused ones whose pause has ended, and the ended ones
        whose parent order is to be closed."""
        # Named, so that no query goes through all that ever ended.
        closable = self.env['sale.order'].search(self.env['sale.order']._get_continuity_closable_domain())
        return (
            self._get_finished_domain()
            | (Domain('state', '=', 'paused') & Domain('resume_date', '<=', as_of))
            | (Domain('state', 'in', ('done', 'cancelled')) & Domain('order_id', 'in', closable.ids))
        )

    @api.model
    def _get_finished_domain(self):
        """Return the running subscriptions with nothing left to send, wait for, invoice or be paid."""
        return (
            Domain('state', '=', 'running')
            & Domain('is_reopened', '=', False)
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
        """Close what is finished; where nothing is due, a pause ends here."""
        paused = self.filtered(lambda subscription: subscription.state == 'paused')
        paused._end_pauses()
        (self - paused | paused.filtered_domain(self._get_finished_domain()))._finish()
        batch.done += len(self)

    def _job_close_preview(self, batch):
        return [
            {**subscription._prepare_preview_row(), 'change': subscription._get_closing_text(), 'date': batch.as_of}
            for subscription in self
        ]

    def _get_closing_text(self):
        """Return in words what the job does with the subscription."""
        self.ensure_one()
        if self.state == 'paused':
            return self.env._("%(subscription)s goes on after its pause", subscription=self.display_name)
        return self.display_name

    def _finish(self):
        """Close the subscriptions that still run, and the parent orders that are finished with them."""
        running = self.filtered(lambda subscription: subscription.state == 'running')
        running.write({'state': 'done'})
        self.order_id._close_continuity_parents()
        running._on_finished()

    # === REOPENING === #

    def action_reopen(self):
        """Reopen done subscriptions.

        :raise AccessError: for who is no sales manager.
        """
        self._check_closing_access()
        self.sudo()._reopen()
        return True

    def action_close(self):
        """Undo reopening subscriptions: closed at once where they are finished.

        :raise AccessError: for who is no sales manager.
        """
        self._check_closing_access()
        self.sudo()._close()
        return True

    def _check_closing_access(self):
        self.check_access('write')
        if not self.env.su and not self.env.user.has_group('sales_team.group_sale_manager'):
            raise AccessError(self.env._("Only a sales manager reopens and closes subscriptions."))

    def _reopen(self):
        """Reopen done subscriptions; they are not closed by themselves before another child order is made for them.

        :raise UserError: for one that is not done.
        """
        for subscription in self.sudo():
            reason = subscription._get_reopening_refusal()
            if reason:
                raise UserError(reason)
            subscription._unguarded().write({'state': 'running', 'is_reopened': True})
            subscription.order_id._reopen_continuity_parents()
            subscription._message_log(body=self.env._("Reopened by %(user)s.", user=self.env.user.name))

    def _get_reopening_refusal(self):
        """Return why the subscription cannot be reopened, or nothing."""
        self.ensure_one()
        if self.state == 'cancelled':
            return self.env._(
                "%(subscription)s has been stopped: reactivate it instead.", subscription=self.display_name
            )
        if self.state != 'done':
            return self.env._("%(subscription)s is not done.", subscription=self.display_name)
        return None

    def _close(self):
        """Close reopened subscriptions: at once where they are finished, else by the job when they are.

        :raise UserError: for one that was not reopened.
        """
        for subscription in self.sudo():
            reason = subscription._get_closing_refusal()
            if reason:
                raise UserError(reason)
            subscription._unguarded().write({'is_reopened': False})
            subscription.filtered_domain(self._get_finished_domain())._finish()

    def _get_closing_refusal(self):
        """Return why the subscription cannot be closed by hand, or nothing."""
        self.ensure_one()
        if self.is_reopened and self.state in ('running', 'paused'):
            return None
        return self.env._(
            "%(subscription)s has not been reopened: it is closed by itself when all is sent, invoiced and paid.",
            subscription=self.display_name,
        )
