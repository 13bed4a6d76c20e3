from freezegun import freeze_time

from odoo.tests import tagged

from .common import ContinuityCase, day


@tagged('post_install', '-at_install')
class TestHoldReservation(ContinuityCase):
    """The end of a hold reserves what the operation type would have reserved by now, and nothing else."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.warehouse = cls.env['stock.warehouse'].search([('company_id', '=', cls.company.id)], limit=1)
        cls.env['stock.quant']._update_available_quantity(cls.books[0], cls.warehouse.lot_stock_id, 10)

    def _create_held_child(self, on=None):
        subscription = self._sell(self._create_program(1), start_date=on)
        self._run_job('create_orders', on)
        child = subscription.order_id.continuity_child_ids
        child._set_continuity_hold("Waits to be paid.")
        self.assertEqual(child.picking_ids.mapped('state'), ['confirmed'])
        return child

    def _set_method(self, method, days=0):
        self.warehouse.out_type_id.write({'reservation_method': method, 'reservation_days_before': days})

    def test_at_once(self):
        self._set_method('at_confirm')
        child = self._create_held_child()

        child._set_continuity_hold(False)

        self.assertEqual(child.picking_ids.state, 'assigned')

    def test_by_hand_it_waits_for_the_button(self):
        self._set_method('manual')
        child = self._create_held_child()

        child._set_continuity_hold(False)

        self.assertEqual(child.picking_ids.state, 'confirmed')
        child.picking_ids.action_assign()
        self.assertEqual(child.picking_ids.state, 'assigned')

    def test_by_date_it_waits_for_the_day_to_reserve(self):
        for today, state in (('2027-01-08', 'confirmed'), ('2027-01-09', 'assigned')):
            with self.subTest(today):
                self._set_method('by_date', 2)
                child = self._create_held_child(day('2027-01-11'))
                self.assertEqual(child.picking_ids.move_ids.reservation_date, day('2027-01-09'))

                with freeze_time(today):
                    child._set_continuity_hold(False)

                self.assertEqual(child.picking_ids.state, state)

    def test_the_method_at_the_end_of_the_hold_counts(self):
        self._set_method('at_confirm')
        child = self._create_held_child()
        self._set_method('by_date', 0)
        child.picking_ids.move_ids.reservation_date = False

        child._set_continuity_hold(False)

        self.assertEqual(child.picking_ids.state, 'confirmed')

    def test_what_was_picked_is_handed_on_to_the_next_step(self):
        """Between steps, Odoo reserves whatever the type says: so does the end of a hold."""
        self.warehouse.delivery_steps = 'pick_ship'
        self.warehouse.out_type_id.reservation_method = 'manual'
        subscription = self._sell(self._create_program(1))
        self._run_job('create_orders')
        child = subscription.order_id.continuity_child_ids
        pick = child.picking_ids
        pick.move_ids.write({'quantity': 1, 'picked': True})
        pick._action_done()
        shipping = child.picking_ids - pick
        self.assertEqual(shipping.state, 'assigned')
        child._set_continuity_hold("Waits to be paid.")
        self.assertNotEqual(shipping.state, 'assigned')

        child._set_continuity_hold(False)

        self.assertEqual(shipping.state, 'assigned')

    def test_a_night_reserves_by_the_type_too(self):
        for method, state in (('at_confirm', 'assigned'), ('manual', 'confirmed')):
            with self.subTest(method):
                self._set_method(method)
                subscription = self._sell(self._create_program(1))
                self._run_job('create_orders', day('2027-01-01'))

                self.assertEqual(subscription.order_id.continuity_child_ids.picking_ids.state, state)
