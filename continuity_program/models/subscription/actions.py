from odoo import api, fields, models
from odoo.exceptions import LockError, UserError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import format_date


class ContinuitySubscription(models.Model):
    """What customers and agents do with the shipments to come of a running subscription: one method each, which form,
    portal and RPC ask alike (``docs/behaviour.md#changing-a-running-subscription``)."""

    _inherit = 'continuity.subscription'

    seen_key = fields.Char(compute='_compute_seen_key')

    # === ACTION METHODS === #

    def action_skip_next(self):
        """Pass over the next shipment."""
        self.check_access('write')
        self._begin_change()
        self._skip_next()
        return True

    def action_postpone(self):
        """Move the next shipment, and all after it, by its interval."""
        self.check_access('write')
        self._begin_change()
        self._postpone()
        return True

    def action_ship_now(self):
        """Send the next shipment today."""
        self.check_access('write')
        self._begin_change()
        self._ship_now()
        return True

    # === WHAT THE USER SAW === #

    @api.depends('state', 'line_ids.state', 'line_ids.date_planned', 'line_ids.event_number')
    def _compute_seen_key(self):
        for subscription in self:
            subscription.seen_key = subscription.sudo()._get_shipment_key()

    def _get_shipment_key(self):
        """Return what tells the state and the next shipment from any other. It is shown with a page, and comes back
        with the click: a page of yesterday, or a button pressed twice, changes nothing more."""
        self.ensure_one()
        line = self._get_next_shipment()[:1]
        return f'{self.state}/{line.id}/{line.date_planned}' if line else self.state

    def _begin_change(self, seen=None):
        """Hold the subscriptions for a change that a person asks for, and look whether it is still about what was seen.

        :param str seen: the ``_get_shipment_key`` of the page; that of the button's context when not given. Without
            any, as in a call by RPC, it is about what is next now.
        :raise UserError: for what has changed since, or is being changed by somebody else: the same click, maybe.
        """
        busy = self.env._("Somebody else is changing this subscription at the moment. Reload it and look again.")
        try:
            with self.env.cr.savepoint(flush=False):
                self.sudo().lock_for_update(allow_referencing=True)
        except (LockError, *PG_CONCURRENCY_EXCEPTIONS_TO_RETRY) as error:
            # Not tried again by itself: about the next shipment then, it would be another change.
            raise UserError(busy) from error
        if seen is None:
            seen = self.env.context.get('continuity_seen')
        if seen is not None:
            self._check_seen(seen)

    def _check_seen(self, seen):
        """:raise UserError: where state or next shipment are not what was seen, as ``_get_shipment_key`` gave it."""
        for subscription in self.sudo():
            if seen != subscription._get_shipment_key():
                raise UserError(subscription._get_changed_text(seen))

    def _get_changed_text(self, seen):
        """Return in words what has become of what was seen."""
        line = self.line_ids.filtered(lambda line: f'/{line.id}/' in str(seen))[:1]
        values = {'subscription': self.display_name, 'number': line.event_number}
        if line and line.state != 'planned':
            return self.env._(
                "%(subscription)s has changed in the meantime: shipment %(number)s is %(state)s already. Nothing more "
                "was done. Please look at it once more.",
                state=line._get_state_label().lower(),
                **values,
            )
        if line and not str(seen).endswith(f'/{line.date_planned}'):
            return self.env._(
                "%(subscription)s has changed in the meantime: shipment %(number)s is planned for %(date)s now. "
                "Nothing more was done. Please look at it once more.",
                date=format_date(self.env, line.date_planned),
                **values,
            )
        return self.env._(
            "%(subscription)s has changed in the meantime: it is %(state)s. Nothing more was done. Please look at it "
            "once more.",
            subscription=self.display_name,
            state=self._get_state_label().lower(),
        )

    # === THE NEXT SHIPMENT === #

    def _get_next_shipment(self):
        """Return the planned lines of the shipment that is sent next."""
        self.ensure_one()
        planned = self.line_ids._filtered_planned().sorted(lambda line: (line.date_planned, line.event_number, line.id))
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
        lines._unguarded().write({'is_skipped': True, 'skip_reason': skip_reason})
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
        """Move the next shipment, and all after it, by its interval; the new rhythm is kept.

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
            lines._unguarded().write({'date_planned': today, 'date_overridden': True})
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
