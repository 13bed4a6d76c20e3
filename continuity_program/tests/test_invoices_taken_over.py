from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_payment_roads import RoadCase

NOTHING_TO_INVOICE = "No items are available to invoice"


class TakeOverCase(RoadCase):
    def _get_invoices(self, *orders):
        """Return (state, total) of the invoices of orders, those cancelled left out."""
        invoices = self.env['sale.order'].concat(*orders).invoice_ids.filtered(lambda move: move.state != 'cancel')
        return sorted((invoice.state, invoice.amount_total) for invoice in invoices.sudo())

    def _check_billed_once(self, subscription, order=None):
        """Check that the invoice bills the whole plan in its instalments, and that nothing bills it again."""
        order = order or subscription.order_id
        payments = subscription.payment_ids.sorted('number')
        invoice = payments.invoice_id
        for on in ('2027-01-01', '2027-06-01'):
            self._run_job('process_payments', day(on))
        with self.assertRaisesRegex(UserError, NOTHING_TO_INVOICE):
            order._create_invoices()
        self.assertEqual(self._get_invoices(order), [('posted', sum(payments.mapped('amount')))])
        self.assertEqual(payments.invoice_id, order.invoice_ids.filtered(lambda move: move.state != 'cancel'))
        if invoice:
            self.assertEqual(payments.invoice_id, invoice)
        return payments

    def _invoice(self, orders, **values):
        """Invoice orders by the button on them."""
        self.env['sale.advance.payment.inv'].with_context(active_model='sale.order', active_ids=orders.ids).create(
            values
        ).create_invoices()
        return orders.invoice_ids

    def _add_lamp(self, subscription, **values):
        """Add an ordinary product of 50.00 + 10 % to a quotation, billed when ordered."""
        lamp = self._create_product("Lamp", 50.0, invoice_policy='order', type='consu')
        subscription.order_id.order_line = [Command.create({'product_id': lamp.id, **values})]

    def _create_ordinary_order(self):
        lamp = self._create_product("Lamp", 50.0, invoice_policy='order')
        order = self.env['sale.order'].create(
            {'partner_id': self.customer.id, 'order_line': [Command.create({'product_id': lamp.id})]}
        )
        order.action_confirm()
        return order


@tagged('post_install', '-at_install')
class TestInvoicesTakenOver(TakeOverCase):
    def test_draft_made_by_hand(self):
        subscription = self._sell_upfront()
        by_hand = subscription.order_id._create_invoices()
        self.assertEqual(self._get_open(subscription.payment_ids), [('scheduled', a) for a in (34.65, 20.79, 13.86)])

        payments = self._check_billed_once(subscription)

        self.assertEqual(payments.invoice_id, by_hand)
        self.assertEqual(self._get_open(payments), [('billed', 34.65), ('billed', 20.79), ('billed', 13.86)])
        self.assertEqual(self.customer.credit, 69.3)

    def test_posted_by_hand(self):
        subscription = self._sell_upfront()
        by_hand = subscription.order_id._create_invoices()
        by_hand.action_post()
        self.assertEqual(
            self._get_open(subscription.payment_ids), [('billed', 34.65), ('billed', 20.79), ('billed', 13.86)]
        )

        payments = self._check_billed_once(subscription)

        self.assertEqual(payments.invoice_id, by_hand)
        self.assertEqual(self.customer.credit, 69.3)

    def test_made_by_the_button(self):
        subscription = self._sell_upfront()

        invoice = self._invoice(subscription.order_id, advance_payment_method='delivered')

        self.assertEqual(self._check_billed_once(subscription).invoice_id, invoice)

    def test_shipment_made_by_hand(self):
        subscription = self._sell(self._create_program(1))
        self._run_job('create_orders')
        child = subscription.child_order_ids
        self._deliver(child)

        by_hand = self._invoice(child)

        payments = self._check_billed_once(subscription, child)
        self.assertEqual(payments.invoice_id, by_hand)
        self.assertEqual(self._get_open(payments), [('billed', 22.0)])

    def test_several_orders_by_one_click(self):
        plans = [self._sell_upfront(), self._sell_upfront()]
        shipment = self._sell_shipment()
        child = shipment.child_order_ids
        ordinary = self._create_ordinary_order()
        orders = plans[0].order_id | plans[1].order_id | child | ordinary

        self._invoice(orders, consolidated_billing=True)

        self.assertEqual(
            self._get_invoices(orders), [('draft', 22.0), ('draft', 55.0), ('draft', 69.3), ('draft', 69.3)]
        )
        self.assertFalse(ordinary.invoice_ids.continuity_payment_ids)
        for plan in plans:
            self._check_billed_once(plan)
        self._check_billed_once(shipment, child)
        self.assertEqual(self._get_invoices(ordinary), [('draft', 55.0)])
        self.assertEqual(self.customer.credit, 160.6)

    def test_several_orders_of_which_one_is_not_to_be_invoiced_yet(self):
        subscription = self._sell(self._create_program(1))
        self._run_job('create_orders')
        child = subscription.child_order_ids
        ordinary = self._create_ordinary_order()

        self._invoice(child | ordinary, consolidated_billing=True)

        self.assertEqual(self._get_invoices(child | ordinary), [('draft', 55.0)])

    def test_other_goods_are_invoiced_before_the_plan(self):
        program = self._create_program(3, bill_upfront=True, upfront_invoice_moment='first_shipment')
        subscription = self._sell(program, confirm=False)
        self._add_lamp(subscription)
        order = subscription.order_id
        order.action_confirm()

        self._invoice(order)
        self.assertEqual(self._get_invoices(order), [('draft', 55.0)])
        with self.assertRaisesRegex(UserError, NOTHING_TO_INVOICE):
            order._create_invoices()

        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        self._run_job('process_payments', day('2027-01-02'))
        self.assertEqual(self._get_invoices(order), [('draft', 55.0), ('posted', 69.3)])

    def test_job_leaves_the_other_goods_of_the_order_alone(self):
        subscription = self._sell_upfront(confirm=False)
        self._add_lamp(subscription)
        order = subscription.order_id
        order.action_confirm()

        self._run_job('process_payments')
        self.assertEqual(self._get_invoices(order), [('posted', 69.3)])

        self._invoice(order)
        self.assertEqual(self._get_invoices(order), [('draft', 55.0), ('posted', 69.3)])

    def test_rest_of_a_shipment_of_which_a_part_was_invoiced_by_hand(self):
        subscription = self._sell(self._create_program(1), quantity=2)
        self._run_job('create_orders')
        child = subscription.child_order_ids
        move = child.picking_ids.move_ids
        move.quantity = 1
        move.picked = True
        child.picking_ids._action_done()
        self._invoice(child).action_post()
        self.assertEqual(self._get_open(subscription.payment_ids)[0], ('billed', 22.0))

        self._deliver(child)
        self._run_job('process_payments', day('2027-01-02'))

        self.assertEqual(self._get_invoices(child), [('posted', 22.0), ('posted', 22.0)])
        self.assertEqual(self._get_open(subscription.payment_ids), [('billed', 22.0), ('billed', 22.0)])

    def test_price_lowered_on_the_draft_leaves_no_rest(self):
        subscription = self._sell_shipment()
        invoice = self._invoice(subscription.child_order_ids)
        invoice.invoice_line_ids.price_unit = 15.0

        invoice.action_post()

        self.assertEqual(self._get_open(subscription.payment_ids), [('billed', 11.0), ('billed', 5.5), ('paid', 0.0)])

    def test_draft_that_is_deleted_is_made_anew_once(self):
        subscription = self._sell_upfront()
        subscription.order_id._create_invoices().unlink()
        self.assertFalse(subscription.payment_ids.invoice_id)
        self.assertEqual(subscription.payment_ids.mapped('state'), ['scheduled'] * 3)

        payments = self._check_billed_once(subscription)

        self.assertEqual(self._get_open(payments), [('billed', 34.65), ('billed', 20.79), ('billed', 13.86)])

    def test_cancelled_draft_is_made_anew_once(self):
        subscription = self._sell_upfront()
        cancelled = subscription.order_id._create_invoices()
        cancelled.button_cancel()
        self.assertFalse(subscription.payment_ids.invoice_id)

        payments = self._check_billed_once(subscription)

        self.assertNotEqual(payments.invoice_id, cancelled)
        self.assertEqual(self._get_open(payments), [('billed', 34.65), ('billed', 20.79), ('billed', 13.86)])

    def test_cancelled_bill_is_made_anew_once_and_sent(self):
        self.customer.email = 'ann@example.com'
        subscription = self._sell_upfront()
        payments = self._bill(subscription)
        cancelled = payments.invoice_id
        received = self._register(payments[0].move_line_id)
        cancelled.button_draft()
        cancelled.button_cancel()
        self.assertEqual(payments.mapped('state'), ['scheduled'] * 3)

        self._check_billed_once(subscription)

        self.assertEqual(self._get_open(payments), [('billed', 34.65), ('billed', 20.79), ('billed', 13.86)])
        mails = self.env['mail.mail'].search(
            [('model', '=', 'account.move'), ('res_id', 'in', (cancelled + payments.invoice_id).ids)]
        )
        self.assertEqual(sorted(mails.mapped('res_id')), sorted((cancelled + payments.invoice_id).ids))
        # What was paid of the cancelled one is there to be used.
        self.assertAlmostEqual(self.customer.credit, 34.65)
        self.assertEqual(received.state, 'in_process')

    def test_bill_that_is_deleted_is_made_anew_and_sent(self):
        subscription = self._sell_upfront()
        deleted = self._bill(subscription).invoice_id
        deleted.button_draft()
        deleted.unlink()
        self.assertFalse(any(subscription.payment_ids.mapped('notified_date')))

        payments = self._check_billed_once(subscription)

        self.assertEqual(set(payments.mapped('notified_date')), {self.today})

    def test_bill_reset_to_draft_and_posted_by_the_next_run(self):
        subscription = self._sell_upfront()
        payments = self._bill(subscription)
        lines = payments.move_line_id
        self._register(lines[1])
        payments.invoice_id.button_draft()

        self._check_billed_once(subscription)

        self.assertEqual(payments.move_line_id, lines)
        self.assertEqual(self._get_open(payments), [('billed', 34.65), ('paid', 0.0), ('billed', 13.86)])

    def test_down_payment_comes_off_the_earliest(self):
        subscription = self._sell_upfront()
        order = subscription.order_id
        self._invoice(order, advance_payment_method='fixed', fixed_amount=20.0).action_post()

        self._run_job('process_payments')

        self.assertEqual(self._get_invoices(order), [('posted', 20.0), ('posted', 49.3)])
        payments = subscription.payment_ids.sorted('number')
        self.assertEqual(self._get_open(payments), [('billed', 14.65), ('billed', 20.79), ('billed', 13.86)])
        self.assertAlmostEqual(self.customer.credit, 69.3)


@tagged('post_install', '-at_install')
class TestAutomaticInvoicing(TakeOverCase):
    """Odoo's *Automatic Invoice* of what is paid online."""

    def setUp(self):
        super().setUp()
        self.env['ir.config_parameter'].sudo().set_param('sale.automatic_invoice', 'True')

    def _pay_order(self, subscription, amount):
        order = subscription.order_id
        order.write({'require_payment': True, 'prepayment_percent': 0.25})
        self._pay_online(amount, sale_order_ids=[Command.set(order.ids)])
        self.assertEqual(order.state, 'sale')
        return order

    def test_plan_paid_in_full(self):
        subscription = self._sell_upfront(confirm=False)

        order = self._pay_order(subscription, 69.3)

        payments = self._check_billed_once(subscription)
        self.assertEqual(payments.invoice_id, order.invoice_ids)
        self.assertEqual(self._get_open(payments), [('paid', 0.0)] * 3)
        self.assertEqual(order.invoice_ids.amount_residual, 0.0)
        self.assertEqual(self.customer.credit, 0.0)

    def test_plan_paid_in_part(self):
        subscription = self._sell_upfront(confirm=False)

        subscription.order_id.action_confirm()
        order = self._pay_order(subscription, 20.0)
        self.assertEqual(self._get_invoices(order), [('posted', 20.0)])
        self._run_job('process_payments')

        self.assertEqual(self._get_invoices(order), [('posted', 20.0), ('posted', 49.3)])
        payments = subscription.payment_ids.sorted('number')
        self.assertEqual(self._get_open(payments), [('billed', 14.65), ('billed', 20.79), ('billed', 13.86)])
        self.assertAlmostEqual(self.customer.credit, 49.3)

    def test_plan_that_bills_each_shipment_is_not_on_the_invoice(self):
        subscription = self._sell(self._create_program(2), confirm=False)
        self._add_lamp(subscription)

        order = self._pay_order(subscription, 55.0)

        self.assertEqual(self._get_invoices(order), [('posted', 55.0)])
        self.assertEqual(order.invoice_ids.invoice_line_ids.product_id.name, "Lamp")
        self.assertFalse(subscription.order_line_id.invoice_lines)

    def test_plan_billed_with_the_first_shipment_waits_for_it(self):
        program = self._create_program(3, bill_upfront=True, upfront_invoice_moment='first_shipment')
        subscription = self._sell(program, confirm=False)

        order = self._pay_order(subscription, 69.3)
        self.assertEqual(self._get_invoices(order), [])

        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        self._run_job('process_payments', day('2027-01-02'))
        self.assertEqual(self._get_invoices(order), [('posted', 69.3)])
        self.assertEqual(self._get_open(subscription.payment_ids), [('paid', 0.0)])


@tagged('post_install', '-at_install')
class TestCountedOnce(TakeOverCase):
    """What a customer owes, and what is sold, counts once at every moment."""

    def setUp(self):
        super().setUp()
        self.company.account_use_credit_limit = True
        self.company.continuity_delivery_days = 60

    def _check_credit(self, credit, to_invoice):
        self.env.flush_all()
        self.customer.invalidate_recordset(['credit', 'credit_to_invoice'])
        self.assertAlmostEqual(self.customer.credit, credit)
        self.assertAlmostEqual(self.customer.credit_to_invoice, to_invoice)

    def _check_report(self, sold, invoiced, to_invoice):
        """Check the untaxed amounts of all the customer's orders in the sales report."""
        self.env.flush_all()
        [amounts] = self.env['sale.report']._read_group(
            [('partner_id', '=', self.customer.id)],
            aggregates=['price_subtotal:sum', 'untaxed_amount_invoiced:sum', 'untaxed_amount_to_invoice:sum'],
        )
        for found, expected in zip(amounts, (sold, invoiced, to_invoice), strict=True):
            self.assertAlmostEqual(found, expected)

    def test_plan_billed_in_advance(self):
        subscription = self._sell_upfront()
        self._check_credit(0.0, 0.0)
        self._check_report(63.0, 0.0, 0.0)

        subscription.order_id._create_invoices()
        self._check_credit(0.0, 0.0)
        payments = self._bill(subscription)
        self._check_credit(69.3, 0.0)
        self._check_report(63.0, 63.0, 0.0)

        self._run_job('create_orders', day('2027-03-01'))
        self.assertEqual(len(subscription.child_order_ids), 3)
        self._check_credit(69.3, 0.0)
        self._deliver(subscription.child_order_ids)
        self._check_credit(69.3, 0.0)
        self._check_report(63.0, 63.0, 0.0)

        self._register(payments[0].move_line_id)
        self._check_credit(34.65, 0.0)

    def test_plan_that_bills_each_shipment(self):
        subscription = self._sell(self._create_program(2))
        self._check_credit(0.0, 0.0)
        self._check_report(0.0, 0.0, 0.0)

        self._run_job('create_orders')
        self._check_report(20.0, 0.0, 0.0)
        self._deliver(subscription.child_order_ids)
        self._check_credit(0.0, 22.0)
        self._check_report(20.0, 0.0, 20.0)

        self._run_job('process_payments')
        self._check_credit(22.0, 0.0)
        self._check_report(20.0, 20.0, 0.0)

    def test_shipment_billed_before_it_ships(self):
        subscription = self._sell_shipment()
        self._check_credit(0.0, 22.0)
        self._check_report(20.0, 0.0, 20.0)

        self._bill(subscription)
        self._check_credit(22.0, 0.0)
        self._check_report(20.0, 20.0, 0.0)
        self._deliver(subscription.child_order_ids)
        self._check_credit(22.0, 0.0)
        self._check_report(20.0, 20.0, 0.0)

    def test_credit_note_for_a_part_is_not_billed_again(self):
        subscription = self._sell_upfront()
        invoice = self._bill(subscription).invoice_id
        self._credit(invoice, 40.0).action_post()

        self._check_credit(25.3, 0.0)
        self._check_report(63.0, 23.0, 0.0)
        self._check_nothing_to_bill(subscription)

    def test_credited_plan_is_not_billed_again(self):
        subscription = self._sell_upfront()
        invoice = self._bill(subscription).invoice_id
        self._credit(invoice).action_post()

        self._check_credit(0.0, 0.0)
        self._check_report(63.0, 0.0, 0.0)
        self._check_nothing_to_bill(subscription)

    def _check_nothing_to_bill(self, subscription):
        order = subscription.order_id
        self.assertEqual(order.invoice_status, 'no')
        count = len(order.invoice_ids)
        self._run_job('process_payments', day('2027-06-01'))
        with self.assertRaisesRegex(UserError, NOTHING_TO_INVOICE):
            order._create_invoices()
        self.assertEqual(len(order.invoice_ids), count)
