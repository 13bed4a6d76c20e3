from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tools import SQL

#: What of a planned line becomes another where its taxes do.
TAXED_FIELDS = ('tax_ids', 'price_unit', 'price_subtotal', 'price_total', 'shipping_total')

#: By what of customer and address Odoo finds a fiscal position.
LOCATED_BY = ('country_id', 'state_id', 'zip', 'vat', 'property_account_position_id')


class ContinuityLine(models.Model):
    """Taxes are those of the day and the place of supply; what was promised is the price
    (``docs/behaviour.md#taxes``)."""

    _inherit = 'continuity.line'

    tax_difference = fields.Monetary(
        readonly=True,
        copy=False,
        help="Billed in advance and not delivered yet: by how much the taxes of today differ from those billed.",
    )
    is_tax_corrected = fields.Boolean(
        string="Corrected", readonly=True, copy=False, help="The accountant has seen to the difference."
    )

    _tax_difference_idx = models.Index("(company_id) WHERE tax_difference != 0")

    # === THE TAXES OF TODAY === #

    def _take_taxes_of_today(self):
        """Write taxes, prices and amounts of these planned lines as they are today; the one responsible is told of
        customers who have moved to where others apply."""
        updates = self._prepare_taxes_of_today()
        self._write_each(updates)
        self.union(*(line for line, values in updates.items() if 'tax_ids' in values)).subscription_id._tell_if_moved()

    def _prepare_taxes_of_today(self):
        """Return what the taxes of today make of planned lines: the values of each that become others. Those of a plan
        billed in advance stay as they are billed.

        :rtype: dict[continuity.line, dict]
        """
        taxes = TaxesOfToday()
        return {line: line._prepare_with_taxes(taxes) for line in self if not line.subscription_id.bill_upfront}

    def _prepare_with_taxes(self, taxes_of_today):
        self.ensure_one()
        subscription, taxes = self.subscription_id, taxes_of_today.find(self)
        price = taxes_of_today.get_promised_price(self.price_unit, self.product_id, self.tax_ids, taxes)
        subtotal, total = self._get_amounts_with(taxes, price)
        values = {
            'price_unit': price,
            'price_subtotal': self.currency_id.round(subtotal),
            'price_total': self.currency_id.round(total),
            'shipping_total': self.currency_id.round(subscription._add_shipping_taxes(self.shipping_amount)),
        }
        values = {name: value for name, value in values.items() if self._differs(name, value)}
        if set(taxes.ids) != set(self.tax_ids.ids):
            values['tax_ids'] = [Command.set(taxes.ids)]
        return values

    def _prepare_next_taxes(self, taxes_of_today):
        """Return the taxes of today for the next occurrence of the line, and the price promised with them."""
        taxes = taxes_of_today.find(self)
        return {
            'tax_ids': [Command.set(taxes.ids)],
            'taxes_overridden': self.taxes_overridden,
            'price_unit': taxes_of_today.get_promised_price(self.price_unit, self.product_id, self.tax_ids, taxes),
        }

    def _get_amounts_with(self, taxes, price):
        """Return what the line costs at a price per unit, without and with these taxes."""
        return self.subscription_id._get_line_amounts(
            self.product_id,
            taxes,
            product_uom_id=self.product_uom_id,
            quantity=self.quantity,
            price_unit=price,
            discount=self.discount,
        )

    def _get_taxes_text(self, values):
        """Return in words what the taxes of today change on the line."""
        taxes = self.env['account.tax'].browse(values['tax_ids'][0][2]) if 'tax_ids' in values else self.tax_ids
        before, after = (', '.join(each.mapped('name')) or self.env._("none") for each in (self.tax_ids, taxes))
        total = values.get('price_total', self.price_total)
        return self.env._(
            "taxes %(taxes)s, %(before)s → %(after)s",
            taxes=before if before == after else f"{before} → {after}",
            before=self._format_value('price_unit', self.price_total),
            after=self._format_value('price_unit', total),
        )

    # === WHICH LINES HAVE OTHER TAXES === #

    def _filtered_taxable(self):
        """Return the lines whose taxes are still those of a day to come: not ordered yet or, billed in advance, not
        delivered yet."""
        return self.filtered(
            lambda line: line.state == 'planned' or (line.state == 'ordered' and line.subscription_id.bill_upfront)
        )

    @api.model
    def _find_with_other_taxes(self):
        """Return the running plans of the company with lines whose taxes of today differ from those they have.

        Of lines that are alike in all that their taxes depend on, one is looked at.

        :rtype: continuity.subscription
        """
        self.flush_model()
        rows = self.env.execute_query(self._get_alike_query())
        lines = self.browse(line_id for line_id, _ids in rows)
        updates = lines._prepare_taxes_of_today()
        differences = lines._get_tax_differences()
        found = [
            ids
            for line, (_id, ids) in zip(lines, rows, strict=True)
            if updates.get(line)
            or line.currency_id.compare_amounts(differences.get(line, line.tax_difference), line.tax_difference)
        ]
        return self.env['continuity.subscription'].browse(sorted({id_ for ids in found for id_ in ids}))

    def _get_alike_query(self):
        """Return the query of a line of each kind, with the IDs of the plans that have such lines."""
        taxes = self._fields['tax_ids']
        return SQL(
            """
            SELECT MIN(line.id), ARRAY_AGG(DISTINCT plan.id)
              FROM continuity_line line
              JOIN continuity_subscription plan ON plan.id = line.subscription_id
              JOIN sale_order parent ON parent.id = plan.order_id
              JOIN res_partner customer ON customer.id = plan.partner_id
              JOIN res_partner address ON address.id = COALESCE(line.partner_shipping_id, plan.partner_shipping_id)
             WHERE line.company_id = %(company)s
               AND plan.state IN ('running', 'paused')
               AND (line.state = 'planned' OR line.state = 'ordered' AND plan.bill_upfront)
               AND line.replaces_line_id IS NULL
             GROUP BY line.product_id, line.product_uom_id, line.quantity, line.price_unit, line.discount,
                   line.price_subtotal, line.price_total, line.shipping_amount, line.shipping_total,
                   line.taxes_overridden, line.currency_id, plan.program_id,
                   ARRAY(SELECT %(tax)s FROM %(relation)s WHERE %(line)s = line.id ORDER BY 1),
                   CASE WHEN plan.bill_upfront THEN line.id END,
                   CASE WHEN plan.is_fiscal_position_chosen THEN parent.fiscal_position_id END,
                   plan.is_fiscal_position_chosen, address.id = parent.partner_shipping_id,
                   customer.country_id, customer.vat, customer.property_account_position_id,
                   address.country_id, address.state_id, address.zip, address.vat, address.property_account_position_id
            """,
            company=self.env.company.id,
            relation=SQL.identifier(taxes.relation),
            line=SQL.identifier(taxes.column1),
            tax=SQL.identifier(taxes.column2),
        )

    # === BILLED IN ADVANCE === #

    def _get_tax_differences(self):
        """Return of lines billed in advance and not delivered yet by how much the taxes of today differ from those that
        were billed, in the order's currency.

        :rtype: dict[continuity.line, float]
        """
        taxes = TaxesOfToday()
        return {
            line: line._get_tax_difference(taxes)
            for line in self
            if line.subscription_id.bill_upfront and line.state in ('planned', 'ordered')
        }

    def _get_tax_difference(self, taxes_of_today):
        sold = self.subscription_id.order_line_id
        bill_line = self.subscription_id._get_bill_line()
        if not bill_line or not self.prepaid_amount or self.is_credited:
            return 0.0
        billed, today = bill_line.tax_ids, taxes_of_today.find(self)
        price = sold._get_continuity_gross(self.prepaid_amount)
        share = abs(self.prepaid_amount / bill_line.price_subtotal) if bill_line.price_subtotal else 0.0
        promised = taxes_of_today.get_promised_price(price, self.product_id, billed, today)
        untaxed, total = self.subscription_id._get_line_amounts(
            self.product_id, today, product_uom_id=self.product_uom_id, quantity=1.0, price_unit=promised, discount=0.0
        )
        taxed = (bill_line.price_total - bill_line.price_subtotal) * share
        return self.currency_id.round(total - untaxed - taxed)

    def _write_tax_differences(self):
        """Note by how much the taxes of today differ from those billed; a difference that is news is open again."""
        self._write_each(
            {
                line: {'tax_difference': difference, 'is_tax_corrected': False}
                for line, difference in self._get_tax_differences().items()
                if line.currency_id.compare_amounts(difference, line.tax_difference)
            }
        )

    def action_correct_taxes(self):
        """Note that the accountant has seen to the difference between the taxes billed and those of today.

        :raise AccessError: for who may not make invoices.
        """
        self.check_access('read')
        if not (self.env.su or self.env.user.has_group('account.group_account_invoice')):
            raise AccessError(self.env._("Only who makes invoices sees to the taxes of what was billed."))
        self._unguarded().is_tax_corrected = True


class TaxesOfToday:
    """The taxes of planned lines as they are today, each looked up once."""

    def __init__(self):
        self._positions, self._taxes = {}, {}

    def find(self, line):
        """Return the taxes of a line: those that were given by hand stay."""
        if line.taxes_overridden:
            return line.tax_ids
        subscription = line.subscription_id
        position = self._find_position(subscription, line.partner_shipping_id or subscription.partner_shipping_id)
        key = (position, line.product_id, line.company_id)
        if key not in self._taxes:
            self._taxes[key] = position.map_tax(subscription._get_product_taxes(line.product_id))
        return self._taxes[key]

    def _find_position(self, subscription, address):
        key = (
            subscription.company_id,
            subscription.is_fiscal_position_chosen and subscription.order_id.fiscal_position_id,
            address == subscription.order_id.partner_shipping_id,
            *(
                partner.with_company(subscription.company_id)[name]
                for partner in (subscription.partner_id, address)
                for name in LOCATED_BY
            ),
        )
        if key not in self._positions:
            self._positions[key] = subscription._get_fiscal_position(address)
        return self._positions[key]

    @staticmethod
    def get_promised_price(price, product, before, after):
        """Return the price that was promised, with other taxes: gross where prices include both, else net."""
        if _is_gross(before) and _is_gross(after):
            return price
        return before._adapt_price_unit_to_another_taxes(
            price_unit=price, product=product, original_taxes=before, new_taxes=after
        )


def _is_gross(taxes):
    """Whether prices include all of these taxes."""
    return bool(taxes) and all(taxes.flatten_taxes_hierarchy().mapped('price_include'))
