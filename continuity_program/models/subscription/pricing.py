from odoo import models
from odoo.exceptions import UserError
from odoo.fields import Command

from ...domain.money import add_discount, share_out
from ..line.taxes import TaxesOfToday


class ContinuitySubscription(models.Model):
    """How the price and the taxes of a shipment are found; another rule of prices goes here. What is priced anew later
    is told by ``line/repricing.py``, which asks the same."""

    _inherit = 'continuity.subscription'

    # === PRICES AND TAXES === #

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
        taxes = self._get_product_taxes(product)
        if program_line and program_line.price_overridden:
            price, discount = self._convert(program_line.price_unit), program_line.discount
        else:
            discount = 0.0
            price = order.pricelist_id._get_product_price(
                product, quantity, currency=self.currency_id, uom=uom, date=price_date or order.date_order
            )
        price += product.uom_id._compute_price(self._get_chosen_extra(), uom or product.uom_id)
        if not self.bill_upfront:
            discount = add_discount(self.order_line_id.discount, discount)
        mapped_taxes = self._get_taxes(product, address or self.partner_shipping_id)
        return {
            'price_unit': product._get_tax_included_unit_price_from_price(
                price, product_taxes=taxes, product_taxes_after_fp=mapped_taxes
            ),
            'discount': discount,
            'tax_ids': [Command.set(mapped_taxes.ids)],
        }

    def _get_chosen_extra(self):
        """Return what the variant and the options chosen on the parent line add to the price of each piece, in the
        order's currency; of a plan with a price of its own, they are in that."""
        line = self.order_line_id
        if self.bill_upfront and self.program_id.upfront_price_policy == 'product':
            return 0.0
        return sum(
            option.currency_id._convert(
                option.price_extra,
                self.currency_id,
                self.company_id,
                self.company_id._get_continuity_day(self.order_id.date_order),
                round=False,
            )
            for option in (
                line.product_id.product_template_attribute_value_ids | line.product_no_variant_attribute_value_ids
            )
            if option.price_extra
        )

    def _add_price(self, vals, program_line, prices):
        """Return the values of a planned line of the program with price, discount and taxes.

        :param dict prices: what was found for the plan so far, by program line; gets what is found now.
        """
        if program_line not in prices:
            prices |= self._prepare_event_prices(program_line)
        return self._add_price_of_new_date({**vals, **prices[program_line]}, program_line)

    def _prepare_event_prices(self, program_line):
        """Return price, discount and taxes of a program line by itself; where the event has a price agreed for it, of
        all its lines, which share that."""
        if self.bill_upfront or not self.price_per_event:
            return {program_line: self._prepare_program_line_price(program_line)}
        lines = self.program_id.line_ids.filtered(lambda line: line.event_number == program_line.event_number)
        prices = {line: self._prepare_program_line_price(line) for line in lines}
        amounts = share_out(
            self.price_per_event * self.quantity,
            [vals['price_unit'] * line.quantity * self.quantity for line, vals in prices.items()],
            self.currency_id.rounding,
        )
        for (line, vals), amount in zip(prices.items(), amounts, strict=True):
            vals.update(price_unit=amount / (line.quantity * self.quantity), discount=self.order_line_id.discount)
        return prices

    def _prepare_program_line_price(self, program_line):
        return self._prepare_price_values(
            program_line.product_id, program_line.quantity * self.quantity, program_line.product_uom_id, program_line
        )

    def _get_taxes(self, product, address):
        """Return the taxes of a product that is sent to an address."""
        return self._get_fiscal_position(address).map_tax(self._get_product_taxes(product))

    def _get_product_taxes(self, product):
        """Return the taxes that a product has in the company, before any fiscal position."""
        return product.with_company(self.company_id).taxes_id._filter_taxes_by_company(self.company_id)

    def _get_fiscal_position(self, address):
        """Return the fiscal position for what is sent to an address today: for the order's own address the one that
        the salesperson has chosen, or that a quotation has; else the one found for the address."""
        order = self.order_id
        if address == order.partner_shipping_id and (self.state == 'draft' or self.is_fiscal_position_chosen):
            return order.fiscal_position_id
        return self._find_fiscal_position(address)

    def _find_fiscal_position(self, address):
        """Return the fiscal position that Odoo finds for what the customer is sent to an address."""
        return (
            self.env['account.fiscal.position']
            .with_company(self.company_id)
            ._get_fiscal_position(self.partner_id, address)
        )

    def _note_fiscal_position(self):
        """Note whether the fiscal position of the order was chosen by the salesperson, and stays whatever becomes of
        the address."""
        for subscription in self:
            order = subscription.order_id
            chosen = order.fiscal_position_id != subscription._find_fiscal_position(order.partner_shipping_id)
            if chosen != subscription.is_fiscal_position_chosen:
                subscription._unguarded().is_fiscal_position_chosen = chosen

    def _tell_if_moved(self):
        """Give the one responsible a to-do for each customer whose boxes go to where other taxes apply than for the
        last one."""
        for subscription in self.filtered(lambda subscription: subscription.state != 'draft'):
            sent = subscription.sudo().child_order_ids.filtered(lambda order: order.state != 'cancel').sorted('id')
            before = (sent[-1:] or subscription.order_id).fiscal_position_id
            now = subscription._get_fiscal_position(subscription.partner_shipping_id)
            if now == before or subscription._get_parking_user() == self.env.user:
                continue
            env = subscription.with_context(lang=subscription._get_parking_user().lang).env
            subscription._notify_responsible(
                'moved',
                env._("Other taxes at the customer's address"),
                env._(
                    "What %(subscription)s sends to %(address)s is taxed by %(now)s from now on, and no longer by "
                    "%(before)s. Look whether the customer has moved, and what that means for the plan.",
                    subscription=subscription.name,
                    address=subscription.partner_shipping_id.display_name,
                    now=now.name or env._("no fiscal position"),
                    before=before.name or env._("no fiscal position"),
                ),
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

    def _get_line_amounts(self, product, taxes, **values):
        """Return what a line of the plan costs, without and with taxes, rounded to the order's currency.

        :param values: ``product_uom_id``, ``quantity``, ``price_unit`` and ``discount`` (%).
        """
        company = self.company_id or self.env.company
        base_line = taxes._prepare_base_line_for_taxes_computation(
            None,
            product_id=product,
            tax_ids=taxes,
            partner_id=self.partner_id,
            currency_id=self.currency_id or company.currency_id,
            **values,
        )
        taxes._add_tax_details_in_base_line(base_line, company)
        taxes._round_base_lines_tax_details([base_line], company)
        details = base_line['tax_details']
        return details['total_excluded_currency'], details['total_included_currency']

    def _add_price_of_new_date(self, vals, program_line):
        """Return the values of a planned line with the price that holds from the day of the new prices on."""
        start = self.program_id.new_price_date
        if not start or vals['date_planned'] < start or self.price_per_event:
            return vals
        price_date = self.company_id._get_continuity_noon(start)
        # Who orders on that day or later, or pays in advance, does so at the prices of the order's day.
        if price_date <= self.order_id.date_order or (self.bill_upfront and self.state not in ('running', 'paused')):
            return vals
        prices = self._prepare_price_values(
            program_line.product_id,
            vals['quantity'],
            program_line.product_uom_id,
            program_line,
            price_date=price_date,
        )
        return {**vals, **prices}

    def _add_agreed_price(self, vals, previous):
        """Return the values of a line that is added with the price agreed for the one before, where the program's price
        of today is not followed.

        :param previous: the last line that the plan has of the same program line, or nothing.
        """
        if not previous or (previous._is_repriced(vals, {}) and not previous.price_overridden):
            return vals
        return {**vals, **previous._prepare_next_price(vals, TaxesOfToday())}
