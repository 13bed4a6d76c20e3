from collections import Counter
from contextlib import contextmanager
from datetime import timedelta

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Command, Domain

from .. import schedule
from ..money import share_out


class ContinuitySubscription(models.Model):
    """Making the plan of a subscription, and extending it."""

    _inherit = 'continuity.subscription'

    # === MAKING THE PLAN === #

    @api.model
    def _prepare_subscription(self, order_line):
        """Return the values of the subscription of a parent order line."""
        program = order_line.product_id.continuity_program_id
        return {
            'order_line_id': order_line.id,
            'program_id': program.id,
            'event_count': order_line.product_id.continuity_event_count,
            'order_start': program.order_start,
            'bill_upfront': program.bill_upfront,
            'payment_term_id': program.payment_term_id.id,
            'payment_method': 'token' if program.allowed_methods == 'token' else 'on_account',
        }

    def _plan(self):
        """Make the plans of drafts again; what was changed by hand keeps its value.

        :raise UserError: for a plan that cannot be made; the text names program and remedy.
        """
        for subscription in self.sudo():
            reason = subscription._get_endless_refusal()
            if reason:
                raise UserError(reason)
            with subscription._explained_dates():
                shipments = subscription._get_shipments()
            subscription._write_plan(shipments)
            subscription._update_parent_line()

    @contextmanager
    def _explained_dates(self):
        """Turn what the date arithmetic refuses into words that name the program."""
        try:
            yield
        except schedule.TooManyLinesError as error:
            raise UserError(
                self.env._(
                    "Program %(program)s would plan more than %(limit)s lines at once. Lower the repeats of its events "
                    "or the repeat threshold.",
                    program=self.program_id.display_name,
                    limit=schedule.MAX_LINES,
                )
            ) from error
        except schedule.UnreachableDateError as error:
            raise UserError(
                self.env._(
                    "Program %(program)s has a shipment beyond the year 9999. Lower the intervals or repeats of its "
                    "events.",
                    program=self.program_id.display_name,
                )
            ) from error

    def _get_shipments(self, today=None):
        """Return the plan that a draft has on a day, by default the company's today.

        :rtype: list[schedule.Shipment]
        """
        self.ensure_one()
        if not self.quantity:
            return []
        program = self.program_id
        today = today or self.company_id._get_continuity_today()
        return schedule.plan(
            program._get_events(),
            joining_day=max(self.start_date or today, today),
            anchor=self._get_anchor(today),
            order_start=self.order_start,
            start_event=self.start_event if self.is_start_event_chosen else 0,
            missed_event_policy=program.missed_event_policy,
            event_count=self.event_count,
            threshold=self._get_threshold(),
            end_of_month=program.end_of_month,
        )

    def _preview_plan(self, today):
        """Give a subscription that is in memory only the plan of a day.

        :raise UserError: for a plan that cannot be made.
        """
        self.ensure_one()
        with self._explained_dates():
            shipments = self._get_shipments(today=today)
        self.line_ids = [
            Command.create({**vals, 'currency_id': self.currency_id.id})
            for vals, _program_line in self._prepare_lines(shipments)
        ]
        self.occurrences_left = self._count_left_after(shipments)

    def _get_anchor(self, today):
        """Return the day a draft's dates are counted from."""
        if self.program_id.is_calendar:
            return max(self.start_date or today, today)
        base = self.start_date or self.company_id._get_continuity_day(self.order_id.date_order)
        return schedule.get_relative_anchor(base, self.program_id.days_after_order, today)

    def _get_threshold(self):
        """Return how many occurrences of one event are planned at most, 0 = all."""
        return 0 if self.bill_upfront else self.company_id.continuity_repeat_threshold

    def _write_plan(self, shipments):
        """Make the planned lines those of the shipments."""
        self.ensure_one()
        Line = self.env['continuity.line']._planning()
        existing = {
            (line.program_line_id, line.occurrence): line for line in self.line_ids._planning() if line.program_line_id
        }
        existing_count = len(existing)
        new_vals = []
        for vals, program_line in self._prepare_lines(shipments):
            line = existing.pop((program_line, vals['occurrence']), None)
            if line:
                line.write(line._prepare_plan_update(vals))
            else:
                new_vals.append(vals)
        orphans = self.line_ids._planning().filtered(
            lambda line: line.program_event_number and not line.program_line_id
        )
        Line.union(orphans, *existing.values()).unlink()
        Line.create(new_vals)
        if existing_count and new_vals:
            self.invalidate_recordset(['line_ids'])  # for the order of the lines on the page
        today = self.company_id._get_continuity_today()
        first_event = shipments[0].event if shipments else 0
        left = self._count_left_after(shipments)
        self._planning().write(
            {
                'occurrences_left': left,
                'missing_event_count': max(self.event_count - len(shipments) - left, 0) if left >= 0 else 0,
                **self._prepare_clock(schedule.Clock(self._get_anchor(today))),
                'anchor_date': self._get_anchor(today),
                'start_event': self.start_event if self.is_start_event_chosen else first_event,
                'program_revision': self.program_id.revision,
                'new_price_date': self.program_id.new_price_date,
            }
        )

    def _count_left_after(self, shipments):
        """Return how many occurrences are bought and not among the shipments of a new plan, -1 = until cancelled."""
        left = self._count_left_behind((shipments[-1].event, shipments[-1].occurrence)) if shipments else 0
        return self._limit_to_bought(left, len(shipments))

    def _count_left_behind(self, position):
        """Return how many occurrences the program has for the plan behind a position, ``None`` = until cancelled."""
        events = self._get_own_events()
        left = schedule.count_left(events, after=position)
        repeats = {event.number: event.repeats for event in schedule.get_sent_events(events)}
        used = [place for place in self._get_closed_positions() if place > position and place[0] in repeats]
        return None if left is None else left - sum(place[1] <= repeats[place[0]] for place in used)

    def _limit_to_bought(self, left, counted):
        """Return how many of what the program has left are bought and not planned, -1 = until cancelled.

        :param counted: how many occurrences count as bought already.
        """
        if self.event_count:
            bought_left = max(self.event_count - counted, 0)
            return bought_left if left is None else min(left, bought_left)
        return -1 if left is None else left

    def _count_left_and_missing(self, planned):
        """Return how many occurrences are bought and not planned, -1 = until cancelled; and how many the program does
        not have.

        :param planned: the positions planned, a set.
        """
        counted = self._count_bought(planned)
        left = self._limit_to_bought(self._count_left_behind(self._get_last_position(planned)), counted)
        return left, max(self.event_count - counted - left, 0) if left >= 0 else 0

    def _count_bought(self, planned):
        """Return how many occurrences count as bought, with those at the positions ``planned``."""
        return len(self._get_bought_positions() | planned) + self._count_gone()

    def _count_again(self):
        """Note how many occurrences are left to plan, and how many the program does not have, after some of those
        planned do not count as bought any more, or another last shipment was agreed. What is paid in advance is planned
        whole."""
        if self.bill_upfront:
            return
        left, missing = self._count_left_and_missing(self._get_planned_positions())
        self._planning().write(
            {'occurrences_left': self._limit_left(left, self.cancel_after_event), 'missing_event_count': missing}
        )

    def _get_own_events(self):
        """Return the program's events for this subscription: in a relative program, from its start event on."""
        events = self.program_id._get_events()
        if self.program_id.is_calendar:
            return events
        # By the program's numbers of today: an event may have been renumbered since.
        start_event = min((line._get_position()[0] for line in self._get_own_lines()), default=self.start_event)
        return [event for event in events if event.number >= start_event]

    # === WHERE THE PLAN STANDS IN THE PROGRAM === #

    def _get_own_lines(self):
        """Return the lines that tell where the plan begins in the program: what has left it does not, unless there is
        nothing else, or it is planned still."""
        lines = self.line_ids._program_lines().filtered('program_event_number')
        return lines.filtered(lambda line: line.program_line_id or line.state == 'planned') or lines

    def _get_planned_positions(self):
        """Return the positions of what is planned and in the program."""
        planned = self.line_ids._planned().filtered('program_line_id')
        return {line._get_position() for line in planned}

    def _get_closed_positions(self):
        """Return the positions not planned any more: all of it was ordered, skipped, or cancelled by people."""
        known = self.line_ids._program_lines().filtered('program_line_id')
        closed = known.filtered(lambda line: not line._is_open_to_program())
        return {line._get_position() for line in closed} - {line._get_position() for line in known - closed}

    def _get_used_lines(self):
        """Return the lines that count as bought besides those planned: skipped ones do not, nor what left the program
        before it was sent."""
        return self.line_ids._program_lines().filtered(
            lambda line: (
                line.program_event_number
                and line.state in ('ordered', 'delivered', 'cancelled')
                and line.cancel_cause != 'program'
            )
        )

    def _get_bought_positions(self):
        """Return the positions that count as bought besides those planned."""
        return {line._get_position() for line in self._get_used_lines().filtered('program_line_id')}

    def _count_gone(self):
        """Return how many occurrences count as bought whose event has left the program; its old number is known."""

        def get_planned_as(line):
            return line.event_number, line.program_event_number, line.occurrence

        present = self.line_ids._program_lines().filtered('program_line_id')
        gone = self._get_used_lines().filtered(lambda line: not line.program_line_id)
        return len({get_planned_as(line) for line in gone} - {get_planned_as(line) for line in present})

    def _get_last_position(self, planned):
        """Return the last position of a plan, and not ahead of the customer's own.

        :param planned: the positions planned, a set.
        """
        return max(self._get_position_behind(self._get_clock()), max(planned, default=(0, 0)))

    def _prepare_lines(self, shipments):
        """Yield the values of the planned lines of the shipments, each with its program line."""
        program_lines = self.program_id.line_ids.grouped('event_number')
        events = {}
        shipping_number = None
        for shipment in shipments:
            if shipment.event not in events:
                events[shipment.event] = self._prepare_event(program_lines[shipment.event])
            for program_line, vals in events[shipment.event].items():
                vals = {
                    **vals,
                    'event_number': shipment.number,
                    'occurrence': shipment.occurrence,
                    'date_planned': shipment.date,
                    'date_scheduled': shipment.date,
                    'shipping_amount': self._get_shipping_amount() if shipment.number != shipping_number else 0.0,
                }
                yield self._with_new_price(vals, program_line), program_line
                shipping_number = shipment.number

    def _prepare_event(self, program_lines):
        """Return by program line what all occurrences of an event have in common in this subscription's plan."""
        prepared = {program_line: self._prepare_program_line(program_line) for program_line in program_lines}
        if self.price_per_event and not self.bill_upfront:
            amounts = share_out(
                self.price_per_event * self.quantity,
                [vals['price_unit'] * vals['quantity'] for vals in prepared.values()],
                self.currency_id.rounding,
            )
            for vals, amount in zip(prepared.values(), amounts, strict=True):
                vals.update(price_unit=amount / vals['quantity'], discount=self.order_line_id.discount)
        return prepared

    def _prepare_program_line(self, program_line):
        """Return the values of the planned lines that a program line makes."""
        quantity = program_line.quantity * self.quantity
        uom = program_line.product_uom_id
        return {
            'subscription_id': self.id,
            'program_line_id': program_line.id,
            'program_event_number': program_line.event_number,
            'product_id': program_line.product_id.id,
            'quantity': quantity,
            'product_uom_id': uom.id,
            'carrier_id': program_line.carrier_id.id,
            'payment_term_id': program_line.payment_term_id.id,
            'is_event_price': program_line.price_overridden,
            **self._prepare_price_values(program_line.product_id, quantity, uom, program_line),
        }

    def _prepare_price_values(self, product, quantity, uom, program_line=None, address=None, price_date=None):
        """Return price, discount and taxes by the event's fixed price, else the order's price list.

        A discount that the salesperson gives on the parent line of a plan billed per shipment goes to the shipments.

        :param quantity: quantity in ``uom``.
        :param program_line: the event line sent, or nothing for a product put in by hand.
        :param address: where it is sent, if not to the subscription's address.
        :param price_date: the moment whose price list counts, if not the order date.
        :rtype: dict
        """
        order = self.order_id
        product = product.with_company(self.company_id)
        taxes = product.taxes_id._filter_taxes_by_company(self.company_id)
        if program_line and program_line.price_overridden:
            price, discount = self._convert(program_line.price_unit), program_line.discount
        else:
            discount = 0.0
            price = order.pricelist_id._get_product_price(
                product, quantity, currency=self.currency_id, uom=uom, date=price_date or order.date_order
            )
        if not self.bill_upfront:
            discount = self.order_line_id.discount or discount
        mapped_taxes = self._get_taxes(product, address or self.partner_shipping_id)
        return {
            'price_unit': product._get_tax_included_unit_price_from_price(
                price, product_taxes=taxes, product_taxes_after_fp=mapped_taxes
            ),
            'discount': discount,
            'tax_ids': [Command.set(mapped_taxes.ids)],
        }

    def _get_taxes(self, product, address):
        """Return the taxes of a product that is sent to an address."""
        taxes = product.with_company(self.company_id).taxes_id._filter_taxes_by_company(self.company_id)
        return self._get_fiscal_position(address).map_tax(taxes)

    def _get_fiscal_position(self, address):
        """Return the fiscal position for what is sent to an address: that of the order for the order's own address,
        which the salesperson may have chosen, else the one found for the address."""
        order = self.order_id
        if address == order.partner_shipping_id:
            return order.fiscal_position_id
        return (
            self.env['account.fiscal.position']
            .with_company(self.company_id)
            ._get_fiscal_position(self.partner_id, address)
        )

    def _convert(self, amount):
        """Return an amount of the program in the order's currency, at the rate of the order date.

        :raise UserError: without a rate for one of the two.
        """
        program, order = self.program_id, self.order_id
        if not amount or program.currency_id == self.currency_id:
            return amount
        for currency in (program.currency_id, self.currency_id):
            if currency != self.company_id.currency_id and not currency.rate_ids.filtered(
                lambda rate: rate.company_id in (self.company_id.root_id, self.env['res.company'])
            ):
                raise UserError(
                    self.env._(
                        "Program %(program)s has prices in %(program_currency)s and %(order)s is in "
                        "%(order_currency)s, but %(currency)s has no exchange rate. "
                        "Add one under Accounting ▸ Currencies.",
                        program=program.display_name,
                        program_currency=program.currency_id.name,
                        order=order.display_name,
                        order_currency=self.currency_id.name,
                        currency=currency.name,
                    )
                )
        return program.currency_id._convert(
            amount,
            self.currency_id,
            self.company_id,
            self.company_id._get_continuity_day(order.date_order),
            round=False,
        )

    def _update_parent_line(self):
        """Give the parent lines of drafts the price of what they bill and the plan in words, for all documents."""
        for subscription in self.sudo().filtered(lambda subscription: subscription.state == 'draft'):
            line = subscription.order_line_id
            line._update_continuity_price()
            subscription._update_shipping_line()
            subscription._share_prepaid()
            subscription._plan_upfront_payments()
            subscription._update_plan_text()

    def _update_plan_text(self):
        """Write the plan in words, in the customer's language, into the parent line's description."""
        self.ensure_one()
        line, old_text = self.order_line_id, self.plan_text
        text = self.with_context(lang=self.partner_id.lang)._get_summary()
        if text == (old_text or ''):
            return
        line.name = line.name.replace(old_text, text) if old_text and old_text in line.name else f"{line.name}\n{text}"
        self._planning().plan_text = text

    def _share_prepaid(self):
        """Share the parent line's untaxed amount among the shipments that it pays, to the last unit."""
        for subscription in self.filtered('bill_upfront'):
            lines = subscription.line_ids._live()
            shares = share_out(
                subscription.order_line_id.price_subtotal,
                lines.mapped('price_subtotal'),
                subscription.currency_id.rounding,
            )
            for line, share in zip(lines, shares, strict=True):
                if subscription.currency_id.compare_amounts(line.prepaid_amount, share):
                    line._planning().prepaid_amount = share

    def _set_default_payment_method(self):
        """Choose the card where the customer has one and the program allows it; a card chosen already stays."""
        for subscription in self:
            methods = subscription.program_id.allowed_methods
            token = self.env['payment.token']
            if methods != 'on_account':
                token = subscription._get_own_token() or subscription._find_token()
            subscription.write(
                {
                    'payment_method': 'token' if token or methods == 'token' else 'on_account',
                    'payment_token_id': token.id,
                }
            )

    def _get_own_token(self):
        """Return the card chosen, if it is the customer's."""
        token_sudo = self.sudo().payment_token_id
        return token_sudo.filtered(
            lambda token: token.partner_id.commercial_partner_id == self.partner_id.commercial_partner_id
        )

    def _find_token(self):
        """Return the newest usable card of the customer."""
        return (
            self.env['payment.token']
            .sudo()
            .search(
                [
                    ('partner_id', 'child_of', self.partner_id.commercial_partner_id.id),
                    ('company_id', '=', self.company_id.id),
                    ('provider_id.state', '!=', 'disabled'),
                ],
                order='id desc',
                limit=1,
            )
        )

    # === JOB: EXTEND === #

    @api.model
    def _job_extend_domain(self, as_of):
        """Return the running subscriptions whose last planned event has room for more occurrences."""
        return (
            Domain('state', '=', 'running')
            & Domain('bill_upfront', '=', False)
            & Domain('occurrences_left', '!=', 0)
            & Domain('open_occurrence_count', '<', self.env.company.continuity_repeat_threshold)
        )

    def _job_extend_process(self, batch):
        for subscription in self:
            subscription._extend()
        batch.done += len(self)

    def _job_extend_preview(self, batch):
        rows = []
        for subscription in self:
            for vals in subscription._prepare_extension(subscription._get_next_occurrences()):
                line = self.env['continuity.line'].new({**vals, 'subscription_id': subscription.id})
                rows.append(
                    {
                        **subscription._prepare_preview_row(),
                        'change': f"{line.quantity:g} × {line.product_id.display_name}",
                        'date': line.date_planned,
                        'amount': line.price_total + line.shipping_total,
                    }
                )
        return rows

    def _get_next_occurrences(self):
        """Return the occurrences that the plan has room for.

        :rtype: list[schedule.Occurrence]
        """
        self.ensure_one()
        planned = self._get_planned_positions()
        last = self._get_last_position(planned)
        left = None if self.occurrences_left < 0 else self.occurrences_left
        occurrences = list(
            schedule.take(
                self._get_open_timeline(last, self._get_clock()),
                left,
                threshold=self._get_threshold(),
                open_counts=Counter(event for event, _occurrence in planned),
            )
        )
        schedule.check_size(self._get_own_events(), occurrences)
        delay = self._get_extension_delay(last)
        return [occurrence._replace(date=occurrence.date + delay) for occurrence in occurrences]

    def _get_extension_delay(self, position):
        """Return by how much the plan already runs behind a program that was changed since, so that what is added
        comes after it. An unchanged program, and one on a calendar, gives its own dates."""
        last = self.line_ids.filtered(lambda line: line._get_position() == position)[:1]
        if not last or self.program_id.is_calendar or self.program_revision == self.program_id.revision:
            return timedelta()
        computed = next(self._get_timeline(after=(position[0], position[1] - 1)), None)
        return max(last._get_scheduled_day() - computed.date, timedelta()) if computed else timedelta()

    def _extend(self):
        """Add to the plan what it has room for."""
        self.ensure_one()
        with self._explained_dates():
            occurrences = self._get_next_occurrences()
        taken_away = self._get_taken_away()
        new_vals = []
        for vals in self._prepare_extension(occurrences):
            line = taken_away.get((vals['program_line_id'], vals['occurrence']))
            if line:
                line._planning().write(line._prepare_restoration(vals, line._prepare_plan_update(vals)))
            else:
                new_vals.append(vals)
        self.env['continuity.line']._planning().create(new_vals)
        # Fewer than expected: the program has lost events, and the plan ends here until it is synchronised.
        if not occurrences:
            if self._count_left_behind(self._get_last_position(self._get_planned_positions())) == 0:
                self.occurrences_left = 0
        elif self.occurrences_left > 0:
            self.occurrences_left -= len(occurrences)

    def _prepare_extension(self, occurrences):
        """Return the values of the lines behind the plan; a later occurrence takes the price of the one before."""
        self.ensure_one()
        last_number = max(self.line_ids.mapped('event_number'), default=0)
        shipments = [
            schedule.Shipment(number, *occurrence)
            for number, occurrence in enumerate(occurrences, start=last_number + 1)
        ]
        previous = self._get_previous_lines()
        return [
            {**vals, **previous[program_line]._prepare_next_price(vals)} if program_line in previous else vals
            for vals, program_line in self._prepare_lines(shipments)
        ]

    def _get_previous_lines(self):
        """Return, by program line, the last one in the plan: the next one takes its price."""
        return {
            line.program_line_id: line
            for line in self.line_ids._program_lines().sorted('occurrence')
            if not line.is_substituted and line.cancel_cause != 'program'
        }

    def _get_taken_away(self):
        """Return, by program line and occurrence, what the program took away and would send again."""
        return {
            (line.program_line_id.id, line.occurrence): line
            for line in self.line_ids._program_lines()
            if line.cancel_cause == 'program'
        }
