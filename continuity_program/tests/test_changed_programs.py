from odoo.tests import tagged

from .common import day
from .common_regressions import RegressionCase


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
