from datetime import timedelta

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.service.model import call_kw
from odoo.tests import Form, tagged

from .common import day
from .common_gate import UNPAID, GateCase, Undone


@tagged('post_install', '-at_install')
class TestHeldDelivery(GateCase):
    """A held child: not reserved, not delivered by any route, says why, and goes on by itself."""

    REASON = "instalment 1 of 01/01/2027 is declined."

    def _create_child(self, on=None, **values):
        """Return a child order of a plan in instalments by card, not held yet, and its subscription."""
        program = self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id)
        subscription = self._sell(program, **values)
        self._run_job('create_orders', on)
        child = subscription.child_order_ids
        self.assertEqual(child.picking_ids.mapped('state'), ['assigned'])
        return child, subscription

    def _decline(self, subscription):
        self.answers = ['error']
        self._run_job('process_payments', domain=[('id', '=', subscription.payment_ids[0].id)])
        self.assertEqual(subscription.payment_ids[0].state, 'declined')

    def _create_held_child(self, **values):
        child, subscription = self._create_child(**values)
        self._decline(subscription)
        self.assertEqual(child.continuity_payment_hold_reason, self.REASON)
        return child, subscription

    def _create_plain_order(self, book=None):
        order = self.env['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'order_line': [Command.create({'product_id': (book or self.books[0]).id})],
            }
        )
        order.action_confirm()
        return order

    def _assert_refused(self, child, function, *args, **kwargs):
        with self.assertRaises(UserError) as caught:
            function(*args, **kwargs)
        self.assertEqual(str(caught.exception), f"{child.name} is not delivered yet: {self.REASON}")
        moves = child.picking_ids.move_ids
        self.assertNotIn('done', moves.mapped('state'))
        self.assertEqual(child.order_line.mapped('qty_delivered'), [0.0] * len(child.order_line))

    # === RESERVATION === #

    def test_a_decline_gives_the_reserved_goods_back(self):
        child, subscription = self._create_child()
        quant = self.env['stock.quant'].search(
            [('product_id', '=', self.books[0].id), ('location_id', '=', self.warehouse.lot_stock_id.id)]
        )
        self.assertEqual(quant.reserved_quantity, 1.0)

        self._decline(subscription)

        self.assertEqual((child.picking_ids.state, child.picking_ids.move_ids.quantity), ('confirmed', 0.0))
        self.assertEqual(quant.reserved_quantity, 0.0)

    def test_the_scheduler_reserves_the_others_only(self):
        held, _subscription = self._create_held_child()
        plain = self._create_plain_order()
        plain.picking_ids.do_unreserve()

        self.env['stock.rule'].run_scheduler()

        self.assertEqual((held.picking_ids.state, plain.picking_ids.state), ('confirmed', 'assigned'))

    def test_goods_that_arrive_are_reserved_for_the_others_only(self):
        self._stock(self.books[0], -100)
        held, subscription = self._create_without_goods()
        self._decline(subscription)
        plain = self._create_plain_order()
        self.assertEqual((held.picking_ids.state, plain.picking_ids.state), ('confirmed', 'confirmed'))

        self._receive(self.books[0], 5.0)

        self.assertEqual((held.picking_ids.state, plain.picking_ids.state), ('confirmed', 'assigned'))

    def _create_without_goods(self):
        program = self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id)
        subscription = self._sell(program)
        self._run_job('create_orders')
        return subscription.child_order_ids, subscription

    def _receive(self, book, quantity):
        receipt = self.env['stock.picking'].create(
            {
                'picking_type_id': self.warehouse.in_type_id.id,
                'location_id': self.env.ref('stock.stock_location_suppliers').id,
                'location_dest_id': self.warehouse.lot_stock_id.id,
                'move_ids': [
                    Command.create(
                        {
                            'product_id': book.id,
                            'product_uom_qty': quantity,
                            'location_id': self.env.ref('stock.stock_location_suppliers').id,
                            'location_dest_id': self.warehouse.lot_stock_id.id,
                        }
                    )
                ],
            }
        )
        receipt.action_confirm()
        self._force(receipt)
        receipt.button_validate()
        self.assertEqual(receipt.state, 'done')

    def test_a_child_made_while_the_plan_is_held_is_never_reserved(self):
        _first, subscription = self._create_held_child()

        self._run_job('create_orders', day('2027-02-01'))

        second = subscription.child_order_ids[1]
        self.assertEqual(second.continuity_payment_hold_reason, self.REASON)
        self.assertEqual((second.picking_ids.state, second.picking_ids.move_ids.quantity), ('confirmed', 0.0))

    def test_more_of_a_held_child_is_not_reserved(self):
        child, _subscription = self._create_held_child()

        child.order_line.product_uom_qty = 3.0

        self.assertEqual(
            (child.picking_ids.state, sum(child.picking_ids.move_ids.mapped('quantity'))), ('confirmed', 0.0)
        )
        self.assertEqual(sum(child.picking_ids.move_ids.mapped('product_uom_qty')), 3.0)

    # === EVERY ROUTE === #

    def test_no_route_delivers_a_held_child(self):
        child, _subscription = self._create_held_child()
        picking = child.picking_ids
        self._force(picking)
        move = picking.move_ids

        routes = {
            'button': picking.button_validate,
            'button without its checks': picking.with_context(skip_sanity_check=True).button_validate,
            'button without a backorder': picking.with_context(skip_backorder=True).button_validate,
            'picking': picking._action_done,
            'moves': move._action_done,
            'moves without a backorder': lambda: move._action_done(cancel_backorder=True),
        }
        for name, route in routes.items():
            with self.subTest(name):
                self._assert_refused(child, route)

    def test_a_held_child_is_not_delivered_without_quantities_either(self):
        child, _subscription = self._create_held_child()

        self._assert_refused(child, child.picking_ids.button_validate)
        self._assert_refused(child, child.picking_ids.move_ids._action_done)

    def test_the_backorder_dialog_refuses_what_was_put_on_hold_while_it_was_open(self):
        child, subscription = self._create_child(quantity=3)
        picking = child.picking_ids
        picking.move_ids.quantity = 1.0
        picking.move_ids.picked = True
        action = picking.button_validate()
        self.assertEqual(action['res_model'], 'stock.backorder.confirmation')
        wizard = Form(self.env[action['res_model']].with_context(action['context'])).save()
        self._decline(subscription)
        self._force(picking)
        picking.move_ids.quantity = 1.0

        self._assert_refused(child, wizard.process)
        self._assert_refused(child, wizard.process_cancel_backorder)

    def test_the_rest_of_a_delivery_begun_before_the_hold(self):
        child, subscription = self._create_child(quantity=3)
        first = child.picking_ids
        first.move_ids.quantity = 1.0
        first.move_ids.picked = True
        first.with_context(skip_backorder=True).button_validate()
        rest = child.picking_ids - first
        self.assertEqual((first.state, rest.state, rest.move_ids.quantity), ('done', 'assigned', 2.0))

        self._decline(subscription)

        self.assertEqual((rest.state, rest.move_ids.quantity), ('confirmed', 0.0))
        self._force(rest)
        with self.assertRaisesRegex(UserError, f"{child.name} is not delivered yet: instalment 1 of 01/01/2027"):
            rest.button_validate()
        self.assertEqual(child.order_line.qty_delivered, 1.0)

    def test_a_stock_user_by_rpc(self):
        child, _subscription = self._create_held_child()
        picking = child.picking_ids
        Picking = self.env['stock.picking'].with_user(self.stock_user)

        def call(method, context=None):
            return call_kw(Picking, method, [picking.ids], {'context': context or {}})

        call('action_assign')
        self.assertEqual((picking.state, picking.move_ids.quantity), ('confirmed', 0.0))
        self._force(picking)
        for context in ({}, {'skip_sanity_check': True}, {'skip_backorder': True}, {'continuity_as_of': '2028-01-01'}):
            with self.subTest(context=context):
                self._assert_refused(child, call, 'button_validate', context)
        for method in ('_action_done', '_sanity_check'):
            with self.assertRaisesRegex(AccessError, "cannot be called remotely"):
                call(method)
        for vals in ({'continuity_payment_hold': False}, {'continuity_payment_hold_reason': False}):
            with self.assertRaises(AccessError):
                call_kw(self.env['sale.order'].with_user(self.stock_user), 'write', [child.ids, vals], {})

    def test_a_sales_manager_cannot_write_the_hold_by_rpc(self):
        child, _subscription = self._create_held_child()
        manager = self._create_user('manager', 'sales_team.group_sale_manager')

        with self.assertRaisesRegex(AccessError, "is kept by the system"):
            call_kw(
                self.env['sale.order'].with_user(manager), 'write', [child.ids, {'continuity_payment_hold': False}], {}
            )

        self.assertTrue(child.continuity_payment_hold)

    def test_two_validated_together_of_which_one_is_held(self):
        held, _subscription = self._create_held_child()
        plain = self._create_plain_order()
        pickings = plain.picking_ids | held.picking_ids
        self._force(pickings)

        for together in (pickings, held.picking_ids | plain.picking_ids):
            for context in ({}, {'skip_sanity_check': True}):
                with self.subTest(together=together, context=context):
                    self._assert_refused(held, together.with_context(**context).button_validate)
                    self.assertEqual(plain.picking_ids.state, 'assigned')
        plain.picking_ids.button_validate()
        self.assertEqual(plain.picking_ids.state, 'done')

    def test_one_delivery_for_two_orders_of_which_one_is_held(self):
        held, _subscription = self._create_held_child()
        plain = self._create_plain_order(self.books[1])
        picking = plain.picking_ids
        held.picking_ids.move_ids.picking_id = picking
        self._force(picking)

        self._assert_refused(held, picking.button_validate)
        self.assertEqual(plain.order_line.qty_delivered, 0.0)

    def test_a_return_of_what_was_delivered_before_the_hold(self):
        child, subscription = self._create_child(quantity=3)
        first = child.picking_ids
        first.move_ids.quantity = 1.0
        first.move_ids.picked = True
        first.with_context(skip_backorder=True).button_validate()
        self._decline(subscription)
        wizard = Form(
            self.env['stock.return.picking'].with_context(active_id=first.id, active_model='stock.picking')
        ).save()
        wizard.product_return_moves.quantity = 1.0

        returned = self.env['stock.picking'].browse(wizard.action_create_returns()['res_id'])
        self._force(returned)
        returned.button_validate()

        self.assertEqual(returned.state, 'done')
        self.assertTrue(child.continuity_payment_hold)

    # === IN TWO STEPS === #

    def _deliver_in_two_steps(self):
        self.warehouse.delivery_steps = 'pick_ship'

    def test_two_steps_neither_is_reserved_or_done_while_held(self):
        self._deliver_in_two_steps()
        child, _subscription = self._create_held_child()
        pick = child.picking_ids
        self.assertEqual(pick.picking_type_id, self.warehouse.pick_type_id)
        self.assertEqual((pick.state, pick.move_ids.quantity), ('confirmed', 0.0))

        self.env['stock.rule'].run_scheduler()

        self.assertEqual((pick.state, pick.move_ids.quantity), ('confirmed', 0.0))
        self._force(pick)
        self._assert_refused(child, pick.button_validate)
        self._assert_refused(child, pick.move_ids._action_done)

    def test_two_steps_held_between_them(self):
        self._deliver_in_two_steps()
        child, subscription = self._create_child()
        pick = child.picking_ids
        self._force(pick)
        pick.button_validate()
        ship = child.picking_ids - pick
        self.assertEqual((pick.state, ship.state), ('done', 'assigned'))

        self._decline(subscription)

        self.assertEqual(ship.move_ids.quantity, 0.0)
        self.env['stock.rule'].run_scheduler()
        self.assertEqual(ship.move_ids.quantity, 0.0)
        self._force(ship)
        with self.assertRaisesRegex(UserError, f"{child.name} is not delivered yet: instalment 1 of 01/01/2027"):
            ship.button_validate()

        self._pay(subscription.payment_ids[0])

        self.assertEqual(ship.state, 'assigned')
        ship.button_validate()
        self.assertEqual((ship.state, child.order_line.qty_delivered), ('done', 1.0))

    def test_two_steps_have_shipped_with_the_second(self):
        self._deliver_in_two_steps()
        child, _subscription = self._create_child()
        self.assertFalse(child.continuity_shipped_date)
        pick = child.picking_ids
        self._force(pick)
        pick.button_validate()
        self.assertFalse(child.continuity_shipped_date)

        ship = child.picking_ids - pick
        self._force(ship)
        ship.button_validate()

        self.assertEqual(child.continuity_shipped_date, ship.date_done.date())

    # === GOING ON === #

    def test_every_end_of_a_hold_reserves_the_goods_again(self):
        ends = {
            'charged again': self._end_by_charge,
            'paid by hand': lambda subscription: self._pay(subscription.payment_ids[0]),
            'another card': self._end_by_card,
            'credit note': self._end_by_credit_note,
        }
        for name, end in ends.items():
            with self.subTest(name):
                child, subscription = self._create_held_child()
                self.assertEqual(child.picking_ids.state, 'confirmed')

                end(subscription)

                self.assertEqual(subscription.payment_ids[0].state, 'paid')
                self.assertEqual((child.continuity_payment_hold, child.continuity_payment_hold_reason), (False, False))
                self.assertEqual((child.picking_ids.state, child.picking_ids.move_ids.quantity), ('assigned', 1.0))
                child.picking_ids.button_validate()
                self.assertEqual((child.picking_ids.state, child.order_line.qty_delivered), ('done', 1.0))

    def _end_by_charge(self, subscription):
        self._run_job('process_payments', day('2027-01-04'), domain=[('subscription_id', '=', subscription.id)])

    def _end_by_card(self, subscription):
        subscription.payment_token_id = self._create_token(payment_details="1111")
        self._run_job('process_payments', day('2027-01-02'), domain=[('subscription_id', '=', subscription.id)])

    def _end_by_credit_note(self, subscription):
        invoice = subscription.order_id.invoice_ids
        invoice._reverse_moves([{'invoice_date': invoice.invoice_date}], cancel=True)

    def test_taken_off_hold_by_hand(self):
        child, subscription = self._create_child()
        first = subscription.payment_ids[0]
        self._on(first, self.today).action_hold()
        self.assertEqual(child.continuity_payment_hold_reason, "instalment 1 of 01/01/2027 is on hold.")
        self.assertEqual(child.picking_ids.state, 'confirmed')

        self._on(first, self.today).action_release()

        self.assertFalse(child.continuity_payment_hold)
        self.assertEqual(child.picking_ids.state, 'assigned')

    def test_an_instalment_on_hold_holds_from_its_due_day_on(self):
        child, subscription = self._create_child()
        self._run_job('process_payments')
        second = subscription.payment_ids[1]
        self._on(second, self.today).action_hold()
        self.assertEqual(second.due_date, day('2027-01-31'))

        held = {}
        for on in (day('2027-01-30'), day('2027-01-31')):
            self._run_job('process_payments', on)
            held[str(on)] = child.continuity_payment_hold

        self.assertEqual(held, {'2027-01-30': False, '2027-01-31': True})
        self.assertEqual(child.continuity_payment_hold_reason, "instalment 2 of 01/31/2027 is on hold.")

    def test_a_decline_before_the_due_day_holds_from_that_day_on(self):
        child, subscription = self._create_child()
        self._run_job('process_payments')
        second = subscription.payment_ids[1]
        self.answers = ['error']
        second.is_wanted_now = True

        held = {}
        for on in (day('2027-01-30'), day('2027-01-31')):
            self._run_job('process_payments', on)
            held[str(on)] = child.continuity_payment_hold

        self.assertEqual((second.state, second.next_attempt_date), ('declined', day('2027-02-02')))
        self.assertEqual(held, {'2027-01-30': False, '2027-01-31': True})

    def test_a_payment_undone_holds_again(self):
        for name, undo in (
            ('reconciliation removed', lambda payment: payment.move_line_id.remove_move_reconcile()),
            (
                'payment reset to draft',
                lambda payment: payment.move_line_id.matched_credit_ids.credit_move_id.payment_id.action_draft(),
            ),
        ):
            with self.subTest(name):
                child, subscription = self._create_held_child()
                first = subscription.payment_ids[0]
                self._pay(first)
                self.assertFalse(child.continuity_payment_hold)

                undo(first)

                self.assertEqual(first.state, 'declined')
                self.assertTrue(child.continuity_payment_hold)

    def test_a_decline_told_later_by_the_provider_holds(self):
        child, subscription = self._create_child()
        self.answers = ['pending']
        self._run_job('process_payments')
        first = subscription.payment_ids[0]
        self.assertEqual((first.state, child.continuity_payment_hold), ('processing', False))

        self._on(first.transaction_ids, self.today)._set_error("Refused after all")

        self.assertEqual(first.state, 'declined')
        self.assertEqual(child.continuity_payment_hold_reason, self.REASON)

    # === WHAT A PAYMENT WAS PLANNED BY === #

    def _create_shipment(self, moment):
        self.company.continuity_charge_moment = moment
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')
        return subscription.child_order_ids, subscription

    def test_a_child_made_for_charging_at_delivery_is_not_held_by_a_changed_parameter(self):
        child, subscription = self._create_shipment('delivery')
        self.company.continuity_charge_moment = 'creation'

        subscription._update_holds()

        # It would wait for a payment that waits for its delivery.
        self.assertFalse(child.continuity_payment_hold)
        self.assertEqual(child.picking_ids.state, 'assigned')

    def test_a_child_made_for_charging_at_creation_stays_held_by_a_changed_parameter(self):
        child, subscription = self._create_shipment('creation')
        self.assertEqual(child.continuity_payment_hold_reason, UNPAID)
        self.company.continuity_charge_moment = 'delivery'

        subscription._update_holds()

        self.assertEqual(child.continuity_payment_hold_reason, UNPAID)

    def test_a_child_made_without_a_schedule_stays_held_when_the_plan_gets_one(self):
        child, subscription = self._create_shipment('creation')
        subscription.payment_term_id = self.thirds

        subscription._update_holds()

        self.assertEqual(child.continuity_payment_hold_reason, UNPAID)

    def test_only_the_child_that_is_not_paid_waits(self):
        self.company.continuity_charge_moment = 'creation'
        self.company.continuity_lead_days = 40
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')
        first, second = subscription.child_order_ids
        self.assertEqual((first.continuity_payment_hold, second.continuity_payment_hold), (True, True))
        self.answers = ['done', 'error']

        self._run_job('process_payments')

        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid', 'declined'])
        self.assertEqual((first.continuity_payment_hold, second.continuity_payment_hold), (False, True))
        self.assertEqual((first.picking_ids.state, second.picking_ids.state), ('assigned', 'confirmed'))


@tagged('post_install', '-at_install')
class TestDeliveryWindow(GateCase):
    """A child made ahead may leave, and be billed, from some days before its planned date on."""

    PLANNED = day('2027-01-20')
    LEAD_DAYS = 12
    #: Days before delivery as set, and what they come to.
    WINDOWS = {-1: LEAD_DAYS, 0: 0, 5: 5, 15: 15}

    def _create_child(self, delivery_days):
        self.company.continuity_lead_days = self.LEAD_DAYS
        self.company.continuity_delivery_days = delivery_days
        subscription = self._sell(self._create_program(1, allowed_methods='on_account'), start_date=self.PLANNED)
        self._run_job('create_orders', self.PLANNED - timedelta(days=self.LEAD_DAYS))
        child = subscription.child_order_ids
        self.assertEqual(child.order_line.continuity_line_id.date_planned, self.PLANNED)
        return child

    def _get_days(self, days):
        """Return (day, allowed): a day too early, the first, the planned one, and one late."""
        return (
            (self.PLANNED - timedelta(days=days + 1), False),
            (self.PLANNED - timedelta(days=days), True),
            (self.PLANNED, True),
            (self.PLANNED + timedelta(days=1), True),
        )

    def _get_refusal(self, child, days):
        first_day = self.PLANNED - timedelta(days=days)
        return (
            f"{child.name} is planned for 01/20/2027 and may be delivered and invoiced "
            f"from {first_day.strftime('%m/%d/%Y')} on."
        )

    def test_delivery(self):
        for delivery_days, days in self.WINDOWS.items():
            child = self._create_child(delivery_days)
            picking = child.picking_ids
            self._force(picking)
            for on, is_allowed in self._get_days(days):
                with self.subTest(delivery_days=delivery_days, on=on), Undone(self.env):
                    if is_allowed:
                        self._on(picking, on).button_validate()
                        self.assertEqual((picking.state, child.order_line.qty_delivered), ('done', 1.0))
                        continue
                    for route in (
                        self._on(picking, on).button_validate,
                        self._on(picking, on)._action_done,
                        self._on(picking.move_ids, on)._action_done,
                    ):
                        with self.assertRaises(UserError) as caught:
                            route()
                        self.assertEqual(str(caught.exception), self._get_refusal(child, days))
                    self.assertEqual((picking.state, child.order_line.qty_delivered), ('assigned', 0.0))

    def test_invoice(self):
        for delivery_days, days in self.WINDOWS.items():
            child = self._create_child(delivery_days)
            for on, is_allowed in self._get_days(days):
                with self.subTest(delivery_days=delivery_days, on=on), Undone(self.env):
                    if is_allowed:
                        self.assertEqual(self._on(child, on)._create_invoices().amount_total, 22.0)
                        continue
                    with self.assertRaises(UserError) as caught:
                        self._on(child, on)._create_invoices()
                    self.assertEqual(str(caught.exception), self._get_refusal(child, days))
                    self.assertFalse(child.invoice_ids)

    def test_the_goods_are_reserved_before_the_window(self):
        child = self._create_child(0)

        self.assertEqual(child.picking_ids.state, 'assigned')

    def test_two_steps_only_the_last_waits(self):
        self.warehouse.delivery_steps = 'pick_ship'
        child = self._create_child(0)
        early = self.PLANNED - timedelta(days=1)
        pick = child.picking_ids
        self._force(pick)
        self._on(pick, early).button_validate()
        self.assertEqual(pick.state, 'done')
        ship = child.picking_ids - pick
        self._force(ship)

        with self.assertRaises(UserError) as caught:
            self._on(ship, early).button_validate()

        self.assertEqual(str(caught.exception), self._get_refusal(child, 0))
        self._on(ship, self.PLANNED).button_validate()
        self.assertEqual(ship.state, 'done')

    def test_a_hold_is_told_before_the_window(self):
        child = self._create_child(0)
        child._set_continuity_hold("Instalment 1 is declined.")

        with self.assertRaises(UserError) as caught:
            self._on(child.picking_ids, self.PLANNED - timedelta(days=1)).button_validate()

        self.assertEqual(str(caught.exception), f"{child.name} is not delivered yet: Instalment 1 is declined.")
