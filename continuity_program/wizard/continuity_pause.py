from odoo import fields, models


class ContinuityPause(models.TransientModel):
    """The dialog that pauses a subscription: until when, and what becomes of what is dated in the pause."""

    _name = 'continuity.pause'
    _description = "Pause a Subscription"
    _inherit = ['continuity.dialog.mixin']

    subscription_id = fields.Many2one(comodel_name='continuity.subscription', required=True, readonly=True)
    seen_key = fields.Char(help="What the subscription was like when the dialog was opened.")
    is_calendar = fields.Boolean(related='subscription_id.is_calendar', related_sudo=False)
    bill_upfront = fields.Boolean(related='subscription_id.bill_upfront', related_sudo=False)
    until = fields.Date(
        string="Paused Until", help="The first day on which shipments go out again. Empty: when somebody resumes."
    )

    def action_pause(self):
        """Pause the subscription."""
        self.ensure_one()
        self.check_access('write')
        self.subscription_id.check_access('write')
        self.subscription_id._begin_change(self.seen_key or None)
        self.subscription_id._pause(self.until)
        return {'type': 'ir.actions.act_window_close'}
