from psycopg2 import IntegrityError

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import day
from .common_orders import CreateOrdersCase


@tagged('post_install', '-at_install')
class TestCreateOrders(CreateOrdersCase):
    def test_one_child_per_due_shipment(self):
        subscription = self._sell(self._create_program(3))
        self.assertEqual(
            self._get_plan(subscription),
            [
                (1, '2027-01-01', "Book 1", 'planned'),
                (2, '2027-02-01', "Book 2", 'planned'),
                (3, '2027-03-01', "Book 3", 'planned'),
            ],
        )

        run = self._run_job('create_orders', day('2027-02-15'))

        self.assertEqual(run.done_count, 2)
        children = subscription.order_id.continuity_child_ids.sorted('id')
        self.assertEqual(children.mapped('amount_total'), [22.0, 23.1])
        self.assertEqual(children.mapped('state'), ['sale', 'sale'])
        self.assertEqual(children.picking_ids.mapped('state'), ['confirmed', 'confirmed'])
        self.assertEqual(subscription.line_ids.mapped('state'), ['ordered', 'ordered', 'planned'])
        self.assertEqual(subscription.next_date, day('2027-03-01'))

    def test_second_run_finds_nothing(self):
        self._sell(self._create_program(3))
        self._run_job('create_orders', day('2027-01-01'))

        run = self._run_job('create_orders', day('2027-01-01'))

        self.assertEqual(run.selected_count, 0)

    def test_nothing_before_the_planned_day(self):
        subscription = self._sell(self._create_program(1, days_after_order=10))

        self._run_job('create_orders', day('2027-01-10'))
        self.assertFalse(self._get_children(subscription))
        self._run_job('create_orders', day('2027-01-11'))
        self.assertEqual(len(self._get_children(subscription)), 1)

    def test_a_quotation_gets_no_child(self):
        subscription = self._sell(self._create_program(1), confirm=False)

        run = self._run_job('create_orders', day('2027-06-01'))

        self.assertEqual(run.selected_count, 0)
        self.assertFalse(self._get_children(subscription))

    def test_late_run_makes_one_child_per_shipment_oldest_first(self):
        subscription = self._sell(self._create_program(3))

        self._run_job('create_orders', day('2027-12-31'))

        self.assertEqual(
            [child.order_line.product_id.name for child in self._get_children(subscription)],
            ["Book 1", "Book 2", "Book 3"],
        )

    def test_lead_days_bring_the_child_forward_not_its_date(self):
        self.company.continuity_lead_days = 5
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')

        self._run_job('create_orders', day('2027-01-26'))
        self.assertEqual(len(self._get_children(subscription)), 1)
        child = self._create_child(subscription, day('2027-01-27'))

        self.assertEqual(child.commitment_date.date(), day('2027-02-01'))

    def test_shared_event_ships_together(self):
        program = self._create_program([{'event_number': 1}, {'event_number': 1, 'quantity': 2}, {'event_number': 2}])
        subscription = self._sell(program, quantity=3)

        child = self._create_child(subscription)

        self.assertRecordValues(
            child.order_line,
            [
                {'product_id': self.books[0].id, 'product_uom_qty': 3.0},
                {'product_id': self.books[1].id, 'product_uom_qty': 6.0},
            ],
        )
        self.assertEqual(len(child.picking_ids), 1)

    def _create_calendar_program(self, **values):
        events = [{'start_date': f'2026-{month}-15'} for month in ('10', '11', '12')] + [{'start_date': '2027-02-15'}]
        return self._create_program(events, **values)

    def test_consolidated_missed_events_are_one_child(self):
        subscription = self._sell(self._create_calendar_program(missed_event_policy='consolidate'))

        child = self._create_child(subscription)

        self.assertEqual(child.order_line.product_id.mapped('name'), ["Book 1", "Book 2", "Book 3"])
        self.assertEqual(child.commitment_date.date(), self.today)

    def test_each_missed_event_is_its_own_child(self):
        subscription = self._sell(self._create_calendar_program(missed_event_policy='each'))

        run = self._run_job('create_orders')

        self.assertEqual(run.done_count, 3)
        self.assertEqual(
            [child.order_line.product_id.name for child in self._get_children(subscription)],
            ["Book 1", "Book 2", "Book 3"],
        )

    def test_one_off_address_makes_its_own_child(self):
        program = self._create_program([{'event_number': 1}, {'event_number': 1}])
        subscription = self._sell(program)
        office = self.env['res.partner'].create({'name': "Office", 'parent_id': self.customer.id, 'type': 'delivery'})
        subscription.line_ids[1].partner_shipping_id = office

        run = self._run_job('create_orders')

        self.assertEqual(run.done_count, 2)
        children = self._get_children(subscription)
        self.assertEqual(children.partner_shipping_id, self.customer | office)
        self.assertEqual([child.order_line.product_id.name for child in children], ["Book 1", "Book 2"])
        self.assertEqual(children.picking_ids.partner_id, self.customer | office)

    def test_announced_shipment_waits_until_it_can_no_longer_be_declined(self):
        subscription = self._sell(self._create_program(2))
        subscription.line_ids[0].write({'announced_date': '2027-01-01', 'decline_until': '2027-01-10'})

        run = self._run_job('create_orders', day('2027-01-10'))
        self.assertEqual(run.done_count, 0)
        run = self._run_job('create_orders', day('2027-01-11'))

        self.assertEqual(run.done_count, 1)

    def test_announced_shipment_holds_back_no_other_shipment(self):
        subscription = self._sell(self._create_program(2))
        subscription.line_ids[0].write({'announced_date': '2027-01-01', 'decline_until': '2027-03-01'})

        self._run_job('create_orders', day('2027-02-01'))

        self.assertEqual(self._get_children(subscription).order_line.product_id.mapped('name'), ["Book 2"])

    def test_terms_of_the_line_and_carrier_go_with_the_child(self):
        carrier = self.env['delivery.carrier'].create(
            {'name': "Bike", 'product_id': self._create_product("Bike courier", type='service').id}
        )
        terms = self.env['account.payment.term'].create({'name': "In a while"})
        program = self._create_program([{'carrier_id': carrier.id, 'payment_term_id': terms.id}, {}])
        subscription = self._sell(program)

        self._run_job('create_orders', day('2027-02-01'))

        first, second = self._get_children(subscription)
        self.assertEqual((first.carrier_id, first.payment_term_id), (carrier, terms))
        self.assertFalse(second.carrier_id)
        self.assertEqual(second.payment_term_id, subscription.order_id.payment_term_id)

    def test_terms_of_the_subscription_come_before_those_of_the_order(self):
        schedule = self.env['account.payment.term'].create({'name': "Two halves"})
        order_terms = self.env['account.payment.term'].create({'name': "At once"})
        subscription = self._sell(
            self._create_program(1, payment_term_id=schedule.id), order={'payment_term_id': order_terms.id}
        )

        self.assertEqual(self._create_child(subscription).payment_term_id, schedule)

    def test_fixed_shipping_is_a_delivery_line(self):
        shipping = self._create_product("Shipping", type='service', is_storable=False)
        program = self._create_program(
            1, shipping_policy='fixed', shipping_product_id=shipping.id, shipping_amount=2.95
        )
        child = self._create_child(self._sell(program))

        delivery = child.order_line.filtered('is_delivery')
        self.assertEqual((delivery.product_id, delivery.price_unit, delivery.product_uom_qty), (shipping, 2.95, 1.0))
        self.assertAlmostEqual(child.amount_untaxed, 22.95)

    def test_carriers_rate_is_a_delivery_line(self):
        carrier = self.env['delivery.carrier'].create(
            {
                'name': "Bike",
                'product_id': self._create_product("Bike courier", type='service', is_storable=False).id,
                'fixed_price': 4.5,
            }
        )
        program = self._create_program([{'carrier_id': carrier.id}], shipping_policy='carrier')

        child = self._create_child(self._sell(program))

        self.assertEqual(child.order_line.filtered('is_delivery').price_unit, 4.5)

    def test_without_autoconfirm_the_child_stays_a_quotation(self):
        self.company.continuity_autoconfirm = False
        subscription = self._sell(self._create_program(1))

        child = self._create_child(subscription)

        self.assertEqual(child.state, 'draft')
        self.assertFalse(child.picking_ids)
        self.assertEqual(subscription.line_ids.state, 'ordered')
        self.assertEqual(self._run_job('create_orders', day('2027-02-01')).selected_count, 0)

    def test_delivered_state_follows_the_delivery(self):
        subscription = self._sell(self._create_program(2))
        child = self._create_child(subscription)
        self.assertEqual(subscription.line_ids.mapped('state'), ['ordered', 'planned'])

        self._deliver(child)

        self.assertEqual(subscription.line_ids.mapped('state'), ['delivered', 'planned'])
        self.assertFalse(subscription.line_ids[0].is_invoiced)
        child._create_invoices().action_post()
        self.assertTrue(subscription.line_ids[0].is_invoiced)

    def test_partly_delivered_is_still_ordered(self):
        subscription = self._sell(self._create_program(1), quantity=2)
        child = self._create_child(subscription)
        move = child.picking_ids.move_ids
        move.write({'quantity': 1.0, 'picked': True})

        child.picking_ids._action_done()

        self.assertEqual(child.order_line.qty_delivered, 1.0)
        self.assertEqual(subscription.line_ids.state, 'ordered')

    def test_cancelled_child_is_not_made_again(self):
        subscription = self._sell(self._create_program(2))
        self._create_child(subscription)._action_cancel()
        self.assertEqual(subscription.line_ids.mapped('state'), ['cancelled', 'planned'])

        run = self._run_job('create_orders', day('2027-01-20'))

        self.assertEqual(run.selected_count, 0)

    @mute_logger('odoo.sql_db')
    def test_the_database_refuses_a_second_child(self):
        subscription = self._sell(self._create_program(1))
        child = self._create_child(subscription)

        with self.assertRaises(IntegrityError), self.env.cr.savepoint():
            self.env['sale.order.line'].create(
                {
                    'order_id': child.copy({'order_line': False}).id,
                    'product_id': self.books[0].id,
                    'continuity_line_id': subscription.line_ids.id,
                }
            )

    @mute_logger('odoo.sql_db')
    def test_the_database_refuses_a_second_child_that_is_not_confirmed(self):
        subscription = self._sell(self._create_program(1))
        self._create_child(subscription)

        with self.assertRaises(IntegrityError), self.env.cr.savepoint():
            subscription._create_child_orders([subscription.line_ids])

    def test_a_copy_of_a_child_is_an_ordinary_order(self):
        child = self._create_child(self._sell(self._create_program(1)))

        copy = child.copy()

        self.assertFalse(copy.continuity_role)
        self.assertFalse(copy.continuity_parent_id)
        self.assertFalse(copy.order_line.continuity_line_id)

    def test_a_child_makes_no_subscription(self):
        program = self._create_program(1)
        subscription = self._sell(program)
        child = self._create_child(subscription)

        child.write({'order_line': [Command.create({'product_id': program.product_tmpl_ids.product_variant_id.id})]})

        self.assertFalse(child.continuity_subscription_ids)

    def test_counts_on_the_parents_smart_buttons(self):
        subscription = self._sell(self._create_program(3))
        parent = subscription.order_id
        self.assertEqual((parent.continuity_child_count, parent.continuity_subscription_count), (0, 1))

        self._run_job('create_orders', day('2027-02-01'))

        parent.invalidate_recordset()
        self.assertEqual((parent.continuity_child_count, parent.continuity_subscription_count), (2, 1))
        self.assertEqual(subscription.child_order_count, 2)
        child = self._get_children(subscription)[0]
        self.assertEqual((parent.continuity_role, child.continuity_role), ('parent', 'child'))
        self.assertEqual((child.continuity_child_count, child.continuity_subscription_count), (0, 1))
        self.assertEqual(child.action_view_continuity_parent()['res_id'], parent.id)
        shown = self.env['sale.order'].search(parent.action_view_continuity_children()['domain'])
        self.assertEqual(shown, parent.continuity_child_ids)

    def test_the_parent_is_never_delivered_nor_invoiced(self):
        subscription = self._sell(self._create_program(1))
        self._run_job('create_orders')
        parent = subscription.order_id

        self.assertFalse(parent.picking_ids)
        self.assertEqual(parent.order_line.qty_to_invoice, 0.0)
        self.assertEqual(parent.amount_total, 0.0)
        with self.assertRaisesRegex(UserError, "(?i)invoice"):
            parent._create_invoices()

    def test_a_parent_line_with_children_cannot_be_deleted(self):
        subscription = self._sell(self._create_program(1))
        self._create_child(subscription)

        with self.assertRaisesRegex(UserError, "(cannot be deleted|[Rr]emove)"):
            subscription.order_id.order_line.unlink()

    def test_reordering_rules_are_told_of_what_is_ordered(self):
        warehouse = self.env['stock.warehouse'].search([('company_id', '=', self.company.id)], limit=1)
        route = self.env['stock.route'].create({'name': "From the Printer", 'product_selectable': True})
        self.env['stock.rule'].create(
            {
                'name': "From the Printer",
                'route_id': route.id,
                'action': 'pull',
                'location_src_id': self.env.ref('stock.stock_location_suppliers').id,
                'location_dest_id': warehouse.lot_stock_id.id,
                'picking_type_id': warehouse.in_type_id.id,
                'procure_method': 'make_to_stock',
                'company_id': self.company.id,
            }
        )
        book = self.books[0]
        book.route_ids = route
        self.env['stock.warehouse.orderpoint'].create(
            {
                'product_id': book.id,
                'location_id': warehouse.lot_stock_id.id,
                'product_min_qty': 5.0,
                'product_max_qty': 20.0,
                'trigger': 'auto',
                'route_id': route.id,
            }
        )
        self._sell(self._create_program(1))
        self._sell(self._create_program(1))

        self._run_job('create_orders')

        incoming = self.env['stock.move'].search(
            [('product_id', '=', book.id), ('location_dest_id', '=', warehouse.lot_stock_id.id)]
        )
        self.assertEqual(sum(incoming.mapped('product_qty')), 22.0)


@tagged('post_install', '-at_install')
class TestQueryCount(CreateOrdersCase):
    def _count_queries(self, program, count):
        """Return how many SQL queries a run needs that makes ``count`` child orders of ``count`` subscriptions."""
        for _number in range(count):
            self.customer = self.env['res.partner'].create({'name': "Customer"})
            self._sell(program)
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        run = self._run_job('create_orders')
        self.assertEqual(run.done_count, count)
        return self.env.cr.sql_log_count - before

    def test_queries_per_child_order_are_constant(self):
        program = self._create_program([{'event_number': 1}, {'event_number': 1}, {'event_number': 2}])
        self._count_queries(program, 2)  # caches are warm after it

        few, many, more = (self._count_queries(program, count) for count in (10, 20, 40))

        # Each run has some of its own, whatever it makes; what one child order more costs is what counts.
        message = f"{few} queries for 10, {many} for 20, {more} for 40"
        self.assertAlmostEqual((many - few) / 10, (more - many) / 20, delta=1, msg=message)
        # Made together: Odoo's own batch of the same needs 50.
        self.assertLess((more - many) / 20, 20, msg=message)
