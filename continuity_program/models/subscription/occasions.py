from odoo import models


class ContinuitySubscription(models.Model):
    """What follows when something happens to a subscription, in the order it follows: what makes it happen calls the
    method of the occasion last. Another addon has something follow by extending it."""

    _inherit = 'continuity.subscription'

    def _on_started(self):
        """They begin to run: what goes out at once was announced with the order, and they get their plan."""
        self._announce_with_order()
        # Odoo's own confirmation of the order, where it is sent, has the plan in the line's description.
        if not self.env.context.get('send_email'):
            self._mail('plan')

    def _on_paused(self):
        """They send nothing for a while."""
        self._mail('paused')

    def _on_resumed(self):
        """They go on after a pause."""
        self._mail('resumed')

    def _on_stopped(self):
        """They were stopped, now or after a shipment to come."""
        self._mail('stopped')

    def _on_finished(self):
        """All is sent, billed and paid."""
        self._mail('finished')

    def _on_ordered(self, lines):
        """Child orders were made of these planned lines: what was reopened closes again by itself, and the customer is
        told of the last shipment."""
        self.filtered('is_reopened')._unguarded().write({'is_reopened': False})
        for subscription, ordered in lines._without_replacements().grouped('subscription_id').items():
            subscription._notify_last_shipment(ordered)

    def _on_synced(self, told):
        """Plans follow their changed program: what is sent instead of something announced is announced again.

        :param dict told: what was changed, a list of ``Change`` by subscription.
        """
        changes = [change for changes in told.values() for change in changes]
        replaced = [change.line for change in changes if change.line and 'product_id' in change.vals]
        self.env['continuity.line'].union(*replaced)._forget_announcements()
