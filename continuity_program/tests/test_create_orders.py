from psycopg2 import IntegrityError

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ContinuityCase, day


class CreateOrdersCase(ContinuityCase):
    def _get_children(self, subscription):
        return subscription.order_id.continuity_child_ids.sorted('id')

    def _create_child(self, subscription, on=None):
        """Run the job and return the one child order it made for the subscription."""
        before = self._get_children(subscription)
        self._run_job('create_orders', on)
        child = self._get_children(subscription) - before
        self.assertEqual(len(child), 1)
        return child


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
class TestChildOrderValues(CreateOrdersCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.salesperson = cls._create_user('salesperson', 'sales_team.group_sale_salesman')
        cls.team = cls.env['crm.team'].create({'name': "Phone"})
        cls.tag = cls.env['crm.tag'].create({'name': "Loyal"})
        cls.invoice_address = cls.env['res.partner'].create(
            {'name': "Ann's mother", 'parent_id': cls.customer.id, 'type': 'invoice'}
        )
        cls.delivery_address = cls.env['res.partner'].create(
            {'name': "Ann's shed", 'parent_id': cls.customer.id, 'type': 'delivery'}
        )
        cls.foreign_currency = cls.env['res.currency'].create(
            {'name': "CNT", 'symbol': "¤", 'rate_ids': [Command.create({'name': '2020-01-01', 'rate': 2.0})]}
        )
        cls.pricelist = cls.env['product.pricelist'].create({'name': "Abroad", 'currency_id': cls.foreign_currency.id})
        plan = cls.env['account.analytic.plan'].create({'name': "Clubs"})
        cls.analytic_account = cls.env['account.analytic.account'].create({'name': "Club", 'plan_id': plan.id})

    def test_child_is_as_the_parent(self):
        noon = fields.Datetime.to_datetime('2027-01-01 12:00:00')
        incoterm = self.env['account.incoterms'].create({'name': "To the Door", 'code': 'TTD'})
        journal = self.env['account.journal'].create({'name': "Clubs", 'code': 'CLUB', 'type': 'sale'})
        origin = {
            f'{name}_id': self.env[f'utm.{name}'].create({'name': "Book Fair"}).id
            for name in ('campaign', 'medium', 'source')
        }
        subscription = self._sell(
            self._create_program(1),
            order={
                'partner_invoice_id': self.invoice_address.id,
                'partner_shipping_id': self.delivery_address.id,
                'pricelist_id': self.pricelist.id,
                'user_id': self.salesperson.id,
                'team_id': self.team.id,
                'tag_ids': [Command.set(self.tag.ids)],
                'client_order_ref': "PO 7",
                'incoterm': incoterm.id,
                'incoterm_location': "Ghent",
                'journal_id': journal.id,
                'picking_policy': 'one',
                **origin,
            },
            line={'analytic_distribution': {str(self.analytic_account.id): 100.0}},
        )

        child = self._create_child(subscription)

        self.assertRecordValues(
            child,
            [
                {
                    'company_id': self.company.id,
                    'partner_id': self.customer.id,
                    'partner_invoice_id': self.invoice_address.id,
                    'partner_shipping_id': self.delivery_address.id,
                    'pricelist_id': self.pricelist.id,
                    'currency_id': self.foreign_currency.id,
                    'user_id': self.salesperson.id,
                    'team_id': self.team.id,
                    'tag_ids': self.tag.ids,
                    'client_order_ref': "PO 7",
                    'origin': subscription.order_id.name,
                    'continuity_parent_id': subscription.order_id.id,
                    'warehouse_id': subscription.order_id.warehouse_id.id,
                    'incoterm': incoterm.id,
                    'incoterm_location': "Ghent",
                    'journal_id': journal.id,
                    'picking_policy': 'one',
                    **origin,
                    'date_order': noon,
                    'commitment_date': noon,
                    'amount_untaxed': 40.0,
                }
            ],
        )
        self.assertEqual(child.order_line.analytic_distribution, {str(self.analytic_account.id): 100.0})

    def test_addresses_of_the_subscription_are_those_of_later_children(self):
        subscription = self._sell(self._create_program(2))
        self._create_child(subscription)
        subscription.write(
            {'partner_shipping_id': self.delivery_address.id, 'partner_invoice_id': self.invoice_address.id}
        )

        child = self._create_child(subscription, day('2027-02-01'))

        self.assertEqual(child.partner_shipping_id, self.delivery_address)
        self.assertEqual(child.partner_invoice_id, self.invoice_address)

    def test_commitment_date_is_the_companys_planned_day(self):
        self.company.partner_id.tz = 'Pacific/Auckland'
        subscription = self._sell(self._create_program(1, days_after_order=30))

        child = self._create_child(subscription, day('2027-03-01'))

        self.assertEqual(self.company._get_continuity_day(child.commitment_date), day('2027-01-31'))
        self.assertEqual(self.company._get_continuity_day(child.date_order), day('2027-03-01'))

    def _create_fiscal_position(self):
        """Return a fiscal position for deliveries to Belgium, and the tax it puts in place of the usual one."""
        belgium = self.env.ref('base.be')
        self.customer.country_id = self.env.ref('base.us')
        position = self.env['account.fiscal.position'].create(
            {'name': "Belgium", 'auto_apply': True, 'country_id': belgium.id}
        )
        tax = self.env['account.tax'].create(
            {
                'name': "Tax 6%",
                'amount': 6.0,
                'type_tax_use': 'sale',
                'fiscal_position_ids': [Command.set(position.ids)],
                'original_tax_ids': [Command.set(self.tax.ids)],
            }
        )
        return position, tax

    def test_taxes_are_those_of_the_delivery_address(self):
        position, tax = self._create_fiscal_position()
        self.delivery_address.country_id = self.env.ref('base.be')
        subscription = self._sell(self._create_program(2), order={'partner_shipping_id': self.customer.id})
        first = self._create_child(subscription)
        subscription.partner_shipping_id = self.delivery_address

        second = self._create_child(subscription, day('2027-02-01'))

        self.assertNotEqual(first.fiscal_position_id, position)
        self.assertEqual(first.order_line.tax_ids, self.tax)
        self.assertEqual(second.fiscal_position_id, position)
        self.assertEqual(second.order_line.tax_ids, tax)
        self.assertAlmostEqual(second.amount_total, 21 * 1.06)

    def test_one_off_address_has_its_own_taxes(self):
        position, tax = self._create_fiscal_position()
        self.delivery_address.country_id = self.env.ref('base.be')
        subscription = self._sell(self._create_program(1))
        subscription.line_ids.partner_shipping_id = self.delivery_address

        child = self._create_child(subscription)

        self.assertEqual(child.fiscal_position_id, position)
        self.assertEqual(child.order_line.tax_ids, tax)

    def test_name_of_the_line_is_in_the_customers_language(self):
        self.env['res.lang']._activate_lang('fr_FR')
        self.books[0].with_context(lang='fr_FR').name = "Livre 1"
        self.customer.lang = 'fr_FR'
        subscription = self._sell(self._create_program(1))

        child = self._create_child(subscription)

        self.assertEqual(child.order_line.name, "Livre 1")


@tagged('post_install', '-at_install')
class TestChildOrderPrices(CreateOrdersCase):
    def test_locked_price_is_that_of_the_order_day(self):
        subscription = self._sell(self._create_program(2))
        self.books[1].list_price = 99.0

        self._run_job('create_orders', day('2027-02-01'))

        self.assertEqual(self._get_children(subscription).order_line.mapped('price_unit'), [20.0, 21.0])

    def test_current_price_is_that_of_the_price_list(self):
        subscription = self._sell(self._create_program(2, price_policy='current'))
        self.books[1].list_price = 99.0

        child = self._create_child(subscription, day('2027-01-01'))
        self.assertEqual(child.order_line.price_unit, 20.0)
        child = self._create_child(subscription, day('2027-02-01'))

        self.assertEqual(child.order_line.price_unit, 99.0)
        self.assertEqual(subscription.line_ids[1].price_unit, 99.0)

    def test_current_price_is_that_of_the_day_the_child_is_made(self):
        pricelist = self.env['product.pricelist'].create(
            {
                'name': "From February",
                'item_ids': [
                    Command.create(
                        {
                            'applied_on': '3_global',
                            'compute_price': 'fixed',
                            'fixed_price': 15.0,
                            'date_start': '2027-02-01 00:00:00',
                        }
                    )
                ],
            }
        )
        subscription = self._sell(self._create_program(2, price_policy='current'), order={'pricelist_id': pricelist.id})

        self._run_job('create_orders')
        self._run_job('create_orders', day('2027-02-01'))

        self.assertEqual(self._get_children(subscription).order_line.mapped('price_unit'), [20.0, 15.0])

    def test_current_price_leaves_a_price_agreed_by_hand(self):
        subscription = self._sell(self._create_program(1, price_policy='current'))
        subscription.line_ids.price_unit = 12.0
        self.books[0].list_price = 99.0

        self.assertEqual(self._create_child(subscription).order_line.price_unit, 12.0)

    def test_current_price_leaves_the_fixed_price_of_the_event(self):
        program = self._create_program(
            [{'price_overridden': True, 'price_unit': 9.0, 'discount': 10.0}], price_policy='current'
        )
        subscription = self._sell(program)
        self.books[0].list_price = 99.0

        line = self._create_child(subscription).order_line

        self.assertEqual((line.price_unit, line.discount), (9.0, 10.0))

    def test_price_is_kept_whatever_recomputes_the_line(self):
        program = self._create_program([{'price_overridden': True, 'price_unit': 9.0, 'discount': 10.0}])
        self.company.continuity_autoconfirm = False
        child = self._create_child(self._sell(program))
        line = child.order_line

        for change in (
            lambda: line.write({'product_uom_qty': 5.0}),
            child.action_update_prices,
            lambda: child.write({'pricelist_id': self.env['product.pricelist'].create({'name': "Other"}).id}),
            child.action_update_prices,
            child.action_confirm,
            lambda: line.write({'product_uom_qty': 2.0}),
        ):
            change()
            self.env.flush_all()
            self.assertEqual((line.price_unit, line.discount), (9.0, 10.0))
        self.assertAlmostEqual(child.amount_untaxed, 16.2)

    def test_price_set_by_hand_on_the_child_stays(self):
        self.company.continuity_autoconfirm = False
        child = self._create_child(self._sell(self._create_program(1)))
        child.order_line.price_unit = 5.0

        child.order_line.product_uom_qty = 3.0

        self.assertEqual(child.order_line.price_unit, 5.0)

    def test_prepaid_child_has_nothing_to_invoice_and_is_invoiced_once_delivered(self):
        subscription = self._sell(self._create_program(2, bill_upfront=True))
        child = self._create_child(subscription)

        self.assertEqual(child.amount_total, 0.0)
        self.assertEqual(child.order_line.price_unit, 0.0)
        self.assertEqual(child.order_line.qty_to_invoice, 0.0)
        self.assertEqual(child.invoice_status, 'no')
        self.assertFalse(subscription.line_ids[0].is_invoiced)

        self._deliver(child)

        self.assertEqual(child.order_line.qty_to_invoice, 0.0)
        self.assertEqual(child.order_line.invoice_status, 'invoiced')
        self.assertEqual(child.invoice_status, 'invoiced')
        self.assertTrue(subscription.line_ids[0].is_invoiced)

    def test_prepaid_price_stays_0_whatever_recomputes_the_line(self):
        self.company.continuity_autoconfirm = False
        child = self._create_child(self._sell(self._create_program(1, bill_upfront=True)))

        child.order_line.product_uom_qty = 4.0
        child.action_update_prices()

        self.assertEqual((child.order_line.price_unit, child.order_line.discount), (0.0, 0.0))

    def test_an_ordinary_line_put_on_a_prepaid_child_is_billed(self):
        child = self._create_child(self._sell(self._create_program(1, bill_upfront=True)))

        child.order_line = [Command.create({'product_id': self._create_product("Mug", invoice_policy='order').id})]

        self.assertEqual(child.order_line.mapped('qty_to_invoice'), [0.0, 1.0])
        self.assertEqual(child.invoice_status, 'to invoice')


@tagged('post_install', '-at_install')
class TestSkippedByCard(CreateOrdersCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.token = cls._create_token()

    def _sell_by_card(self, events=2, **values):
        subscription = self._sell(self._create_program(events), **values)
        self.assertEqual((subscription.payment_method, subscription.payment_token_id), ('token', self.token))
        return subscription

    def assertSkipped(self, run, subscription, kind, count, reason):
        self.assertRecordValues(
            run,
            [{'selected_count': count, 'done_count': 0, 'skipped_count': count, 'failed_count': 0}],
        )
        self.assertRecordValues(
            run.issue_ids,
            [{'kind': kind, 'res_model': subscription._name, 'res_id': subscription.id, 'count': count}],
        )
        self.assertIn(reason, run.issue_ids.reason)
        self.assertFalse(self._get_children(subscription))
        self.assertFalse(subscription.is_parked)

    def test_usable_card_is_no_obstacle(self):
        subscription = self._sell_by_card()
        self.token.continuity_expiry_date = day('2027-01-01')

        self.assertTrue(self._create_child(subscription))

    def test_expired_card_is_skipped_and_counted_in_shipments(self):
        subscription = self._sell_by_card()
        self.token.continuity_expiry_date = day('2026-12-31')

        run = self._run_job('create_orders', day('2027-02-01'))

        self.assertSkipped(run, subscription, 'card_expired', 2, "The card expired on 12/31/2026")

    def test_card_that_expires_before_a_later_shipment_stops_that_one_only(self):
        self.company.continuity_lead_days = 40
        subscription = self._sell_by_card()
        self.token.continuity_expiry_date = day('2027-01-15')

        run = self._run_job('create_orders')

        self.assertRecordValues(run, [{'selected_count': 2, 'done_count': 1, 'skipped_count': 1}])
        self.assertEqual(self._get_children(subscription).order_line.product_id.name, "Book 1")

    def test_archived_card_is_skipped(self):
        subscription = self._sell_by_card()
        self.token.active = False

        run = self._run_job('create_orders')

        self.assertSkipped(run, subscription, 'no_token', 1, "No usable card")

    def test_disabled_provider_is_skipped(self):
        subscription = self._sell_by_card()
        self.token.provider_id.state = 'disabled'

        run = self._run_job('create_orders')

        self.assertSkipped(run, subscription, 'no_token', 1, "No usable card")

    def test_missing_card_is_skipped(self):
        subscription = self._sell_by_card()
        subscription.payment_token_id = False

        run = self._run_job('create_orders')

        self.assertSkipped(run, subscription, 'no_token', 1, "No usable card")

    def test_the_next_run_takes_what_was_skipped_once_there_is_a_card(self):
        subscription = self._sell_by_card()
        self.token.continuity_expiry_date = day('2026-12-31')
        self._run_job('create_orders')

        subscription.payment_token_id = self._create_token(continuity_expiry_date='2030-12-31')

        self.assertEqual(self._run_job('create_orders').done_count, 1)

    def test_a_plan_paid_in_advance_needs_no_card(self):
        subscription = self._sell(self._create_program(1, bill_upfront=True))
        self.token.active = False

        self.assertTrue(self._create_child(subscription))


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
