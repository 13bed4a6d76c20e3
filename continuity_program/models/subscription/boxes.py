from odoo import models


class ContinuitySubscription(models.Model):
    """What a subscription allows to be done about its single boxes (``docs/behaviour.md#single-boxes``)."""

    _inherit = 'continuity.subscription'

    def _get_box_refusal(self):
        """Return why nothing can be done about single boxes, or nothing; the text tells the way out."""
        self.ensure_one()
        if self.state == 'draft':
            return self.env._(
                "%(subscription)s is not confirmed yet: change its plan instead.", subscription=self.display_name
            )
        if self.state == 'done':
            return self.env._("%(subscription)s is done: reopen it first.", subscription=self.display_name)
        if self.state == 'cancelled':
            return self.env._(
                "%(subscription)s has been stopped: reactivate it first, or sell it anew.",
                subscription=self.display_name,
            )
        return None
