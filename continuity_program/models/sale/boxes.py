from odoo import api, fields, models
from odoo.exceptions import UserError


class SaleOrder(models.Model):
    """Child orders whose shipment is planned again or sent again (``docs/behaviour.md#single-boxes``)."""

    _inherit = 'sale.order'

    continuity_can_plan_again = fields.Boolean(compute='_compute_continuity_box_actions', compute_sudo=True)
    continuity_can_send_again = fields.Boolean(compute='_compute_continuity_box_actions', compute_sudo=True)

    @api.depends(
        'order_line.continuity_is_given_back',
        'order_line.continuity_line_id.can_plan_again',
        'order_line.continuity_line_id.can_send_again',
    )
    def _compute_continuity_box_actions(self):
        children = self.filtered('continuity_parent_id')
        (self - children).continuity_can_plan_again = False
        (self - children).continuity_can_send_again = False
        for order in children:
            order.continuity_can_plan_again = not order._get_continuity_plan_again_refusal()
            order.continuity_can_send_again = any(order._get_continuity_boxes().mapped('can_send_again'))

    # === ACTION METHODS === #

    def action_plan_continuity_again(self):
        """Give the shipment of a cancelled child order back to its plan."""
        self.ensure_one()
        self._check_continuity_box_access()
        reason = self.sudo()._get_continuity_plan_again_refusal()
        if reason:
            raise UserError(reason)
        return self._get_continuity_boxes().action_plan_again()

    def action_send_continuity_again(self):
        """Send the lost shipment of a child order again, free of charge."""
        self.ensure_one()
        self._check_continuity_box_access()
        lines = self._get_continuity_boxes()
        if not lines:
            raise UserError(self._get_no_plan_text())
        return (lines.filtered('can_send_again') or lines).action_send_again()

    def _check_continuity_box_access(self):
        """:raise AccessError: for who may not change the plan of the order, whoever may write on the order."""
        self.check_access('write')
        self.sudo()._get_continuity_boxes().with_env(self.env).check_access('write')

    def _get_continuity_boxes(self):
        """Return the planned lines that this child order sends, or was to send."""
        return self.order_line.continuity_line_id.filtered(lambda line: line.child_order_id == self)

    def _get_continuity_plan_again_refusal(self):
        """Return why the shipment of the order cannot be planned again, or nothing."""
        self.ensure_one()
        if any(self.order_line.mapped('continuity_is_given_back')):
            return self.env._("The shipment of %(order)s has been planned again already.", order=self.name)
        lines = self._get_continuity_boxes()
        if not lines:
            return self._get_no_plan_text()
        return next(filter(None, (line._get_plan_again_refusal() for line in lines)), None)

    def _get_no_plan_text(self):
        return self.env._("%(order)s sends nothing of a continuity plan.", order=self.name)

    def _is_continuity_replacement(self):
        """Whether the order sends a lost shipment again, free of charge."""
        lines = self.order_line.continuity_line_id
        return bool(lines) and not lines._without_replacements()

    # === TAKING UP A CANCELLED CHILD ORDER === #

    def _check_continuity_reopening(self):
        """:raise UserError: for a cancelled child order whose shipment another one sends."""
        for order in self.filtered(lambda order: order.state == 'cancel'):
            reason = order._get_continuity_reopening_refusal()
            if reason:
                raise UserError(reason)

    def _get_continuity_reopening_refusal(self):
        """Return why a cancelled child order cannot be taken up again, or nothing: its shipment is planned again, or
        another order sends it."""
        self.ensure_one()
        if self.state != 'cancel' or not self.continuity_parent_id:
            return None
        lines = self.sudo().order_line.filtered('continuity_line_id')
        others = lines.continuity_line_id.child_line_ids.filtered(lambda line: line.state != 'cancel') - lines
        if others:
            return self.env._(
                "%(order)s cannot be taken up again: %(other)s sends its shipment. Change that order instead.",
                order=self.name,
                other=others[0].order_id.name,
            )
        if any(lines.mapped('continuity_is_given_back')):
            return self.env._(
                "%(order)s cannot be taken up again: its shipment is planned again and gets a new child order. "
                "Change the plan of %(subscription)s instead.",
                order=self.name,
                subscription=lines.continuity_line_id.subscription_id[:1].display_name,
            )
        return None
