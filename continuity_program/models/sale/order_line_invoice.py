from odoo import api, models


class SaleOrderLine(models.Model):
    """What of a line is invoiced, and when: by its plan, or as Odoo does it."""

    _inherit = 'sale.order.line'

    # A parent line itself is never delivered, and invoiced by upfront billing only.

    @api.depends(
        'continuity_subscription_ids.state',
        'continuity_shipping_of_id.state',
        'invoice_lines.move_id.state',
        'order_id.continuity_shipped_date',
        'order_id.continuity_payment_ids.due_date',
        'order_id.continuity_payment_ids.is_cancelled',
    )
    def _compute_qty_to_invoice(self):
        plain = self.filtered(lambda line: not line._is_billed_by_plan())
        super(SaleOrderLine, plain)._compute_qty_to_invoice()
        for line in plain.filtered(lambda line: line._is_billed_as_ordered()):
            line.qty_to_invoice = line.product_uom_qty - line.qty_invoiced
        for line in plain._get_shared():
            line.qty_to_invoice = line.product_uom_qty if line._is_left_to_bill() else 0.0
        for line in self - plain:
            line.qty_to_invoice = line.product_uom_qty if line._is_to_bill_upfront() else 0.0

    @api.depends(
        'continuity_subscription_ids.state',
        'continuity_shipping_of_id.state',
        'continuity_line_id.subscription_id.bill_upfront',
    )
    def _compute_invoice_status(self):
        plain = self.filtered(lambda line: not line._is_billed_by_plan())
        super(SaleOrderLine, plain)._compute_invoice_status()
        for line in self - plain:
            if line.qty_to_invoice:
                line.invoice_status = 'to invoice'
            else:
                line.invoice_status = 'invoiced' if line._is_settled_by_plan() else 'no'

    @api.depends(
        'continuity_subscription_ids',
        'continuity_shipping_of_id',
        'price_subtotal',
        'order_id.continuity_payment_ids.due_date',
    )
    def _compute_untaxed_amount_to_invoice(self):
        plain = self.filtered(lambda line: not line._is_billed_by_plan())
        super(SaleOrderLine, plain)._compute_untaxed_amount_to_invoice()
        for line in plain.filtered(lambda line: line._is_billed_as_ordered()):
            line.untaxed_amount_to_invoice = line.price_subtotal - line.untaxed_amount_invoiced
        (self - plain).untaxed_amount_to_invoice = 0.0

    @api.depends('continuity_subscription_ids', 'continuity_shipping_of_id', 'order_id.continuity_payment_ids.due_date')
    def _compute_amount_to_invoice(self):
        plain = self.filtered(lambda line: not line._is_billed_by_plan())
        super(SaleOrderLine, plain)._compute_amount_to_invoice()
        for line in plain.filtered(lambda line: line._is_billed_as_ordered() and line.product_uom_qty):
            line.amount_to_invoice = line.price_total * (1 - line.qty_invoiced_posted / line.product_uom_qty)
        (self - plain).amount_to_invoice = 0.0

    def _is_billed_by_plan(self):
        """Whether nothing of the line is invoiced from the order: a parent line, or a child line that is prepaid, or
        sent again."""
        self.ensure_one()
        planned = self.continuity_line_id
        return bool(
            self._get_billing_subscription() or planned.subscription_id.bill_upfront or planned.replaces_line_id
        )

    def _get_billing_subscription(self):
        """Return the subscription whose plan this line of a parent order bills: its goods, or their shipping costs."""
        self.ensure_one()
        return self.continuity_subscription_ids or self.continuity_shipping_of_id

    def _is_part_of_plan(self):
        """Whether the line is billed in the instalments of its order: those of a plan, or any line of a child order."""
        self.ensure_one()
        return bool(self.is_continuity_parent or self.continuity_shipping_of_id or self.order_id.continuity_parent_id)

    def _is_to_bill_upfront(self):
        """Whether the line bills its whole plan now: once, at confirmation or with the first shipment. Of a stopped
        subscription, what is still owed."""
        self.ensure_one()
        subscription = self._get_billing_subscription()
        if self.state != 'sale' or not subscription.bill_upfront or not subscription._is_to_bill():
            return False
        # By the invoices, not by their quantity: a credit note for a part makes the line no more to be billed.
        if self._get_continuity_bills():
            return False
        moment = subscription.program_id.upfront_invoice_moment
        return moment == 'confirmation' or bool(self.order_id.continuity_shipped_date)

    def _is_still_to_bill(self):
        """Whether anything of the line, or of the shipments of its plan, will be billed, now or later."""
        self.ensure_one()
        if not self._is_billed_by_plan():
            return bool(self.price_total) and self.product_uom_id.compare(self.qty_invoiced, self.product_uom_qty) < 0
        subscription = self._get_billing_subscription()
        if subscription.bill_upfront:
            return subscription._is_to_bill() and not self._get_continuity_bills()
        return subscription.state in ('running', 'paused')

    def _get_continuity_bills(self):
        """Return the invoices that bill the plan of this line, cancelled ones left out."""
        return self.invoice_lines.move_id.filtered(lambda move: move.state != 'cancel' and move._is_continuity_bill())

    def _is_billed_as_ordered(self):
        """Whether a child line is billed before it is delivered: by a schedule, or charged when the child is made.
        The costs of sending it are billed with the goods, whatever they are invoiced by."""
        self.ensure_one()
        order = self.order_id
        if self.state != 'sale' or not (self.continuity_line_id or (self.is_delivery and order.continuity_parent_id)):
            return False
        is_shipped = bool(self.is_delivery and order.continuity_shipped_date)
        return is_shipped or any(payment.due_date for payment in order.continuity_payment_ids)

    def _is_settled_by_plan(self):
        """Whether nothing more comes: the subscription has ended, or the prepaid goods are delivered."""
        self.ensure_one()
        if self.state != 'sale':
            return False
        if self.continuity_line_id:
            return self.product_uom_id.compare(self.qty_delivered, self.product_uom_qty) >= 0
        subscriptions = self._get_billing_subscription()
        return bool(subscriptions) and all(sub.state in ('done', 'cancelled') for sub in subscriptions)

    # === AMOUNTS BY VALUE === #

    def _get_billed(self, amount):
        """Return what was billed on these lines and not credited, drafts counted, in the order's currency.

        :param str amount: the amount of the invoice lines to take: untaxed ``price_subtotal``, or ``price_total``.
        """
        lines = self.invoice_lines.filtered(lambda line: line.parent_state != 'cancel')
        return sum(line[amount] * (-1 if line.move_id.move_type == 'out_refund' else 1) for line in lines)

    def _get_billed_of_plan(self, plan, amount):
        """Return what was billed on these lines and not credited by the documents of a plan: see ``_get_billed``."""
        documents = plan._get_plan_bills() | plan._get_plan_bills()._get_live_credit_notes()
        lines = self.invoice_lines.filtered(lambda line: line.move_id in documents)
        return sum(line[amount] * (-1 if line.move_id.move_type == 'out_refund' else 1) for line in lines)

    def _get_continuity_gross(self, untaxed):
        """Return the price that makes an untaxed amount with the line's taxes: the same, or with the taxes included in
        prices."""
        self.ensure_one()
        if not self.price_subtotal:
            return untaxed
        price = self.price_unit * self.product_uom_qty * (1 - self.discount / 100)
        return self.currency_id.round(untaxed * price / self.price_subtotal)

    def _get_billed_taxes(self):
        """Return the taxes that the line was billed with, which an accountant may have changed, or will be."""
        self.ensure_one()
        billed = self.invoice_lines.filtered(lambda line: line.move_id in line.move_id._get_posted_bills()).sorted('id')
        return (billed[-1:] or self).tax_ids

    def _get_continuity_total(self, amounts):
        """Return the total, taxes included, of a document with these untaxed amounts by order line."""
        AccountTax = self.env['account.tax']
        base_lines = [
            AccountTax._prepare_base_line_for_taxes_computation(
                line,
                tax_ids=line._get_billed_taxes(),
                price_unit=line._get_continuity_gross(amount),
                quantity=1.0,
                discount=0.0,
                partner_id=line.order_id.partner_id,
                currency_id=line.currency_id,
                rate=1.0,
            )
            for line, amount in amounts.items()
            if amount
        ]
        AccountTax._add_tax_details_in_base_lines(base_lines, self.company_id)
        AccountTax._round_base_lines_tax_details(base_lines, self.company_id)
        return AccountTax._get_tax_totals_summary(base_lines, self.currency_id, self.company_id)[
            'total_amount_currency'
        ]
