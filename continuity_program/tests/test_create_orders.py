from odoo.tests import tagged

from .common import ContinuityCase, day


@tagged('post_install', '-at_install')
class TestCreateOrders(ContinuityCase):
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
