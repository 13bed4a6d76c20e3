from itertools import product

from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_payments import ChargeCase


@tagged('post_install', '-at_install')
class TestOneOrder(ChargeCase):
    """What shares an invoice, and what does not."""

    def _sell_together(self, *programs, **values):
        """Sell several programs on one order and return their subscriptions."""
        products = [self._create_parent_product(program) for program in programs]
        order = self._as_of()['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'order_line': [Command.create({'product_id': product.id}) for product in products],
                **values,
            }
        )
        order.action_confirm()
        return [line.continuity_subscription_ids for line in order.order_line]

    def _get_receivable(self, invoice):
        lines = invoice.line_ids.filtered(lambda line: line.display_type == 'payment_term')
        return sorted((fields.Date.to_string(line.date_maturity), line.amount_currency) for line in lines)

    def test_two_plans_billed_in_advance_share_an_invoice(self):
        at_once = self._create_program(1, bill_upfront=True, allowed_methods='on_account')
        in_thirds = self._create_program(
            3, bill_upfront=True, allowed_methods='on_account', payment_term_id=self.thirds.id
        )
        first, second = self._sell_together(at_once, in_thirds)

        self._run_job('process_payments')

        invoice = first.order_id.invoice_ids
        self.assertEqual(invoice.amount_total, 22.0 + 69.3)
        self.assertEqual(
            self._get_receivable(invoice),
            [('2027-01-01', 22.0), ('2027-01-01', 23.1), ('2027-01-31', 23.1), ('2027-03-02', 23.1)],
        )
        self.assertEqual(first.payment_ids.mapped('amount'), [22.0])
        self.assertEqual(second.payment_ids.mapped('amount'), [23.1, 23.1, 23.1])

    def test_a_plan_billed_with_its_first_shipment_waits_on_an_order_that_is_billed(self):
        at_once = self._create_program(1, bill_upfront=True, allowed_methods='on_account')
        with_shipment = self._create_program(
            3, bill_upfront=True, allowed_methods='on_account', upfront_invoice_moment='first_shipment'
        )
        first, second = self._sell_together(at_once, with_shipment)

        self._run_job('process_payments')

        invoice = first.order_id.invoice_ids
        self.assertEqual((invoice.amount_total, self._get_receivable(invoice)), (22.0, [('2027-01-01', 22.0)]))
        self.assertEqual((second.payment_ids.amount, second.payment_ids.state), (69.3, 'scheduled'))
        self._run_job('create_orders')
        self._deliver(second.child_order_ids)
        self._run_job('process_payments')
        self.assertEqual(sorted(first.order_id.invoice_ids.mapped('amount_total')), [22.0, 69.3])
        self.assertEqual((second.payment_ids.amount, second.payment_ids.state), (69.3, 'billed'))

    def test_instalments_smaller_than_the_currency_are_nothing_to_pay(self):
        percents = [8.33] * 11 + [8.37]
        monthly = self._create_schedule("In twelve", *((part, 30 * number) for number, part in enumerate(percents)))
        yen = self.env.ref('base.JPY')
        yen.active = True
        pricelist = self.env['product.pricelist'].create({'name': "Yen", 'currency_id': yen.id})
        program = self._create_program(1, bill_upfront=True, payment_term_id=monthly.id, allowed_methods='on_account')
        (subscription,) = self._sell_together(program, pricelist_id=pricelist.id)
        subscription.order_line_id.price_unit = 4.0
        payments = subscription.payment_ids
        self.assertEqual(payments.mapped('amount'), [0.0] * 11 + [4.0])
        self.assertEqual(payments.mapped('state'), ['paid'] * 11 + ['scheduled'])

        self._run_job('process_payments', day('2027-11-26'))
        self.assertFalse(subscription.order_id.invoice_ids)
        self._run_job('process_payments', day('2027-11-27'))

        self.assertEqual(subscription.order_id.invoice_ids.amount_total, 4.0)
        self.assertEqual(payments.mapped('amount'), [0.0] * 11 + [4.0])
        self.assertEqual(payments.mapped('state'), ['paid'] * 11 + ['billed'])


@tagged('post_install', '-at_install')
class TestShipmentBills(ChargeCase):
    """Bills of single shipments: what is on them, and when they may go out."""

    def _create_child(self, made_on=None, **values):
        subscription = self._sell(self._create_program(1, **values), start_date=day('2027-01-11'))
        self._run_job('create_orders', made_on or day('2027-01-11'))
        return subscription.child_order_ids.with_env(self._as_of(day('2027-01-11')))

    def _run_days(self, *days):
        """Run the payments on the days; return the numbers of bills at the end of each, and what went wrong."""
        counts, failed = [], 0
        for on in days:
            failed += self._run_job('process_payments', day(on)).failed_count
            counts.append(self.env['account.move'].search_count([('continuity_payment_ids', '!=', False)]))
        return counts, failed

    def test_a_bill_due_before_the_window_waits_for_it(self):
        self.company.write({'continuity_lead_days': 10, 'continuity_delivery_days': 3, 'continuity_bill_lead_days': 5})
        child = self._create_child(day('2027-01-01'), allowed_methods='on_account', payment_term_id=self.thirds.id)

        counts, failed = self._run_days('2027-01-05', '2027-01-06', '2027-01-07', '2027-01-08', '2027-01-09')

        self.assertEqual((counts, failed), ([0, 0, 0, 1, 1], 0))
        self.assertFalse(child.continuity_payment_ids[0].is_parked)
        self.assertEqual(child.invoice_ids.invoice_date, day('2027-01-08'))

    def test_a_charge_at_creation_before_the_window_waits_for_it(self):
        self.company.write(
            {'continuity_lead_days': 10, 'continuity_delivery_days': 3, 'continuity_charge_moment': 'creation'}
        )
        child = self._create_child(day('2027-01-01'))

        counts, failed = self._run_days('2027-01-01', '2027-01-07', '2027-01-08')

        self.assertEqual((counts, failed), ([0, 0, 1], 0))
        self.assertEqual(child.continuity_payment_ids.state, 'paid')
        self.assertEqual([amount for _reference, amount in self.ledger], [22.0])

    def _create_child_with_shipping(self, invoice_policy, **values):
        shipping = self._create_product(
            "Shipping", 0.0, type='service', is_storable=False, invoice_policy=invoice_policy
        )
        return self._create_child(
            shipping_policy='fixed', shipping_product_id=shipping.id, shipping_amount=5.0, **values
        )

    def test_shipping_is_on_the_bill_whenever_it_is_made(self):
        for invoice_policy, term in product(('order', 'delivery'), (self.env['account.payment.term'], self.thirds)):
            with self.subTest(invoice_policy=invoice_policy, term=term.name):
                child = self._create_child_with_shipping(
                    invoice_policy, allowed_methods='on_account', payment_term_id=term.id
                )
                self.assertEqual(child.amount_total, 27.5)
                if not term:
                    self._deliver(child)

                self._run_job('process_payments', day('2027-01-11'))

                self.assertEqual(child.invoice_ids.mapped('amount_total'), [27.5])
                self.assertEqual(child.continuity_payment_ids.mapped('amount'), [9.17, 9.17, 9.16] if term else [27.5])
                self._deliver(child)
                self.assertEqual(child.invoice_status, 'invoiced')

    def test_what_is_not_delivered_is_not_billed(self):
        child = self._create_child(allowed_methods='on_account')
        child.order_line.product_uom_qty = 3.0
        self.assertEqual(child.continuity_payment_ids.amount, 66.0)
        picking = child.picking_ids
        picking.move_ids.quantity = 2.0
        picking.move_ids.picked = True
        picking.with_context(skip_backorder=True, picking_ids_not_to_backorder=picking.ids).button_validate()

        self._run_job('process_payments', day('2027-01-11'))

        self.assertEqual(child.invoice_ids.amount_total, 44.0)
        self.assertEqual((child.continuity_payment_ids.amount, child.continuity_payment_ids.state), (44.0, 'billed'))
        self.assertEqual(child.invoice_status, 'invoiced')
