from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_payments import PaymentCase


@tagged('post_install', '-at_install')
class TestPlannedPayments(PaymentCase):
    def test_upfront_is_due_at_confirmation(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True))

        self.assertEqual(self._get_payments(subscription), [(subscription.order_id, '2027-01-01', 69.3, 'scheduled')])

    def test_upfront_schedule_counts_from_the_confirmation_day(self):
        program = self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id)
        subscription = self._sell(program, start_date=day('2027-03-01'))

        order = subscription.order_id
        self.assertEqual(
            self._get_payments(subscription),
            [
                (order, '2027-01-01', 23.10, 'scheduled'),
                (order, '2027-01-31', 23.10, 'scheduled'),
                (order, '2027-03-02', 23.10, 'scheduled'),
            ],
        )

    def test_upfront_payments_are_shown_from_the_draft_on(self):
        program = self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id)
        subscription = self._sell(program, confirm=False)
        self.assertEqual(subscription.payment_ids.mapped('amount'), [23.10, 23.10, 23.10])

        subscription.order_line_id.product_uom_qty = 2

        self.assertEqual(subscription.payment_ids.mapped('amount'), [46.20, 46.20, 46.20])

    def test_instalments_hold_the_shipping_costs_of_the_plan(self):
        shipping = self._create_product("Shipping", 0.0, type='service', is_storable=False)
        program = self._create_program(
            3,
            bill_upfront=True,
            payment_term_id=self.thirds.id,
            shipping_policy='fixed',
            shipping_product_id=shipping.id,
            shipping_amount=2.5,
        )
        subscription = self._sell(program, confirm=False)
        order = subscription.order_id
        self.assertEqual(order.order_line.mapped('price_total'), [69.3, 8.25])
        self.assertEqual(subscription.payment_ids.mapped('amount'), [25.85, 25.85, 25.85])
        self.assertEqual(subscription.amount_total, 77.55)
        self.assertIn("in all $\xa077.55 incl. taxes · due now $\xa025.85", subscription.summary)

        order.action_confirm()
        copy = order.copy()
        self._run_job('process_payments')

        self.assertEqual(order.invoice_ids.amount_total, 77.55)
        self.assertEqual(subscription.payment_ids.mapped('amount'), [25.85, 25.85, 25.85])
        self.assertEqual(copy.order_line.mapped('price_total'), [69.3, 8.25])
        copy.order_line[0].unlink()
        self.assertFalse(copy.order_line)

    def test_a_price_set_on_the_shipping_line_stays(self):
        shipping = self._create_product("Shipping", 0.0, type='service', is_storable=False)
        program = self._create_program(
            3, bill_upfront=True, shipping_policy='fixed', shipping_product_id=shipping.id, shipping_amount=2.5
        )
        subscription = self._sell(program, confirm=False)
        line = subscription.shipping_line_ids
        line.price_unit = 1.0
        self.assertEqual(subscription.payment_ids.amount, 72.6)

        subscription.start_date = day('2027-01-10')
        subscription.order_line_id.product_uom_qty = 2
        subscription.order_id.action_confirm()

        self.assertEqual((line.product_uom_qty, line.price_unit), (3.0, 1.0))
        self.assertEqual(subscription.payment_ids.amount, 141.9)

    def test_in_advance_it_is_sent_free_where_the_carrier_sets_the_rate(self):
        carrier = self.env['delivery.carrier'].create(
            {
                'name': "Bike",
                'product_id': self._create_product("Bike", type='service', is_storable=False).id,
                'delivery_type': 'fixed',
                'fixed_price': 4.5,
            }
        )
        program = self._create_program([{'carrier_id': carrier.id}, {}], shipping_policy='carrier', bill_upfront=True)
        subscription = self._sell(program)
        self.assertFalse(subscription.shipping_line_ids)

        self._run_job('create_orders')
        self._run_job('process_payments')

        child = subscription.child_order_ids
        self.assertEqual((child.carrier_id, child.amount_total, len(child.order_line)), (carrier, 0.0, 1))
        self.assertEqual(subscription.order_id.invoice_ids.amount_total, 45.1)

    def test_a_price_set_by_the_salesperson_is_what_the_plan_comes_to(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True), confirm=False)

        subscription.order_line_id.price_unit = 50.0

        self.assertEqual(subscription.payment_ids.amount, 55.0)
        self.assertEqual(subscription.amount_total, 55.0)
        self.assertIn("due now $\xa055.00", subscription.summary)

    def test_upfront_with_the_first_shipment(self):
        program = self._create_program(3, bill_upfront=True, upfront_invoice_moment='first_shipment')
        subscription = self._sell(program)
        self.assertEqual(self._get_payments(subscription), [(subscription.order_id, '', 69.3, 'scheduled')])
        self.assertFalse(subscription.payment_ids.ready_date)

        self._run_job('create_orders', day('2027-01-01'))
        child = subscription.child_order_ids
        self._deliver(child)

        self.assertEqual(subscription.payment_ids.ready_date, child.continuity_shipped_date)

    def test_a_quantity_changed_before_the_first_shipment_leaves_the_days_agreed(self):
        program = self._create_program(
            3, bill_upfront=True, payment_term_id=self.thirds.id, upfront_invoice_moment='first_shipment'
        )
        subscription = self._sell(program)
        payments = subscription.payment_ids
        payments[1]._set_on_hold(True)

        subscription.order_line_id.with_env(self._as_of(day('2027-01-20'))).product_uom_qty = 2

        self.assertEqual(subscription.payment_ids, payments)
        self.assertEqual(payments.mapped('due_date'), [day('2027-01-01'), day('2027-01-31'), day('2027-03-02')])
        self.assertEqual(payments.mapped('amount'), [46.2, 46.2, 46.2])
        self.assertTrue(payments[1].on_hold)

    def test_shipment_is_due_when_it_ships(self):
        subscription = self._sell(self._create_program(3))
        self.assertFalse(subscription.payment_ids)

        self._run_job('create_orders')

        child = subscription.child_order_ids
        self.assertEqual(self._get_payments(subscription), [(child, '', 22.0, 'scheduled')])
        self.assertFalse(subscription.payment_ids.ready_date)
        self._deliver(child)
        self.assertEqual(child.continuity_shipped_date, child.picking_ids.date_done.date())
        self.assertEqual(subscription.payment_ids.ready_date, child.continuity_shipped_date)

    def test_schedule_of_a_shipment_counts_from_its_planned_date(self):
        self.company.continuity_lead_days = 10
        subscription = self._sell(self._create_program(1, payment_term_id=self.thirds.id), start_date=day('2027-01-05'))

        self._run_job('create_orders')

        child = subscription.child_order_ids
        self.assertEqual(
            self._get_payments(subscription),
            [
                (child, '2027-01-05', 7.33, 'scheduled'),
                (child, '2027-02-04', 7.33, 'scheduled'),
                (child, '2027-03-06', 7.34, 'scheduled'),
            ],
        )

    def test_schedule_of_an_event_wins(self):
        program = self._create_program([{'payment_term_id': self.thirds.id}, {}])
        subscription = self._sell(program)

        self._run_job('create_orders', day('2027-02-01'))

        self.assertEqual(subscription.payment_ids.mapped('amount'), [7.33, 7.33, 7.34, 23.1])

    def test_payments_to_come_are_those_that_the_children_get(self):
        shipping = self._create_product("Shipping", 0.0, type='service', is_storable=False)
        fixed = {'shipping_policy': 'fixed', 'shipping_product_id': shipping.id, 'shipping_amount': 2.95}
        for values in ({}, {'payment_term_id': self.thirds.id}, fixed):
            with self.subTest(values=values):
                program = self._create_program([{}, {'event_number': 1}, {'payment_term_id': self.thirds.id}], **values)
                subscription = self._sell(program, confirm=False)
                self.assertFalse(subscription.payment_ids)
                to_come = subscription._get_payments_to_come()
                self.assertIn(str(round(to_come[0]['amount'], 2)), subscription.payments_to_come)

                subscription.order_id.action_confirm()
                self._run_job('create_orders', day('2027-02-01'))

                payments = subscription.payment_ids.sorted(lambda payment: (payment.order_id.id, payment.number))
                self.assertEqual(
                    [(row['number'], row['amount'], row['date']) for row in to_come if not row['is_ship_due']],
                    [(pay.number, pay.amount, pay.due_date) for pay in payments if pay.due_date],
                )
                self.assertEqual(
                    [(row['number'], row['amount']) for row in to_come if row['is_ship_due']],
                    [(payment.number, payment.amount) for payment in payments if not payment.due_date],
                )
                self.assertFalse(subscription.payments_to_come)

    def test_prepaid_child_has_none(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True))

        self._run_job('create_orders', day('2027-03-01'))

        self.assertEqual(len(subscription.child_order_ids), 3)
        self.assertEqual(subscription.payment_ids.order_id, subscription.order_id)

    def test_nothing_to_pay_is_paid(self):
        self.books[0].list_price = 0.0
        subscription = self._sell(self._create_program(1))

        self._run_job('create_orders')

        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid'])

    def test_child_without_deliveries_ships_on_its_planned_date(self):
        self.books[0].type = 'service'
        subscription = self._sell(self._create_program(1), start_date=day('2027-01-05'))

        self._run_job('create_orders', day('2027-01-10'))

        self.assertEqual(subscription.payment_ids.ready_date, day('2027-01-05'))


@tagged('post_install', '-at_install')
class TestChangedShipments(PaymentCase):
    """A child order that is changed by hand asks for what it comes to."""

    def _order_book(self, **program):
        """Return the child order of one book, made on 1 January, and its subscription."""
        subscription = self._sell(self._create_program(1, **program))
        self._run_job('create_orders')
        return subscription.child_order_ids, subscription

    def _get_amounts(self, subscription):
        return subscription.payment_ids.sorted('number').mapped('amount')

    def test_changed_before_its_bill(self):
        child, subscription = self._order_book()

        child.order_line.product_uom_qty = 3

        self.assertEqual(self._get_amounts(subscription), [66.0])
        child.order_line.write({'price_unit': 10.0, 'discount': 50.0})
        self.assertEqual(self._get_amounts(subscription), [16.5])

    def test_its_schedule_keeps_the_days(self):
        child, subscription = self._order_book(payment_term_id=self.thirds.id)

        child.with_env(self._as_of(day('2027-01-20'))).order_line.product_uom_qty = 3

        self.assertEqual(
            self._get_payments(subscription),
            [
                (child, '2027-01-01', 22.0, 'scheduled'),
                (child, '2027-01-31', 22.0, 'scheduled'),
                (child, '2027-03-02', 22.0, 'scheduled'),
            ],
        )

    def test_a_line_added_and_taken_away(self):
        child, subscription = self._order_book()

        lamp = self.env['sale.order.line'].create({'order_id': child.id, 'product_id': self.books[4].id})

        self.assertEqual(self._get_amounts(subscription), [48.4])
        lamp.product_uom_qty = 0
        self.assertEqual(self._get_amounts(subscription), [22.0])

    def test_notes_and_sections_are_nothing_to_bill(self):
        child, subscription = self._order_book()
        child.order_line = [
            Command.create({'display_type': 'line_section', 'name': "Your books"}),
            Command.create({'display_type': 'line_note', 'name': "Gift wrapping"}),
        ]
        self._deliver(child)

        self._run_job('process_payments', day('2027-01-20'))

        self.assertEqual((child.invoice_ids.amount_total, subscription.payment_ids.state), (22.0, 'billed'))

    def test_raised_after_its_bill(self):
        """The extra is delivered, billed and paid, and then the plan is finished."""
        child, subscription = self._order_book(payment_term_id=self.thirds.id)
        self._run_job('process_payments')
        self.assertEqual(child.invoice_ids.amount_total, 22.0)

        child.order_line.product_uom_qty = 3
        self.assertEqual(self._get_amounts(subscription), [7.33, 7.33, 7.34, 44.0])
        child.order_line.product_uom_qty = 2
        self.assertEqual(self._get_amounts(subscription), [7.33, 7.33, 7.34, 22.0])

        self._run_job('process_payments', day('2027-03-02'))
        self.assertEqual(len(child.invoice_ids), 1)
        self._deliver(child)
        # On the day of the deliveries, which is today's.
        self._run_job('process_payments', max(child.continuity_shipped_date, day('2027-03-02')))
        self.assertEqual(child.invoice_ids.mapped('amount_total'), [22.0, 22.0])
        self._pay(subscription.payment_ids)
        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid'] * 4)
        self._run_job('close', day('2027-03-02'))
        self.assertEqual(subscription.state, 'done')

    def test_paid_in_advance_it_has_no_payments_of_its_own(self):
        subscription = self._sell(self._create_program(1, bill_upfront=True))
        self._run_job('create_orders')

        subscription.child_order_ids.order_line.product_uom_qty = 3

        self.assertEqual(self._get_payments(subscription), [(subscription.order_id, '2027-01-01', 22.0, 'scheduled')])


@tagged('post_install', '-at_install')
class TestSchedules(PaymentCase):
    def test_any_schedule_may_be_chosen_where_the_program_names_none(self):
        subscription = self._sell(self._create_program(2, bill_upfront=True), payment_term_id=self.thirds.id)

        self.assertEqual(len(subscription.payment_ids), 3)

    def test_a_fixed_part_that_is_more_than_the_whole(self):
        schedule = self.env['account.payment.term'].create(
            {
                'name': "50 now, the rest later",
                'line_ids': [
                    Command.create({'value': 'fixed', 'value_amount': 50.0, 'nb_days': 0}),
                    Command.create({'value': 'percent', 'value_amount': 100.0, 'nb_days': 30}),
                ],
            }
        )
        small, large = (
            self._sell(self._create_program(events, bill_upfront=True, payment_term_id=schedule.id))
            for events in (1, 3)
        )
        self.assertEqual(small.payment_ids.mapped('amount'), [22.0, 0.0])
        self.assertEqual(large.payment_ids.mapped('amount'), [50.0, 19.3])
