from odoo import models
from odoo.exceptions import UserError
from odoo.tools import format_date


class ContinuitySubscription(models.Model):
    """What customers and agents do with the shipments to come of a running subscription: one method each, which form,
    portal and RPC ask alike (``docs/behaviour.md#changing-a-running-subscription``)."""

    _inherit = 'continuity.subscription'

    # === ACTION METHODS === #

    def action_skip_next(self):
        """Pass over the next shipment."""
        self.check_access('write')
        self._skip_next()
        return True

    def action_postpone(self):
        """Move the next shipment, and all behind it, by its interval."""
        self.check_access('write')
        self._postpone()
        return True

    def action_ship_now(self):
        """Send the next shipment today."""
        self.check_access('write')
        self._ship_now()
        return True

    # === THE NEXT SHIPMENT === #

    def _get_next_shipment(self):
        """Return the planned lines of the shipment that is sent next."""
        self.ensure_one()
        planned = self.line_ids._planned().sorted(lambda line: (line.date_planned, line.event_number, line.id))
        return planned._by_shipment()[0] if planned else planned

    def _get_next_refusal(self):
        """Return why nothing can be done with the next shipment, or nothing."""
        self.ensure_one()
        if self.state != 'running':
            return self._get_state_refusal()
        return None if self._get_next_shipment() else self._get_nothing_to_come_text()

    def _get_nothing_to_come_text(self):
        return self.env._("%(subscription)s has no shipment to come.", subscription=self.display_name)

    def _get_cut_off_refusal(self, lines):
        """Return why a shipment can no longer be changed, or nothing: its child order is due. Nothing is in a pause."""
        cut_off = lines[0]._get_cut_off_date()
        if self.state == 'paused' or self.company_id._get_continuity_today() < cut_off:
            return None
        return self.env._(
            "Shipment %(number)s of %(subscription)s is being prepared: it could be changed until before %(date)s.",
            number=lines[0].event_number,
            subscription=self.display_name,
            date=format_date(self.env, cut_off),
        )

    # === SKIP === #

    def _skip_next(self):
        """Pass over the next shipment; it does not count as bought, so that the plan takes one more where the program
        has one. Nothing else moves.

        :raise UserError: where it makes no sense: paid in advance, past the cut-off, nothing to come, not running.
        """
        for subscription in self.sudo():
            reason = subscription._get_skip_refusal()
            if reason:
                raise UserError(reason)
            lines = subscription._get_next_shipment()
            subscription._skip(lines, self.env._("Skipped"))
            subscription._log_change(self.env._("skipped"), lines)

    def _skip(self, lines, skip_reason):
        """Pass over the planned lines of a shipment."""
        self.ensure_one()
        lines._planning().write({'is_skipped': True, 'skip_reason': skip_reason})
        self._recount_left()

    def _get_skip_refusal(self, lines=None):
        """Return why a shipment, by default the next one, cannot be skipped, or nothing."""
        self.ensure_one()
        if self.bill_upfront and self.state == 'running':
            return self.env._(
                "%(subscription)s is paid in advance: postpone or pause it instead.", subscription=self.display_name
            )
        return self._get_next_refusal() or self._get_cut_off_refusal(lines or self._get_next_shipment())

    # === POSTPONE === #

    def _postpone(self):
        """Move the next shipment, and all behind it, by its interval; the new rhythm is kept.

        :raise UserError: where it makes no sense: a fixed calendar or day, past the cut-off, nothing to come, paused.
        """
        for subscription in self.sudo():
            reason = subscription._get_postpone_refusal()
            if reason:
                raise UserError(reason)
            lines = subscription._get_next_shipment()
            line = subscription._get_following_line()
            step = line.program_line_id._prepare_event(1).interval
            subscription._move_plan(line, subscription._get_clock_before(line).step(step))
            subscription._log_change(self.env._("postponed"), lines)

    def _get_postpone_refusal(self):
        """Return why the next shipment cannot be postponed, or nothing."""
        self.ensure_one()
        refusal = self._get_next_refusal() or self._get_cut_off_refusal(self._get_next_shipment())
        if refusal:
            return refusal
        if self.program_id.is_calendar:
            return self.env._(
                "Program %(program)s has a fixed calendar: the shipments of %(subscription)s cannot be postponed.",
                program=self.program_id.display_name,
                subscription=self.display_name,
            )
        following = self._get_following_line()
        if not following or not self._get_clock_before(following):
            return self.env._(
                "The next shipment of %(subscription)s has no rhythm of its own to be postponed by: change its date in "
                "the plan.",
                subscription=self.display_name,
            )
        return None

    # === SHIP NOW === #

    def _ship_now(self):
        """Plan the next shipment for today; nothing else moves.

        :raise UserError: where there is none, or it is due already.
        """
        for subscription in self.sudo():
            reason = subscription._get_ship_now_refusal()
            if reason:
                raise UserError(reason)
            lines = subscription._get_next_shipment()
            today = subscription.company_id._get_continuity_today()
            lines._planning().write({'date_planned': today, 'date_overridden': True})
            lines._count_as_announced(today)
            subscription._log_change(self.env._("sent now"), lines)
        self.env['continuity.job.run']._wake('create_orders', self)

    def _get_ship_now_refusal(self):
        """Return why the next shipment cannot be sent now, or nothing."""
        self.ensure_one()
        refusal = self._get_next_refusal()
        if refusal:
            return refusal
        lines = self._get_next_shipment()
        today = self.company_id._get_continuity_today()
        if lines[0].date_planned <= today and not lines._is_reply_awaited(today):
            return self.env._(
                "Shipment %(number)s of %(subscription)s is due already.",
                number=lines[0].event_number,
                subscription=self.display_name,
            )
        return None

    # === SWAP === #

    def _swap(self, line, product):
        """Send another product in place of a planned one; it is priced by the terms of the order.

        :param line: a planned ``continuity.line`` of this subscription.
        :param product: a ``product.product``.
        :raise UserError: where it makes no sense: paid in advance, past the cut-off, ordered, not for sale.
        """
        self.ensure_one()
        reason = self._get_swap_refusal(line, product)
        if reason:
            raise UserError(reason)
        before = line.product_id
        line.sudo().write({'product_id': product.id})
        self._log_change(
            self.env._("%(before)s → %(after)s", before=before.display_name, after=product.display_name), line
        )

    def _get_swap_refusal(self, line, product):
        """Return why a planned line cannot send another product, or nothing."""
        self.ensure_one()
        if self.state not in ('running', 'paused'):
            return self._get_state_refusal()
        if line.subscription_id != self:
            return self.env._(
                "%(line)s is not part of %(subscription)s.",
                line=line.display_name,
                subscription=self.display_name,
            )
        if not product.sale_ok or product.continuity_program_id or product == line.product_id:
            return self.env._("%(product)s cannot be sent instead.", product=product.display_name)
        return line._get_change_refusal({'product_id': product.id}) or self._get_cut_off_refusal(line)

    # === ADDRESS === #

    def _redirect_children(self, old_address):
        """Send the child orders that are on their way to the old address, and not packed yet, to the new one.

        One that would have other taxes there stays as it is, and the salesperson is told.
        """
        self.ensure_one()
        address = self.partner_shipping_id
        children = self.sudo()._get_unshipped_children()
        for child in children.filtered(lambda order: order.partner_shipping_id == old_address != address):
            if child.picking_ids._is_continuity_packed():
                continue
            if child.fiscal_position_id != self._get_fiscal_position(address):
                self._message_log(
                    body=self.env._(
                        "%(order)s would have other taxes at the new address: it still goes to %(address)s.",
                        order=child.name,
                        address=old_address.display_name,
                    )
                )
                continue
            child.with_context(update_delivery_shipping_partner=True).partner_shipping_id = address

    # === THE LOG === #

    def _log_change(self, what, lines, author=None):
        """Note in the chatter what was done with a shipment, by the user if not by the ``author``."""
        self.sudo()._message_log(
            author_id=(author or self.env.user.partner_id).id,
            body=self.env._(
                "Shipment %(number)s of %(date)s: %(what)s.",
                number=lines[0].event_number,
                date=format_date(self.env, lines[0].date_planned),
                what=what,
            ),
        )
