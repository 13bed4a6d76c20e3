import logging
from collections import Counter
from datetime import timedelta

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain

from ..base.automatic import press
from ..base.isolation import isolate_each
from ..stock.bulk import BulkDelivery

_logger = logging.getLogger(__name__)

#: What a child order has as its parent order has it, of whatever module: what is not here is in docs/behaviour.md.
CARRIED_FIELDS = (
    'campaign_id',
    'client_order_ref',
    'incoterm',
    'incoterm_location',
    'journal_id',
    'medium_id',
    'note',
    'picking_policy',
    'preferred_payment_method_line_id',
    'pricelist_id',
    'project_id',
    'source_id',
    'tag_ids',
    'team_id',
    'user_id',
    'warehouse_id',
)


class ContinuitySubscription(models.Model):
    """Child orders: which are due, what is in them."""

    _inherit = 'continuity.subscription'

    # === JOB: CREATE ORDERS === #

    @api.model
    def _job_create_orders_domain(self, as_of):
        """Return the running subscriptions with a shipment that is due on ``as_of``, lead days included."""
        horizon = self._get_order_horizon(as_of)
        has_pause_ended = Domain('state', '=', 'paused') & Domain('resume_date', '<=', as_of)
        return (
            (Domain('state', '=', 'running') | has_pause_ended)
            & Domain('next_date', '<=', horizon)
            & Domain('line_ids', 'any', self._get_due_line_domain(horizon, as_of))
        )

    @api.model
    def _get_due_line_domain(self, horizon, as_of):
        """Return the planned lines dated up to ``horizon`` that the customer can no longer decline."""
        return (
            Domain('state', '=', 'planned')
            & Domain('date_planned', '<=', horizon)
            & (Domain('decline_until', '=', False) | Domain('decline_until', '<', as_of))
        )

    @api.model
    def _get_order_horizon(self, as_of):
        return as_of + timedelta(days=self.env.company.continuity_lead_days)

    def _job_create_orders_process(self, batch):
        """Create one child order per due shipment, the oldest first; whose pause has ended goes on first."""
        self._end_pauses()
        due, skipped = [], Counter()
        for lines, refusal, substitutes in self._get_decided_shipments(batch):
            if refusal:
                skipped[lines.subscription_id, *refusal] += 1
            else:
                due.append((lines, substitutes))
        for (subscription, kind, reason), count in skipped.items():
            batch.skip(subscription, kind, reason, count)
        self._make_shipments(due[: batch.limit], batch)
        # Not earlier: a lost box that is sent again goes out all the same.
        for subscription, kind, reason in skipped:
            if kind == 'unpaid_stopped':
                subscription._stop_unpaid(reason)

    def _make_shipments(self, shipments, batch):
        """Make the child orders: all at once or, where that fails for a subscription by itself, one by one, so that one
        bad box holds back no other that is due; the subscription is set aside for those that fail.

        :param shipments: list of (lines, what is sent instead of them, the product by line).
        """
        if len(self) > 1 or len(shipments) < 2:
            self._make_together(shipments, batch)
            return
        failures = isolate_each(self.env, shipments, lambda part: self._make_together(part, batch))
        if len(failures) == len(shipments):
            raise failures[0][1]
        if failures:
            reason = self.env['continuity.job.run']._explain(failures[0][1])
            _logger.info("create_orders of %s: %s of %s failed: %s", self, len(failures), len(shipments), reason)
            batch.fail(self, reason, len(failures))
            self._park('create_orders', reason)

    def _make_together(self, shipments, batch):
        for lines, substitutes in shipments:
            lines.subscription_id._write_substitutes(substitutes)
        # What is free of the goods may decide over the next shipment only as long as nobody else can take it.
        bulk = BulkDelivery(reserves_later=self._is_committing() and not batch.stock)
        self.with_context(continuity_bulk=bulk)._create_child_orders([lines for lines, _substitutes in shipments])
        batch.deferred_ids += sorted(bulk.moves_to_reserve)
        batch.done += len(shipments)

    @api.model
    def _job_create_orders_deferred(self, move_ids):
        """Reserve the goods of child orders: apart from making them, since all of a night want the same goods."""
        self.env['stock.move'].browse(move_ids)._reserve_deferred()

    def _job_create_orders_count(self, batch):
        return len(self._get_due_shipments(batch))

    def _job_create_orders_preview(self, batch):
        # Whose pause has ended goes on first, and may have other dates then: of that nothing stays.
        with self.env.cr.savepoint() as savepoint:
            self.with_context(tracking_disable=True)._end_pauses()
            rows = self._prepare_due_rows(batch)
            savepoint.rollback()
        return rows

    def _prepare_due_rows(self, batch):
        rows = []
        for lines, refusal, substitutes in self._get_decided_shipments(batch):
            subscription = lines.subscription_id
            lines._take_taxes_of_today()
            rows.append(
                {
                    **subscription._prepare_preview_row(),
                    'effect': 'charged_order' if subscription._is_charged_at_creation() else 'order',
                    'line_ids': lines.ids,
                    'skipped': refusal[1] if refusal else False,
                    'change': ', '.join(line._get_sent_text(substitutes.get(line)) for line in lines),
                    'date': lines[0].date_planned,
                    'amount': subscription._get_child_amount(lines, substitutes),
                }
            )
        return rows

    def _get_due_shipments(self, batch):
        """Return the lines of each child order that is due: one per subscription, shipment number and address.

        :rtype: list[continuity.line]
        """
        horizon = self._get_order_horizon(batch.as_of)
        if batch.until:
            horizon = min(horizon, batch.until)
        lines = self.env['continuity.line'].search(
            Domain('subscription_id', 'in', self.ids) & self._get_due_line_domain(horizon, batch.as_of),
            order='date_planned, subscription_id.id, event_number, id',
        )
        return lines._by_shipment()

    def _get_currency_refusal(self):
        """Return why the parent's price list no longer fits the plan, or nothing."""
        pricelist = self.order_id.pricelist_id
        if not pricelist or pricelist.currency_id == self.currency_id:
            return None
        return self.env._(
            "%(subscription)s is planned in %(currency)s, but its price list %(pricelist)s is now in %(new_currency)s. "
            "Give the price list its currency back, or sell the plan again.",
            subscription=self.display_name,
            currency=self.currency_id.name,
            pricelist=pricelist.display_name,
            new_currency=pricelist.currency_id.name,
        )

    def _create_child_orders(self, shipments):
        """Create and confirm one child order for each group of lines.

        :param shipments: list of ``continuity.line`` recordsets of one company.
        :rtype: sale.order
        """
        self.env['continuity.line'].union(*shipments)._take_taxes_of_today()
        orders = (
            self.env['sale.order']
            .with_context(mail_create_nosubscribe=True, mail_create_nolog=True, tracking_disable=True)
            .create([lines.subscription_id._prepare_child_order(lines) for lines in shipments])
            .with_env(self.env)
        )
        orders._follow_as_by_hand()
        for child_line in orders.order_line.filtered('continuity_line_id'):
            if child_line.continuity_line_id._has_current_price():
                child_line.continuity_line_id._use_price_of(child_line)
        for order, lines in zip(orders, shipments, strict=True):
            order._add_continuity_carrier_rate(lines.program_id)
            order._take_off_box(lines)
        if self.env.company.continuity_autoconfirm:
            self._confirm_together(orders)
        lines = self.env['continuity.line'].union(*shipments)
        lines.subscription_id._on_ordered(lines)
        return orders

    @api.model
    def _confirm_together(self, orders):
        """Confirm child orders; their deliveries are made together, which halves the time."""
        bulk = BulkDelivery.of(self.env) or BulkDelivery()
        press(orders.with_context(continuity_bulk=bulk), 'action_confirm')
        self.env['stock.move'].browse(bulk.moves_to_schedule)._trigger_scheduler_together()

    def _get_child_amount(self, lines, substitutes):
        """Return what a child order of the lines would cost, taxes and shipping included, by Odoo's own order.

        :param dict substitutes: the products sent instead of those planned, by line.
        """
        values = self._prepare_child_order(lines)
        replaced = {line.id: line._prepare_substitute(product) for line, product in substitutes.items()}
        for _command, _id, line_values in values['order_line']:
            line_values |= replaced.get(line_values.get('continuity_line_id'), {})
        order = self.env['sale.order'].new(values)
        rate = order._get_continuity_carrier_rate(lines.program_id)
        return self._get_reduced_amount(lines, order.amount_total + (rate['price'] if rate else 0.0))

    def _prepare_child_order(self, lines):
        """Return the values of a child order; everything that is known is given, so that nothing is looked up again.

        :raise UserError: for what cannot be ordered.
        """
        self.ensure_one()
        for reason in (self._get_currency_refusal(), *(line._get_order_error() for line in lines)):
            if reason:
                raise UserError(reason)
        parent = self.order_id
        address = lines[:1].partner_shipping_id or self.partner_shipping_id
        terms = lines.payment_term_id[:1] or (
            self.env['account.payment.term'] if self.bill_upfront else self.payment_term_id
        )
        return {
            **{name: _get_written(parent, name) for name in CARRIED_FIELDS if name in parent._fields},
            'company_id': self.company_id.id,
            'continuity_parent_id': parent.id,
            'origin': parent.name,
            'partner_id': self.partner_id.id,
            'partner_invoice_id': self.partner_invoice_id.id,
            'partner_shipping_id': address.id,
            'currency_id': self.currency_id.id,
            'fiscal_position_id': self._get_fiscal_position(address).id,
            'payment_term_id': (terms or parent.payment_term_id).id,
            'carrier_id': (lines.carrier_id[:1] or parent.carrier_id).id,
            'sale_order_template_id': False,
            'require_signature': False,
            'require_payment': False,
            'date_order': self.company_id._get_continuity_now(),
            'commitment_date': self.company_id._get_continuity_noon(lines[0].date_planned),
            'order_line': [
                *(Command.create(line._prepare_child_line()) for line in lines),
                *self._prepare_shipping_lines(lines),
            ],
        }


def _get_written(record, name):
    """Return the value of a field as it is written on another record."""
    return record._fields[name].convert_to_write(record[name], record)
