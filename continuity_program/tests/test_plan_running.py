from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_plan import PlanCase


@tagged('post_install', '-at_install')
class TestRunning(PlanCase):
    def test_changed_quantity_scales_what_is_not_ordered(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')

        subscription.order_line_id.product_uom_qty = 3

        self.assertEqual(subscription.line_ids.mapped('quantity'), [1.0, 3.0, 3.0])
        self.assertEqual(subscription.child_order_ids.order_line.product_uom_qty, 1)
        self.assertEqual(subscription.quantity, 3)

    def test_changed_quantity_of_the_running_subscription(self):
        subscription = self._sell(self.program, quantity=2)

        subscription.quantity = 1

        self.assertEqual(subscription.order_line_id.product_uom_qty, 1)
        self.assertEqual(subscription.line_ids.mapped('quantity'), [1.0, 1.0, 1.0])

    def test_quantity_there_and_back_is_what_it_was(self):
        subscription = self._sell(self.program, quantity=3)

        for quantity in (7, 1, 3):
            subscription.order_line_id.product_uom_qty = quantity

        self.assertEqual(subscription.line_ids.mapped('quantity'), [3.0, 3.0, 3.0])

    def test_changed_quantity_takes_the_price_of_that_quantity(self):
        pricelist = self.env['product.pricelist'].create(
            {
                'name': "Many Are Cheaper",
                'currency_id': self.company.currency_id.id,
                'item_ids': [
                    Command.create(
                        {'compute_price': 'fixed', 'fixed_price': 10, 'min_quantity': 5, 'applied_on': '3_global'}
                    )
                ],
            }
        )
        subscription = self._sell(self.program, confirm=False, order={'pricelist_id': pricelist.id})

        subscription.quantity = 5

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [10.0, 10.0, 10.0])

    def test_quantity_0_stops_the_subscription(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')

        subscription.order_line_id.product_uom_qty = 0

        self.assertEqual(subscription.state, 'cancelled')
        self.assertEqual(subscription.line_ids.mapped('state'), ['ordered', 'cancelled', 'cancelled'])
        self.assertFalse(subscription.next_date)
        self.assertEqual(self._run_job('create_orders', day('2027-12-01')).selected_count, 0)

    def test_parent_product_cannot_change(self):
        subscription = self._sell(self.program)
        other = self._create_parent_product(self._create_program(1, name="Tea Club"))

        with self.assertRaisesRegex(UserError, "product"):
            subscription.order_line_id.product_id = other

        self.assertEqual(subscription.order_line_id.product_id, self.membership)
        self.assertFalse(subscription.order_line_id.product_updatable)

    def test_parent_product_stays_changeable_on_a_quotation(self):
        self.assertTrue(self._create_order().order_line.product_updatable)

    def test_cancelled_order_stops_its_subscriptions(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')

        subscription.order_id._action_cancel()

        self.assertEqual(subscription.state, 'cancelled')
        self.assertEqual(subscription.line_ids.mapped('state'), ['ordered', 'cancelled', 'cancelled'])
        self.assertEqual(subscription.child_order_ids.state, 'sale')

    def test_cancelled_quotation_keeps_its_plan_for_the_day_it_is_reopened(self):
        subscription = self._sell(self.program, confirm=False)

        subscription.order_id._action_cancel()
        subscription.order_id.action_draft()
        subscription.order_id.action_confirm()

        self.assertEqual(subscription.state, 'running')
        self.assertEqual(self._get_plan(subscription), self.THREE_BOOKS)

    def test_order_whose_subscription_ran_is_not_silently_confirmed_again_without_it(self):
        subscription = self._sell(self.program)
        order = subscription.order_id
        order._action_cancel()

        with self.assertRaisesRegex(UserError, subscription.name), self.cr.savepoint():
            order.action_draft()
            order.action_confirm()

    def test_deleted_line_takes_its_draft_along(self):
        order = self._create_order(self.membership + self.books[9])
        subscription = order.continuity_subscription_ids

        order.order_line[0].unlink()

        self.assertFalse(subscription.exists())
        self.assertFalse(self.env['continuity.line'].search([('program_id', '=', self.program.id)]))

    def test_deleted_quotation_takes_its_draft_along(self):
        order = self._create_order()
        subscription = order.continuity_subscription_ids

        order.unlink()

        self.assertFalse(subscription.exists())
        self.assertFalse(self.env['continuity.line'].search([('program_id', '=', self.program.id)]))

    def test_order_whose_subscription_ran_cannot_be_deleted(self):
        subscription = self._sell(self.program)
        order = subscription.order_id
        order._action_cancel()

        with self.assertRaisesRegex(UserError, f"{order.name} has sold .*{subscription.name} and cannot be deleted"):
            order.unlink()

        self.assertTrue(subscription.exists())

    def test_line_whose_subscription_ran_cannot_be_deleted(self):
        subscription = self._sell(self.program)
        subscription.order_id._action_cancel()
        subscription.order_id.action_draft()

        with self.assertRaisesRegex(UserError, subscription.name):
            subscription.order_line_id.unlink()

    def test_ordered_line_cannot_be_changed(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')

        with self.assertRaisesRegex(UserError, "shipment 1: Book 1 is ordered and cannot be changed any more"):
            subscription.line_ids[0].date_planned = day('2027-06-01')

    def test_planned_line_of_a_running_plan_can_be_changed(self):
        subscription = self._sell(self.program)

        subscription.line_ids[1].write({'date_planned': day('2027-01-15'), 'price_unit': 10.0, 'discount': 50})

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-01-15', '2027-03-01'])
        self._run_job('create_orders', day('2027-01-15'))
        self.assertEqual(subscription.child_order_ids.sorted('id').mapped('amount_total'), [22.0, 5.5])


@tagged('post_install', '-at_install')
class TestParentLine(PlanCase):
    def test_parent_is_never_delivered(self):
        goods = self._create_product("Starter Kit", 5.0, continuity_program_id=self.program.id)

        for product in (self.membership, goods):
            order = self._sell(self.program, product=product).order_id
            self.assertFalse(order.picking_ids)
            self.assertFalse(order.order_line.move_ids)
            self.assertFalse(order.delivery_status)

    def test_parent_has_nothing_to_invoice(self):
        order = self._sell(self.program).order_id

        self.assertEqual(order.invoice_status, 'no')
        self.assertEqual(order.order_line.qty_to_invoice, 0)
        self.assertEqual(order.order_line.untaxed_amount_to_invoice, 0)
        with self.assertRaisesRegex(UserError, "invoice"):
            order._create_invoices()

    def test_upfront_parent_is_invoiced_once(self):
        order = self._sell(self.program, bill_upfront=True).order_id
        self.assertEqual((order.invoice_status, order.order_line.qty_to_invoice), ('to invoice', 1))

        order._create_invoices()

        self.assertEqual((order.invoice_status, order.order_line.qty_to_invoice), ('no', 0))
        with self.assertRaisesRegex(UserError, "invoice"):
            order._create_invoices()

    def test_parent_does_not_use_the_customers_credit(self):
        self.company.account_use_credit_limit = True
        self._sell(self.program, bill_upfront=True)
        self.assertEqual(self.customer.credit_to_invoice, 0)

        ordinary = self._create_order(self.books[9])
        ordinary.action_confirm()
        self._deliver(ordinary)
        self.customer.invalidate_recordset(['credit_to_invoice'])

        self.assertAlmostEqual(self.customer.credit_to_invoice, 31.9)

    def test_parent_line_costs_nothing_when_each_shipment_is_billed(self):
        order = self._create_order()

        self.assertEqual((order.order_line.price_unit, order.amount_total), (0.0, 0.0))

    def test_parent_line_costs_the_whole_plan_when_billed_upfront(self):
        subscription = self._sell(self.program, bill_upfront=True)

        self.assertEqual(subscription.order_id.amount_untaxed, 63.0)
        self.assertEqual(subscription.order_id.amount_total, 69.3)
        self.assertEqual(subscription.order_id.amount_total, subscription.amount_total)

    def test_upfront_price_follows_the_plan(self):
        subscription = self._sell(self.program, confirm=False, bill_upfront=True)

        subscription.line_ids[0].price_unit = 10.0
        self.assertEqual(subscription.order_id.amount_untaxed, 53.0)

        subscription.quantity = 2
        self.assertEqual(subscription.order_id.amount_untaxed, 106.0)

    def test_upfront_price_of_the_parent_product(self):
        program = self._create_program(3, bill_upfront=True, upfront_price_policy='product')

        self.assertEqual(self._sell(program).order_id.amount_untaxed, 100.0)

    def test_upfront_price_set_by_the_salesperson_wins(self):
        subscription = self._sell(self.program, confirm=False, bill_upfront=True)
        subscription.order_line_id.price_unit = 50.0

        subscription.start_date = day('2027-01-10')
        subscription.order_id.action_confirm()

        self.assertEqual(subscription.order_line_id.price_unit, 50.0)
        self.assertEqual(subscription.order_id.amount_untaxed, 50.0)

    def test_discount_set_by_the_salesperson_goes_to_the_shipments(self):
        subscription = self._sell(self.program, confirm=False)

        subscription.order_line_id.discount = 10
        subscription.order_id.action_confirm()
        self._run_job('create_orders')

        self.assertEqual(subscription.child_order_ids.amount_total, 19.8)

    def test_discount_of_the_salesperson_is_on_top_of_the_events(self):
        program = self._create_program([{'price_overridden': True, 'price_unit': 30.0, 'discount': 10.0}, {}])
        subscription = self._sell(program, confirm=False)

        subscription.order_line_id.discount = 33.33
        subscription.order_id.action_confirm()

        self.assertEqual(subscription.line_ids.mapped('discount'), [40.0, 33.33])
        self.assertEqual(subscription.line_ids.mapped('price_subtotal'), [18.0, 14.0])
        program.line_ids[1].quantity = 2.0
        self._run_job('sync')
        self.assertEqual(subscription.line_ids.mapped('discount'), [40.0, 33.33])
        self.assertFalse(subscription._get_sync_changes()[0])

    def test_upfront_with_different_taxes_is_refused(self):
        reduced = self.env['account.tax'].create({'name': "Tax 5%", 'amount': 5.0, 'type_tax_use': 'sale'})
        self.books[1].taxes_id = reduced
        subscription = self._sell(self.program, confirm=False, bill_upfront=True)

        with self.assertRaisesRegex(UserError, "different taxes"):
            subscription.order_id.action_confirm()

        self.assertEqual(subscription.order_id.state, 'draft')

    def test_ordinary_line_of_a_parent_order_is_delivered_and_invoiced(self):
        order = self._create_order(self.membership + self.books[9])
        order.action_confirm()
        parent_line, ordinary_line = order.order_line
        self.assertEqual(order.picking_ids.move_ids.product_id, self.books[9])

        self._deliver(order)
        self.assertEqual(order.delivery_status, 'full')
        self.assertEqual(ordinary_line.qty_delivered, 1)
        self.assertEqual(order.invoice_status, 'to invoice')
        self.assertEqual(order.amount_to_invoice, 31.9)

        invoice = order._create_invoices()
        invoice.action_post()
        self.assertEqual(invoice.invoice_line_ids.product_id, self.books[9])
        self.assertEqual(invoice.amount_total, 31.9)
        self.assertEqual(ordinary_line.invoice_status, 'invoiced')
        self.assertEqual(order.invoice_status, 'no')
        self.assertEqual(parent_line.qty_invoiced, 0)

    def test_updating_prices_leaves_the_plans_lines(self):
        order = self._create_order(self.membership + self.books[9])
        order.order_line[1].price_unit = 3.0

        order._recompute_prices()

        self.assertEqual(order.order_line.mapped('price_unit'), [0.0, 29.0])
