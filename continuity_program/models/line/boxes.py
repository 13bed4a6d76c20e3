from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command


class ContinuityLine(models.Model):
    """Single boxes: planned again, sent again, or not sent (``docs/behaviour.md#single-boxes``)."""

    _inherit = 'continuity.line'

    replacement_ids = fields.One2many(
        comodel_name='continuity.line', inverse_name='replaces_line_id', string="Sent Again By", readonly=True
    )
    can_plan_again = fields.Boolean(compute='_compute_box_actions', compute_sudo=True)
    can_send_again = fields.Boolean(compute='_compute_box_actions', compute_sudo=True)
    can_cancel_box = fields.Boolean(compute='_compute_box_actions', compute_sudo=True)

    @api.depends(
        'state',
        'cancel_cause',
        'is_credited',
        'child_line_id.state',
        'child_line_id.qty_delivered',
        'replacement_ids.state',
        'subscription_id.state',
        'subscription_id.bill_upfront',
    )
    def _compute_box_actions(self):
        for line in self:
            line.can_plan_again = not line._get_plan_again_refusal()
            line.can_send_again = not line._get_send_again_refusal()
            line.can_cancel_box = not line._get_cancel_box_refusal()

    # === ACTION METHODS === #

    def action_plan_again(self):
        """Give the boxes back to the plan."""
        self.check_access('write')
        self.sudo()._plan_again()
        return True

    def action_send_again(self):
        """Send lost boxes again, free of charge."""
        self.check_access('write')
        self.sudo()._send_again()
        return True

    def action_cancel_box(self):
        """Send the boxes not at all."""
        self.check_access('write')
        self.sudo()._cancel_box()
        return True

    # === THE BOX === #

    def _expand_to_boxes(self):
        """Return the lines with all that are in the same boxes: left, or leave, in the same child orders, or were
        cancelled together before there was one."""
        return self.union(
            *(
                line.subscription_id.line_ids.filtered(
                    lambda other, line=line: other._get_box_key() == line._get_box_key()
                )
                for line in self
            )
        )

    def _get_box_key(self):
        """Return what the lines of one box have in common."""
        self.ensure_one()
        if self.child_order_id:
            return (self.child_order_id.id,)
        return (
            self.event_number,
            self.partner_shipping_id.id,
            bool(self.replaces_line_id),
            self.state,
            self.cancel_cause,
        )

    def _get_box_names(self):
        """Return in words which shipments the lines are."""
        return ', '.join(str(number) for number in sorted(set(self.mapped('event_number'))))

    def _log_boxes(self, get_text):
        """Note on each subscription what was done with its boxes.

        :param get_text: returns the text for the numbers of the shipments, in words.
        """
        for subscription, lines in self.grouped('subscription_id').items():
            subscription._message_log(body=get_text(lines._get_box_names()))

    # === PLAN AGAIN === #

    def _plan_again(self):
        """Give boxes back to the plan whose child order was cancelled, or that were cancelled by hand.

        The same lines are planned again on the same days, so that a late one is due at once. A cancelled child order
        gives its lines back once, and cannot be taken up again then.

        :raise UserError: for a box that cannot come back.
        """
        boxes = self.sudo()._expand_to_boxes()
        for line in self.sudo() | boxes:
            reason = line._get_plan_again_refusal()
            if reason:
                raise UserError(reason)
        children = boxes.child_order_id
        boxes.child_line_id.write({'continuity_is_given_back': True})
        boxes._unguarded().write({'is_cancelled': False, 'cancel_cause': False})
        for child in children:
            child._message_log(body=self.env._("Planned again by %(user)s.", user=self.env.user.name))
        boxes._log_boxes(
            lambda numbers: self.env._(
                "Shipment %(numbers)s is planned again by %(user)s.", numbers=numbers, user=self.env.user.name
            )
        )

    def _get_plan_again_refusal(self):
        """Return why the line cannot be planned again, or nothing."""
        self.ensure_one()
        reason = self.subscription_id._get_box_refusal()
        if reason:
            return reason
        child = self.child_order_id
        if self.state == 'planned':
            return self.env._("%(line)s is planned already.", line=self.display_name)
        if self.is_credited:
            return self.env._(
                "%(line)s has been credited: sell it anew on an order of its own.", line=self.display_name
            )
        if child and child.state != 'cancel':
            return self.env._(
                "%(order)s, which sends %(line)s, is not cancelled. Cancel it first.",
                order=child.name,
                line=self.display_name,
            )
        if child and self._has_left():
            return self.env._(
                "%(line)s has left with %(order)s: let it come back first, or send it again.",
                line=self.display_name,
                order=child.name,
            )
        if not child and self.cancel_cause != 'hand':
            return self.env._(
                "%(line)s is %(state)s by itself, and does not come back by hand. Add its product to the plan instead.",
                line=self.display_name,
                state=self._get_state_label().lower(),
            )
        return None

    # === SEND AGAIN === #

    def _send_again(self):
        """Plan lost boxes a second time, free of charge, for today: what of them has left.

        It counts nowhere: not as bought, not as a shipment, in no amount.

        :raise UserError: for a box that is not to be sent again.
        :return: the new planned lines.
        :rtype: continuity.line
        """
        for line in self.sudo():
            reason = line._get_send_again_refusal()
            if reason:
                raise UserError(reason)
        lost = self.sudo()._expand_to_boxes().filtered(lambda line: not line._get_send_again_refusal())
        replacements = self._unguarded().create([line._prepare_replacement() for line in lost]).with_env(self.env)
        lost._log_boxes(
            lambda numbers: self.env._(
                "Shipment %(numbers)s is sent again, ordered by %(user)s.", numbers=numbers, user=self.env.user.name
            )
        )
        return replacements

    def _prepare_replacement(self):
        """Return the values of the line that sends this one again. It has no place in the program."""
        self.ensure_one()
        return {
            'subscription_id': self.subscription_id.id,
            'replaces_line_id': (self.replaces_line_id or self).id,
            'event_number': self.event_number,
            'product_id': self.product_id.id,
            'quantity': self.quantity,
            'product_uom_id': self.product_uom_id.id,
            'tax_ids': [Command.set(self.tax_ids.ids)],
            'date_planned': self.company_id._get_continuity_today(),
            'carrier_id': self.carrier_id.id,
            'partner_shipping_id': self.partner_shipping_id.id,
        }

    def _get_send_again_refusal(self):
        """Return why the line cannot be sent again, or nothing."""
        self.ensure_one()
        reason = self.subscription_id._get_box_refusal()
        if reason:
            return reason
        if self.is_credited:
            return self.env._(
                "%(line)s has been credited: sell it anew on an order of its own.", line=self.display_name
            )
        if self.state not in ('ordered', 'delivered') or not self._has_left():
            return self.env._("%(line)s has not left yet: there is nothing to send again.", line=self.display_name)
        on_its_way = (self.replaces_line_id or self).replacement_ids.filtered(
            lambda line: line.state in ('planned', 'ordered')
        )[:1]
        if on_its_way:
            return self.env._(
                "%(line)s is being sent again already: %(order)s.",
                line=self.display_name,
                order=on_its_way.child_order_id.name or self.env._("its child order is made next"),
            )
        return None

    def _has_left(self):
        """Whether goods of the line have left the house, even if they came back since."""
        self.ensure_one()
        child_line = self.child_line_id
        return child_line.qty_delivered > 0 or any(
            move.state == 'done' and move.location_dest_usage == 'customer' for move in child_line.move_ids
        )

    # === CANCEL A BOX === #

    def _cancel_box(self):
        """Take planned boxes out of the plan. They count as bought: nothing is sent instead.

        :raise UserError: for a box that is ordered already, or paid in advance.
        """
        boxes = self.sudo()._expand_to_boxes()
        for line in boxes:
            reason = line._get_cancel_box_refusal()
            if reason:
                raise UserError(reason)
        boxes._cancel_planned('hand')
        boxes._log_boxes(
            lambda numbers: self.env._(
                "Shipment %(numbers)s is cancelled by %(user)s.", numbers=numbers, user=self.env.user.name
            )
        )

    def _get_cancel_box_refusal(self):
        """Return why the line cannot be taken out of the plan, or nothing."""
        self.ensure_one()
        reason = self.subscription_id._get_box_refusal()
        if reason:
            return reason
        child = self.child_order_id
        if self.state == 'ordered':
            return self.env._(
                "%(line)s is ordered: cancel its child order %(order)s instead.",
                line=self.display_name,
                order=child.name,
            )
        if self.state != 'planned':
            return self.env._(
                "%(line)s is %(state)s and cannot be cancelled.",
                line=self.display_name,
                state=self._get_state_label().lower(),
            )
        if self.subscription_id.bill_upfront and not self.replaces_line_id:
            return self.env._(
                "%(line)s is paid in advance: stop the subscription, or credit the shipment once it has been sent.",
                line=self.display_name,
            )
        return None
