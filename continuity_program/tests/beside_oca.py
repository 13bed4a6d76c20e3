"""The main scenarios beside addons of the Odoo Community Association.

`bin/dev neighbours` runs this file, in a database that has those of `requirements-oca-neighbours.txt` too.

Some of these hold an order back without an error: their button returns. The night must notice.
"""

from freezegun import freeze_time

from odoo.tests import tagged

from .common import ContinuityCase, day

#: From the first shipment to after the last of a program of three.
NIGHTS = ('2027-01-01', '2027-02-01', '2027-03-01', '2027-04-01')


@tagged('post_install', '-at_install')
class TestBesideOca(ContinuityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.continuity_revenue_journal_id = cls.env['account.journal'].create(
            {'name': "Revenue", 'code': "REV", 'type': 'general'}
        )

    def _run_nights(self, *nights):
        """Run all jobs on these days, and deliver what may leave."""
        for night in nights:
            with freeze_time(f'{night} 12:00:00'):
                for job in ('create_orders', 'extend', 'sync'):
                    self._run_job(job, day(night))
                self._deliver_open()
                for job in ('process_payments', 'close'):
                    self._run_job(job, day(night))

    def _deliver_open(self):
        orders = self.env['sale.order'].search([('continuity_role', '=', 'child'), ('state', '=', 'sale')])
        self._deliver(orders.filtered(lambda order: not order.continuity_payment_hold))

    def _assert_all_sent(self, subscription):
        children = subscription.child_order_ids
        self.assertEqual(subscription.line_ids.mapped('state'), ['delivered'] * 3)
        self.assertEqual(children.mapped('state'), ['sale'] * 3)
        self.assertEqual(children.picking_ids.mapped('state'), ['done'] * 3)

    def test_each_shipment_on_account(self):
        subscription = self._sell(self._create_program(3, allowed_methods='on_account'))

        self._run_nights(*NIGHTS)

        self._assert_all_sent(subscription)
        invoices = subscription.child_order_ids.invoice_ids
        self.assertEqual(invoices.mapped('state'), ['posted'] * 3)
        self.assertEqual(sorted(invoices.mapped('amount_total')), [22.0, 23.1, 24.2])
        self._pay(subscription.payment_ids)
        self._run_nights('2027-04-02')
        self.assertEqual(subscription.state, 'done')
        self.assertEqual(subscription.order_id.invoice_status, 'invoiced')

    def test_each_shipment_by_card(self):
        token = self._create_token(demo_simulated_state='done')
        subscription = self._sell(self._create_program(3), payment_method='token', payment_token_id=token.id)

        self._run_nights(*NIGHTS)

        self._assert_all_sent(subscription)
        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid'] * 3)
        self.assertEqual(sorted(subscription.payment_ids.transaction_ids.mapped('amount')), [22.0, 23.1, 24.2])
        self.assertEqual(subscription.state, 'done')

    def test_in_advance_by_card(self):
        token = self._create_token(demo_simulated_state='done')
        program = self._create_program(3, bill_upfront=True)
        subscription = self._sell(program, payment_method='token', payment_token_id=token.id)

        self._run_nights(*NIGHTS)

        self._assert_all_sent(subscription)
        self.assertEqual(subscription.order_id.invoice_ids.mapped('amount_total'), [69.3])
        self.assertFalse(subscription.child_order_ids.invoice_ids)
        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid'])
        self.assertEqual(subscription.state, 'done')

    def test_in_advance_by_schedule_on_account(self):
        thirds = self._create_schedule("Thirds", (33.34, 0), (33.33, 30), (33.33, 60))
        program = self._create_program(3, bill_upfront=True, payment_term_id=thirds.id, allowed_methods='on_account')
        subscription = self._sell(program)

        self._run_nights(*NIGHTS)

        self._assert_all_sent(subscription)
        self.assertEqual(subscription.payment_ids.mapped('state'), ['billed'] * 3)
        self._pay(subscription.payment_ids)
        self.assertEqual(subscription.payment_ids.mapped('state'), ['paid'] * 3)

    def test_stopped_after_the_first(self):
        subscription = self._sell(self._create_program(3, allowed_methods='on_account'))
        self._run_nights('2027-01-01')

        subscription.order_id._action_cancel()
        self._run_nights(*NIGHTS[1:])

        self.assertEqual(subscription.state, 'cancelled')
        self.assertEqual(subscription.line_ids.mapped('state'), ['delivered', 'cancelled', 'cancelled'])
        self.assertEqual(len(subscription.child_order_ids), 1)

    # === HELD BACK WITHOUT AN ERROR === #

    def _sell_to_three(self):
        """Return three subscriptions; the second customer is the one held back."""
        program = self._create_program(1, allowed_methods='on_account')
        subscriptions = self.env['continuity.subscription']
        for name in ("Ann", "Ben", "Cleo"):
            customer = self.env['res.partner'].create({'name': name})
            subscriptions |= self._sell(program, order={'partner_id': customer.id})
        return subscriptions

    def _assert_second_is_set_aside(self, subscriptions, run):
        first, second, third = subscriptions
        self.assertEqual((run.done_count, run.failed_count), (2, 1))
        self.assertEqual((first | third).child_order_ids.mapped('state'), ['sale', 'sale'])
        self.assertEqual((first | third).line_ids.mapped('state'), ['ordered', 'ordered'])
        self.assertEqual(subscriptions.mapped('is_parked'), [False, True, False])
        self.assertEqual(second.line_ids.state, 'planned')
        self.assertFalse(second.child_order_ids.filtered(lambda order: order.state != 'cancel'))
        self.assertEqual(run.issue_ids.mapped('res_id'), second.ids)

    def test_order_held_by_an_exception_costs_only_itself(self):
        subscriptions = self._sell_to_three()
        self.env['exception.rule'].create(
            {
                'name': "Not to Ben",
                'description': "Ask the manager.",
                'model': 'sale.order',
                'exception_type': 'by_domain',
                'domain': "[('partner_id.name', '=', 'Ben')]",
            }
        )

        run = self._run_job('create_orders')

        self._assert_second_is_set_aside(subscriptions, run)

    def test_order_beyond_the_financial_risk_costs_only_itself(self):
        subscriptions = self._sell_to_three()
        subscriptions[1].partner_id.write({'risk_sale_order_include': True, 'risk_sale_order_limit': 1.0})

        run = self._run_job('create_orders')

        self._assert_second_is_set_aside(subscriptions, run)

    def test_set_aside_order_goes_on_when_nothing_holds_it_any_more(self):
        subscriptions = self._sell_to_three()
        partner = subscriptions[1].partner_id
        partner.write({'risk_sale_order_include': True, 'risk_sale_order_limit': 1.0})
        self._run_job('create_orders')
        partner.write({'risk_sale_order_include': False, 'risk_sale_order_limit': 0.0})

        subscriptions[1].action_retry()
        run = self._run_job('create_orders')

        self.assertEqual((run.done_count, run.failed_count), (1, 0))
        self.assertEqual(subscriptions[1].line_ids.state, 'ordered')
        self.assertFalse(subscriptions[1].is_parked)

    # === AS THEY ARE USED === #

    def test_automatic_workflow_leaves_children_to_the_plan(self):
        """A process for the customer's orders does not bill a child order before its time."""
        process = self.env['sale.workflow.process'].create({'name': "All by itself"})
        subscription = self._sell(
            self._create_program(2, allowed_methods='on_account'), order={'workflow_process_id': process.id}
        )

        self._run_nights('2027-01-01')

        self.assertEqual(subscription.line_ids.mapped('state'), ['delivered', 'planned'])
        self.assertEqual(subscription.child_order_ids.invoice_ids.mapped('state'), ['posted'])

    def test_general_discount_of_the_customer_reaches_no_fixed_price_twice(self):
        self.customer.sale_discount = 10.0
        subscription = self._sell(self._create_program(1, allowed_methods='on_account'))

        self._run_nights('2027-01-01')

        line = subscription.line_ids
        self.assertEqual(line.child_line_id.price_total, line.price_total)

    def test_invoice_is_linked_to_the_delivery(self):
        subscription = self._sell(self._create_program(1, allowed_methods='on_account'))

        self._run_nights('2027-01-01')

        self.assertEqual(subscription.child_order_ids.invoice_ids.picking_ids, subscription.child_order_ids.picking_ids)

    @freeze_time('2027-01-01 12:00:00')
    def test_split_delivery_is_one_shipment(self):
        program = self._create_program([{'event_number': 1}, {'event_number': 1}], allowed_methods='on_account')
        subscription = self._sell(program)
        self._run_job('create_orders')
        child = subscription.child_order_ids
        self.assertEqual((len(child.picking_ids), child.delivery_status), (1, 'pending'))
        split = self.env['stock.split.picking'].with_context(active_ids=child.picking_ids.ids)
        split.create({'mode': 'move'}).action_apply()
        first, second = child.picking_ids

        self._deliver_picking(first)
        self.assertEqual(child.delivery_status, 'partial')
        self._run_job('process_payments')
        self.assertFalse(child.invoice_ids)
        self._deliver_picking(second)

        self.assertEqual(child.delivery_status, 'full')
        self.assertEqual(subscription.line_ids.mapped('state'), ['delivered'] * 2)
        self._run_job('process_payments')
        self.assertEqual(child.invoice_ids.mapped('amount_total'), [45.1])

    def _deliver_picking(self, picking):
        picking.move_ids.write({'quantity': 1.0, 'picked': True})
        picking._action_done()
