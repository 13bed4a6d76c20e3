from contextlib import contextmanager
from datetime import date
from unittest.mock import patch

from odoo.exceptions import AccessError, RedirectWarning, UserError, ValidationError
from odoo.fields import Command
from odoo.modules.module import Manifest
from odoo.tests import Form, tagged

from odoo.addons.continuity_program.hooks import uninstall_hook

from .common import ContinuityCase, day


class RegressionCase(ContinuityCase):
    """What a review found: each test is one thing that went wrong once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent = cls._create_user('agent', 'sales_team.group_sale_salesman')
        cls.colleague = cls._create_user('colleague', 'sales_team.group_sale_salesman')
        cls.elsewhere = cls.env['res.partner'].create({'name': "Zoe Zander"})

    @contextmanager
    def assertRefused(self, reason, exception=UserError):
        """Check that something is refused with a text; nothing of it stays, as when a request fails."""
        with self.assertRaisesRegex(exception, reason), self.env.cr.savepoint():
            yield

    def _sell_for(self, user, program=None, **kwargs):
        """Sell a program, by default of three books, as an order of the salesperson."""
        return self._sell(program or self._create_program(3), order={'user_id': user.id}, **kwargs)

    def _sell_product(self, product, **values):
        """Return a confirmed ordinary order of one piece."""
        order = self.env['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'order_line': [Command.create({'product_id': product.id})],
                **values,
            }
        )
        order.action_confirm()
        return order

    def _create_carrier(self):
        return self.env['delivery.carrier'].create(
            {
                'name': "Courier",
                'delivery_type': 'fixed',
                'product_id': self._create_product("Delivery", 5.0, type='service', is_storable=False).id,
            }
        )

    def _create_term(self, **values):
        term = self._create_schedule("30 days", (100.0, 30))
        term.write(values)
        return term


@tagged('post_install', '-at_install')
class TestRightsOfOthers(RegressionCase):
    def test_delivery_of_a_colleagues_order_is_reserved(self):
        worker = self._create_user('worker', 'stock.group_stock_user', 'sales_team.group_sale_salesman')
        picking = self._sell_product(self.books[0], user_id=self.colleague.id).picking_ids
        self.env['stock.quant']._update_available_quantity(self.books[0], picking.location_id, 1)
        self.env.invalidate_all()

        picking.with_user(worker).action_assign()

        self.assertEqual(picking.state, 'assigned')

    def test_who_only_handles_goods_delivers_a_child(self):
        self.company.continuity_delivery_days = 3650  # the day of a run does not count for other users than its own
        worker = self._create_user('worker', 'stock.group_stock_user')
        subscription = self._sell_for(self.colleague)
        self._run_job('create_orders')
        picking = subscription.child_order_ids.picking_ids
        self.env.invalidate_all()

        worked_on = picking.with_user(worker).with_context({})
        worked_on.move_ids.quantity = 1
        worked_on.move_ids.picked = True
        self.env.invalidate_all()
        worked_on.button_validate()

        self.assertEqual(picking.state, 'done')
        self.assertEqual(subscription.line_ids[0].state, 'delivered')

    def test_a_colleagues_duplicate_is_told_and_not_shown(self):
        program = self._create_program(2)
        theirs = self._sell_for(self.colleague, program)
        mine = self._sell_for(self.agent, program)
        draft = self._sell_for(self.agent, program, confirm=False).with_user(self.agent)
        self.env.invalidate_all()

        [values] = draft.web_read({'has_duplicates': {}, 'warning': {}, 'summary': {}})

        self.assertTrue(values['has_duplicates'])
        self.assertEqual(
            values['warning'],
            f"Ann Archer or this delivery address already has program Book Club: {mine.name}, {theirs.name}.",
        )
        self.assertEqual(draft.action_view_duplicates()['domain'], [('id', 'in', mine.ids)])

    def test_agent_of_another_company_gets_the_clear_refusal(self):
        other = self.env['res.company'].create({'name': "Other Books"})
        foreigner = self._create_user(
            'foreigner', 'sales_team.group_sale_salesman', company_id=other.id, company_ids=[Command.set(other.ids)]
        )
        product = self._create_parent_product(self._create_program(2, bill_upfront=True))
        self.env.invalidate_all()
        form = Form(self.env(user=foreigner.id, context={'allowed_company_ids': other.ids})['sale.order'])
        form.partner_id = self.customer

        with self.assertRefused("sells program Book Club of .* and cannot be sold by Other Books"):
            with form.order_line.new() as line:
                line.product_id = product
            form.save()

    def test_portal_user_reads_the_name_and_not_what_went_wrong(self):
        portal = self._create_user('portia', 'base.group_portal')
        subscription = self._sell(self._create_program(2), order={'partner_id': portal.partner_id.id})
        subscription._park('create_orders', "No route to the warehouse.")
        self.env.invalidate_all()

        seen = subscription.with_user(portal)

        self.assertEqual(seen.read(['display_name'])[0]['display_name'], f"{subscription.name} Book Club")
        self.assertEqual(
            seen.line_ids[0].read(['display_name'])[0]['display_name'], f"{subscription.name}, shipment 1: Book 1"
        )
        with self.assertRaises(AccessError):
            seen.read(['park_reason'])


@tagged('post_install', '-at_install')
class TestSoldOnConfirmedOrder(RegressionCase):
    def _add(self, order, program, **values):
        """Add the program to the order and return its subscription."""
        product = self._create_parent_product(program, **values)
        order.order_line = [Command.create({'product_id': product.id})]
        return order.continuity_subscription_ids.filtered(lambda subscription: subscription.program_id == program)

    def test_added_line_runs_and_its_page_is_still_to_be_opened(self):
        order = self._sell_product(self.books[5])

        subscription = self._add(order, self._create_program(2))

        self.assertEqual(subscription.state, 'running')
        self.assertFalse(subscription.is_page_shown)
        self.assertEqual(order.continuity_page_id, subscription)

    def test_added_line_is_refused_as_at_confirmation(self):
        order = self._sell_product(self.books[5])
        alone = self._create_program(2, duplicate_policy='refuse')
        self._add(order, alone)
        archived = self._create_program([{'product_id': self.books[3].id}])
        self.books[3].active = False
        for program, values, reason in (
            (self._create_program(2, consent_required=True), {}, "needs the customer's consent"),
            (alone, {}, "already has program Book Club"),
            (self._create_program(2, bill_upfront=True), {'continuity_event_count': 5}, "buys 5 events, .* 3 fewer"),
            (archived, {}, "Book 4 in the plan of .* is archived"),
        ):
            with self.subTest(reason), self.assertRefused(reason):
                self._add(order, program, **values)

    def test_optional_line_is_refused_as_at_confirmation(self):
        subscription = self._sell(self._create_program(2, consent_required=True), quantity=0)
        self.assertEqual(subscription.state, 'draft')

        with self.assertRefused("needs the customer's consent"):
            subscription.order_line_id.product_uom_qty = 1
        subscription.consent_date = self.today
        subscription.order_line_id.product_uom_qty = 1

        self.assertEqual(subscription.state, 'running')

    def test_line_sold_before_its_product_had_a_program_is_invoiced(self):
        box = self._create_product("Box", 50.0)
        order = self._sell_product(box)
        self._deliver(order)

        box.product_tmpl_id.continuity_program_id = self._create_program(2)
        self.env.invalidate_all()

        self.assertFalse(order.order_line.is_continuity_parent)
        self.assertFalse(order.continuity_role)
        self.assertEqual((order.order_line.qty_to_invoice, order.invoice_status), (1.0, 'to invoice'))
        self.assertEqual(order._create_invoices().amount_total, 55.0)

    def test_line_sold_before_its_product_had_a_program_is_delivered(self):
        box = self._create_product("Box", 50.0)
        order = self._sell_product(box)

        box.product_tmpl_id.continuity_program_id = self._create_program(2)
        self.env.invalidate_all()
        order.order_line.product_uom_qty = 3

        self.assertEqual(sum(order.picking_ids.move_ids.mapped('product_uom_qty')), 3.0)
        self.assertEqual((order.order_line.price_unit, order.amount_total), (50.0, 165.0))
        self._deliver(order)
        self.assertEqual(order.order_line.qty_delivered, 3.0)
        self.assertFalse(order.continuity_subscription_ids)


@tagged('post_install', '-at_install')
class TestDefaultsOfTheContext(RegressionCase):
    """Kept fields cannot come as default values of an RPC call's context."""

    def test_order_line_takes_no_planned_line(self):
        planned = self._sell_for(self.colleague).line_ids[0]
        context = {'default_continuity_line_id': planned.id}
        values = {'product_id': self.books[3].id}

        order = (
            self.env['sale.order']
            .with_user(self.agent)
            .with_context(context)
            .create({'partner_id': self.customer.id, 'order_line': [Command.create(values)]})
        )
        self.env['sale.order.line'].with_user(self.agent).with_context(context).create({**values, 'order_id': order.id})

        self.assertEqual(len(order.order_line), 2)
        self.assertFalse(order.order_line.continuity_line_id)
        self.assertEqual(planned.state, 'planned')

    def test_order_becomes_no_child_and_is_not_held(self):
        parent = self._sell_for(self.agent).order_id

        order = (
            self.env['sale.order']
            .with_user(self.agent)
            .with_context(default_continuity_parent_id=parent.id, default_continuity_payment_hold=True)
            .create({'partner_id': self.customer.id})
        )

        self.assertFalse(order.continuity_parent_id)
        self.assertFalse(order.continuity_role)
        self.assertFalse(order.continuity_payment_hold)

    def test_planned_line_is_planned(self):
        subscription = self._sell_for(self.agent)

        line = (
            self.env['continuity.line']
            .with_user(self.agent)
            .with_context(default_is_cancelled=True, default_program_event_number=3, default_prepaid_amount=99.0)
            .create({'subscription_id': subscription.id, 'product_id': self.books[4].id, 'date_planned': self.today})
        )

        self.assertEqual((line.state, line.program_event_number, line.prepaid_amount), ('planned', 0, 0.0))


@tagged('post_install', '-at_install')
class TestPaidInAdvance(RegressionCase):
    def _sell_upfront(self, **kwargs):
        """Sell three books for 20, 21 and 22 in advance."""
        return self._sell_for(self.agent, self._create_program(3, bill_upfront=True), **kwargs)

    def _get_amounts(self, subscription):
        """Return what the order bills, the untaxed shares of the shipments and the planned payments."""
        return (
            subscription.order_id.amount_total,
            subscription.line_ids.mapped('prepaid_amount'),
            subscription.payment_ids.mapped('amount'),
        )

    def test_running_plan_takes_no_other_goods(self):
        subscription = self._sell_upfront().with_user(self.agent)
        line = subscription.line_ids[0]
        dozen = self.env.ref('uom.product_uom_dozen')
        for values in ({'quantity': 100.0}, {'product_id': self.books[5].id}, {'product_uom_id': dozen.id}):
            with self.subTest(values), self.assertRefused("is paid in advance: its product and quantity"):
                line.write(values)
        with self.assertRefused("is paid in advance: sell what comes in addition"):
            self.env['continuity.line'].with_user(self.agent).create(
                {'subscription_id': subscription.id, 'product_id': self.books[5].id, 'date_planned': self.today}
            )

        self.assertEqual((line.quantity, line.product_id.name, len(subscription.line_ids)), (1.0, "Book 1", 3))

    def test_running_plan_takes_date_carrier_and_address(self):
        line = self._sell_upfront().with_user(self.agent).line_ids[0]
        carrier = self._create_carrier()

        line.write({'date_planned': day('2027-01-05'), 'carrier_id': carrier.id})
        line.partner_shipping_id = self.elsewhere

        self.assertEqual(line.date_planned, day('2027-01-05'))
        self.assertEqual((line.carrier_id, line.partner_shipping_id), (carrier, self.elsewhere))
        self.assertEqual(line.prepaid_amount, 20.0)

    def test_shares_and_payments_follow_the_quantity_until_billed(self):
        subscription = self._sell_upfront()
        self.assertEqual(self._get_amounts(subscription), (69.3, [20.0, 21.0, 22.0], [69.3]))

        subscription.order_line_id.product_uom_qty = 2

        self.assertEqual(self._get_amounts(subscription), (138.6, [40.0, 42.0, 44.0], [138.6]))
        self.assertEqual(subscription.line_ids.mapped('quantity'), [2.0, 2.0, 2.0])

    def test_shares_and_payments_follow_the_discount(self):
        subscription = self._sell_upfront()

        subscription.order_line_id.discount = 50

        self.assertEqual(self._get_amounts(subscription), (34.65, [10.0, 10.5, 11.0], [34.65]))
        subscription.order_line_id.product_uom_qty = 2
        self.assertEqual(self._get_amounts(subscription), (69.3, [20.0, 21.0, 22.0], [69.3]))

    def test_quantity_is_fixed_once_billed(self):
        subscription = self._sell_upfront()
        self._run_job('process_payments')

        with self.assertRefused("is billed in advance: its quantity cannot change"):
            subscription.order_line_id.product_uom_qty = 2

        self.assertEqual(self._get_amounts(subscription), (69.3, [20.0, 21.0, 22.0], [69.3]))


@tagged('post_install', '-at_install')
class TestChangedPrograms(RegressionCase):
    def _sell_endless(self, **kwargs):
        """Sell a book a month, of which the plan has twelve, and order the first four."""
        program = self._create_program([{'repeat_forever': True}])
        return self._sell(program, **kwargs), program

    def test_extension_comes_after_the_plan(self):
        subscription, program = self._sell_endless()
        program.line_ids.interval_unit = 'week'
        self._run_job('create_orders', day('2027-04-06'))

        self._run_job('extend', day('2027-04-06'))

        self.assertEqual(
            self._get_dates(subscription)[-6:],
            ['2027-11-01', '2027-12-01', '2027-12-08', '2027-12-15', '2027-12-22', '2027-12-29'],
        )

    def test_renumbered_event_is_extended(self):
        subscription, program = self._sell_endless()
        program.line_ids.event_number = 5
        self._run_job('create_orders', day('2027-04-06'))

        run = self._run_job('extend', day('2027-04-06'))

        self.assertEqual((run.done_count, run.failed_count), (1, 0))
        dates = ['2027-12-01', '2028-01-01', '2028-02-01', '2028-03-01', '2028-04-01']
        self.assertEqual(self._get_dates(subscription)[-5:], dates)

    def test_renumbered_event_goes_on_until_cancelled(self):
        subscription, program = self._sell_endless()
        program.line_ids.event_number = 5
        self._run_job('create_orders', day('2027-04-06'))
        self._run_job('extend', day('2027-04-06'))

        self._run_job('extend', day('2027-04-07'))

        self.assertEqual((len(subscription.line_ids), subscription.occurrences_left), (16, -1))

    def test_event_renumbered_down_is_extended(self):
        program = self._create_program([{'event_number': 5, 'repeat_forever': True}])
        subscription = self._sell(program)
        program.line_ids.event_number = 2
        self._run_job('create_orders', day('2027-04-06'))

        self._run_job('extend', day('2027-04-06'))

        self.assertEqual((len(subscription.line_ids), subscription.occurrences_left), (16, -1))

    def test_deleted_event_leaves_drafts(self):
        program = self._create_program(3)
        subscription = self._sell(program, confirm=False)
        program.line_ids[1].unlink()
        self.env.invalidate_all()

        subscription.order_id.action_confirm()

        self.assertEqual(
            self._get_plan(subscription),
            [(1, '2027-01-01', "Book 1", 'planned'), (2, '2027-02-01', "Book 3", 'planned')],
        )

    def test_changed_unit_scales_the_running_plan(self):
        dozen = self.env.ref('uom.product_uom_dozen')
        subscription, _program = self._sell_endless(line={'product_uom_id': dozen.id})
        self.assertEqual((subscription.quantity, subscription.line_ids[0].quantity), (12.0, 12.0))

        subscription.order_line_id.product_uom_id = self.env.ref('uom.product_uom_unit')

        self.assertEqual(subscription.quantity, 1.0)
        self.assertEqual(subscription.line_ids.mapped('quantity'), [1.0] * 12)
        self._run_job('create_orders')
        self._run_job('extend')
        self.assertEqual(subscription.line_ids.mapped('quantity'), [1.0] * 13)


@tagged('post_install', '-at_install')
class TestAgreedPrice(RegressionCase):
    def test_price_per_event_stays_with_a_changed_quantity_and_address(self):
        subscription = self._sell(self._create_program(3), confirm=False)
        subscription.order_line_id.price_unit = 15.0

        subscription.line_ids[0].quantity = 2
        subscription.line_ids[1].partner_shipping_id = self.elsewhere

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [15.0, 15.0, 15.0])
        subscription.start_date = day('2027-01-02')
        self.assertEqual(subscription.line_ids.mapped('price_unit'), [15.0, 15.0, 15.0])
        self.assertEqual(subscription.line_ids.mapped('quantity'), [2.0, 1.0, 1.0])

    def test_price_per_event_wins_over_the_price_list_of_the_day(self):
        subscription = self._sell(self._create_program(3, price_policy='current'), confirm=False)
        subscription.order_line_id.price_unit = 15.0
        subscription.order_id.action_confirm()

        [row] = self.env['continuity.job.run']._preview('create_orders', as_of=self.today)
        self._run_job('create_orders')

        self.assertEqual(row['amount'], 16.5)
        self.assertEqual(subscription.child_order_ids.amount_total, 16.5)

    def test_price_of_a_running_parent_is_refused(self):
        subscription = self._sell(self._create_program(3))
        for values in ({'price_unit': 15.0}, {'discount': 50.0}):
            with self.subTest(values), self.assertRefused("is billed per shipment: change the prices"):
                subscription.order_line_id.write(values)

        self.assertEqual(subscription.order_id.amount_total, 0.0)
        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 21.0, 22.0])


@tagged('post_install', '-at_install')
class TestShipments(RegressionCase):
    def test_changed_date_moves_the_whole_shipment(self):
        subscription = self._sell(self._create_program([{'event_number': 1}, {'event_number': 1}, {'event_number': 2}]))

        subscription.line_ids[0].date_planned = day('2027-01-04')

        self.assertEqual(self._get_dates(subscription), ['2027-01-04', '2027-01-04', '2027-02-01'])
        self.assertEqual(self._run_job('create_orders', day('2027-01-03')).done_count, 0)
        self.assertEqual(self._run_job('create_orders', day('2027-01-04')).done_count, 1)
        self.assertEqual(subscription.child_order_ids.order_line.mapped('product_id.name'), ["Book 1", "Book 2"])

    def test_line_moved_into_a_shipment_takes_its_date(self):
        subscription = self._sell(self._create_program(3))

        subscription.line_ids[2].event_number = 2

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-02-01'])

    def test_line_added_to_a_shipment_takes_its_date(self):
        subscription = self._sell(self._create_program(3))

        line = self.env['continuity.line'].create(
            {
                'subscription_id': subscription.id,
                'product_id': self.books[5].id,
                'event_number': 2,
                'date_planned': day('2027-01-09'),
            }
        )

        self.assertEqual(line.date_planned, day('2027-02-01'))

    def test_cancelled_backorder_completes_the_line(self):
        subscription = self._sell(self._create_program([{'quantity': 4}]))
        self._run_job('create_orders')
        child, line = subscription.child_order_ids, subscription.line_ids
        picking = child.picking_ids
        picking.move_ids.write({'quantity': 2, 'picked': True})
        picking._action_done()
        self.assertEqual(line.state, 'ordered')

        (child.picking_ids - picking).action_cancel()

        self.assertEqual((line.state, line.is_invoiced), ('delivered', False))
        self._run_job('process_payments', day('2027-01-20'))
        self.assertEqual(child.invoice_ids.mapped('amount_total'), [44.0])
        self.assertTrue(line.is_invoiced)

    def test_child_line_lowered_to_nothing_is_cancelled(self):
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')

        subscription.child_order_ids.order_line.product_uom_qty = 0

        line = subscription.line_ids[0]
        self.assertEqual((line.state, line.is_invoiced), ('cancelled', False))

    def _hold_delivered_child(self):
        """Return a child order that is delivered, and held for payment since."""
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')
        child = subscription.child_order_ids
        self._deliver(child)
        child._set_continuity_hold("Instalment 1 is declined.")
        return child

    def test_hold_lets_a_customer_return(self):
        child = self._hold_delivered_child()
        returned = self._start_return(child.picking_ids)
        returned.move_ids.write({'quantity': 1, 'picked': True})

        returned.button_validate()

        self.assertEqual(returned.state, 'done')
        self.assertEqual(child.order_line.qty_delivered, 0.0)

    def test_hold_lets_a_return_be_reserved(self):
        child = self._hold_delivered_child()

        returned = self._start_return(child.picking_ids)

        self.assertEqual((returned.state, returned.move_ids.quantity), ('assigned', 1.0))


@tagged('post_install', '-at_install')
class TestWaysOfPaying(RegressionCase):
    def test_card_of_another_customer_is_refused(self):
        subscription = self._sell_for(self.agent).with_user(self.agent)
        theirs, own = self._create_token(self.elsewhere), self._create_token()

        with self.assertRefused("the card belongs to another customer", ValidationError):
            subscription.write({'payment_token_id': theirs.id, 'payment_method': 'token'})
        subscription.write({'payment_token_id': own.id, 'payment_method': 'token'})

        self.assertEqual((subscription.payment_method, subscription.sudo().payment_token_id), ('token', own))

    def test_method_the_program_does_not_allow_is_refused(self):
        subscription = self._sell(self._create_program(2, allowed_methods='on_account'))

        with self.assertRefused("does not allow this way of paying", ValidationError):
            subscription.payment_method = 'token'

        self.assertEqual(subscription.payment_method, 'on_account')

    def test_program_for_cards_only_is_sold(self):
        subscription = self._sell(self._create_program(2, allowed_methods='token'))
        self.assertEqual(subscription.payment_method, 'token')

        with self.assertRefused("does not allow this way of paying", ValidationError):
            subscription.payment_method = 'on_account'

    def test_payment_schedule_the_program_does_not_allow_is_refused(self):
        allowed, other, discount = self._create_term(), self._create_term(), self._create_term(early_discount=True)
        subscription = self._sell(self._create_program(2, allowed_payment_term_ids=[Command.set(allowed.ids)]))

        for term in (other, discount):
            with self.assertRefused("is no payment schedule that program Book Club allows", ValidationError):
                subscription.payment_term_id = term
        subscription.payment_term_id = allowed

        self.assertEqual(subscription.payment_term_id, allowed)

    def test_event_takes_no_early_discount(self):
        program = self._create_program(1)

        with self.assertRefused("has an early payment discount", ValidationError):
            program.line_ids.payment_term_id = self._create_term(early_discount=True)


@tagged('post_install', '-at_install')
class TestEndedSubscription(RegressionCase):
    def test_ended_subscription_takes_no_lines(self):
        subscription = self._sell_for(self.agent)
        subscription._cancel()

        with self.assertRefused("has ended: nothing can be added"):
            self.env['continuity.line'].with_user(self.agent).create(
                {'subscription_id': subscription.id, 'product_id': self.books[4].id, 'date_planned': self.today}
            )

        self.assertEqual((subscription.next_date, subscription.amount_planned), (False, 0.0))

    def test_ended_subscription_takes_no_address_and_no_way_of_paying(self):
        subscription = self._sell_for(self.agent).with_user(self.agent)
        subscription.sudo()._cancel()
        for values, label in (
            ({'partner_shipping_id': self.elsewhere.id}, "Delivery Address"),
            ({'payment_method': 'token'}, "Payment Method"),
        ):
            with self.subTest(label), self.assertRefused(f"is cancelled: its {label} cannot be changed"):
                subscription.write(values)

    def test_quantity_cannot_rise_again_from_nothing(self):
        subscription = self._sell(self._create_program(3), quantity=2)
        subscription.order_line_id.product_uom_qty = 0
        self.assertEqual(subscription.state, 'cancelled')

        with self.assertRefused("has ended: its quantity cannot change"):
            subscription.order_line_id.product_uom_qty = 2

        self.assertEqual((subscription.state, subscription.quantity), ('cancelled', 0.0))

    def test_planned_line_stays_in_its_subscription(self):
        line = self._sell_for(self.agent).line_ids[0].with_user(self.agent)
        other = self._sell_for(self.agent)

        with self.assertRefused("cannot move to another subscription"):
            line.subscription_id = other

        self.assertEqual(len(other.line_ids), 3)

    def test_parent_line_stays_on_its_order(self):
        subscription = self._sell(self._create_program(3), confirm=False)
        other = self.env['sale.order'].create({'partner_id': self.elsewhere.id})

        with self.assertRefused("cannot move to another order"):
            subscription.order_line_id.order_id = other

        self.assertFalse(other.order_line)


@tagged('post_install', '-at_install')
class TestJobs(RegressionCase):
    def test_redirect_warning_is_told_in_plain_words(self):
        subscription = self._sell(self._create_program(2))

        def process(_subscriptions, _batch):
            raise RedirectWarning("Other Books has no warehouse.", 1, "Create one")

        with patch.object(self.registry['continuity.subscription'], '_job_create_orders_process', process):
            run = self._run_job('create_orders')

        self.assertEqual(run.issue_ids.mapped('reason'), ["Other Books has no warehouse."])
        self.assertEqual(subscription.park_reason, "Other Books has no warehouse.")

    def test_what_is_no_day_is_refused(self):
        self._sell(self._create_program(2))
        Run = self.env['continuity.job.run']
        for as_of in ('01/02/2027', 'tomorrow', '9999-12-31', date.max):
            for call in (Run._execute, Run._preview):
                with self.subTest(as_of=as_of), self.assertRefused(f"A job cannot run for {as_of}"):
                    call('create_orders', as_of=as_of)

    def test_activity_is_in_the_language_of_its_user(self):
        self.env['res.lang']._activate_lang('fr_FR')
        self.agent.lang = 'fr_FR'
        subscription = self._sell_for(self.agent)
        self.books[0].active = False

        def label(run, code):
            return f"{code} in {run.env.lang}"

        with patch.object(self.registry['continuity.job.run'], '_get_job_label', label):
            self._run_job('create_orders')

        self.assertIn("create_orders in fr_FR", subscription.activity_ids.summary)
        self.assertEqual(subscription.activity_ids.user_id, self.agent)

    def test_uninstalling_leaves_no_activity_of_a_failed_job(self):
        subscription = self._sell(self._create_program(2))
        subscription._park('create_orders', "No.")
        activity_type = self.env.ref('continuity_program.mail_activity_type_attention')
        activities = self.env['mail.activity'].with_context(active_test=False)
        domain = [('activity_type_id', '=', activity_type.id)]
        self.assertEqual(activities.search_count(domain), 1)
        self.assertEqual(Manifest.for_addon('continuity_program')['uninstall_hook'], 'uninstall_hook')

        uninstall_hook(self.env)

        self.assertEqual(activities.search_count(domain), 0)
        activity_type.unlink()
