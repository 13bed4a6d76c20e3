from contextlib import contextmanager

from odoo import api, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ...domain import schedule


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
            'promotion_count': program._get_promotion_boxes(),
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
            with subscription._translating_schedule_errors():
                shipments = subscription._get_shipments()
            subscription._write_plan(shipments)
            subscription._update_parent_line()

    @contextmanager
    def _translating_schedule_errors(self):
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
        with self._translating_schedule_errors():
            shipments = self._get_shipments(today=today)
        self.line_ids = [
            Command.create({**vals, 'currency_id': self.currency_id.id})
            for vals, _program_line in self._prepare_lines(shipments)
        ]
        self.occurrences_left = self._count_left_after(shipments)
        if self.bill_upfront:
            self._preview_bill(today)

    def _preview_bill(self, today):
        """Give a plan that is in memory only, and billed in advance, the price and the payments of its order."""
        line = self.order_line_id
        line.continuity_subscription_ids = self
        line._update_continuity_price()
        values = self._prepare_shipping_line()
        if values:
            self.shipping_line_ids = line.new(values)
        self._share_prepaid()
        self.payment_ids = [
            Command.create({**vals, 'currency_id': self.currency_id.id})
            for vals in self._prepare_payments(
                self.order_id,
                self._get_plan_total(),
                self.payment_term_id,
                today,
                due_at_once=self.program_id.upfront_invoice_moment == 'confirmation',
            )
        ]

    def _prefetch_plans(self):
        """Read the plans of all these subscriptions at once: one by one, each is made of parts that are read anew."""
        self.line_ids.fetch(['tax_ids'])
        self.order_id.fetch(['partner_shipping_id', 'fiscal_position_id'])

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
        Line = self.env['continuity.line']._unguarded()
        existing = {
            (line.program_line_id, line.occurrence): line for line in self.line_ids._unguarded() if line.program_line_id
        }
        existing_count = len(existing)
        new_vals = []
        for vals, program_line in self._prepare_lines(shipments):
            line = existing.pop((program_line, vals['occurrence']), None)
            if line:
                line.write(line._prepare_plan_update(vals))
            else:
                new_vals.append(vals)
        orphans = self.line_ids._unguarded().filtered(
            lambda line: line.program_event_number and not line.program_line_id
        )
        Line.union(orphans, *existing.values()).unlink()
        Line.create(new_vals)
        if existing_count and new_vals:
            self.invalidate_recordset(['line_ids'])  # for the order of the lines on the page
        today = self.company_id._get_continuity_today()
        first_event = shipments[0].event if shipments else 0
        left = self._count_left_after(shipments)
        self._unguarded().write(
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
        standing = self._get_standing()
        left = standing.count_left_in_program(shipments[-1].position) if shipments else 0
        return standing.limit_to_bought(left, len(shipments))

    def _prepare_lines(self, shipments):
        """Yield the values of the planned lines of the shipments, each with its program line."""
        prices = {}
        for vals, program_line in self._prepare_unpriced_lines(shipments):
            yield self._add_price(vals, program_line, prices), program_line

    def _prepare_unpriced_lines(self, shipments):
        """Yield the values of the planned lines of the shipments but for their prices, each with its program line."""
        program_lines = self.program_id.line_ids.grouped('event_number')
        prepared = {}
        shipping_number = None
        for shipment in shipments:
            for program_line in program_lines[shipment.event]:
                if program_line not in prepared:
                    prepared[program_line] = self._prepare_program_line(program_line)
                vals = {
                    **prepared[program_line],
                    'event_number': shipment.number,
                    'occurrence': shipment.occurrence,
                    'date_planned': shipment.date,
                    'date_scheduled': shipment.date,
                    'shipping_amount': self._get_shipping_amount() if shipment.number != shipping_number else 0.0,
                }
                yield vals, program_line
                shipping_number = shipment.number

    def _prepare_program_line(self, program_line):
        """Return the values of the planned lines that a program line makes, but for their price."""
        return {
            'subscription_id': self.id,
            'program_line_id': program_line.id,
            'program_event_number': program_line.event_number,
            'product_id': program_line.product_id.id,
            'quantity': program_line.quantity * self.quantity,
            'product_uom_id': program_line.product_uom_id.id,
            'carrier_id': program_line.carrier_id.id,
            'payment_term_id': program_line.payment_term_id.id,
            'is_event_price': program_line.price_overridden,
        }

    def _on_plan_changed(self):
        """Unpark and, on a quotation, write the parent line anew after the plan was changed by hand."""
        self._unpark()
        self._update_parent_line()
