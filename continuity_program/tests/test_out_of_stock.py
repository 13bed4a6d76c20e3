from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_stock import StockCase


@tagged('post_install', '-at_install')
class TestBackorder(StockCase):
    def test_made_whatever_is_in_stock_and_delivered_as_goods_come_in(self):
        subscription = self._sell(self._create_program(1))
        self.assertEqual(subscription.program_id.stock_policy, 'backorder')

        child = self._create_child(subscription)

        self.assertEqual(child.picking_ids.state, 'confirmed')
        self._put_in_stock(self.books[0], 1)
        child.picking_ids.action_assign()
        self.assertEqual(child.picking_ids.state, 'assigned')

    def test_the_stock_is_not_even_read(self):
        self._sell(self._create_program(1))
        product_class = self.env.registry['product.product']

        with patch.object(product_class, '_compute_quantities_dict', side_effect=AssertionError("read")):
            run = self._run_job('create_orders')

        self.assertEqual(run.done_count, 1)


@tagged('post_install', '-at_install')
class TestWait(StockCase):
    def test_at_the_limit(self):
        """Three are needed: 2 in stock are not enough, 3 and 4 are."""
        for in_stock in (2, 3, 4):
            with self.subTest(in_stock=in_stock):
                book = self._create_product(f"Atlas {in_stock}")
                self._put_in_stock(book, in_stock)
                subscription = self._sell_waiting([{'product_id': book.id}], quantity=3)

                run = self._run_job('create_orders', domain=[('id', '=', subscription.id)])

                if in_stock == 2:
                    self.assertWaiting(run, subscription, "1 Units of Atlas 2")
                    self.assertRecordValues(run, [{'selected_count': 1, 'done_count': 0, 'skipped_count': 1}])
                    self.assertFalse(self._get_children(subscription))
                else:
                    self.assertFalse(run.issue_ids)
                    self.assertEqual(self._get_children(subscription).picking_ids.state, 'assigned')

    def test_the_next_run_takes_it_once_it_is_there(self):
        subscription = self._sell_waiting(2)
        self._run_job('create_orders')
        self.assertEqual(subscription.line_ids.mapped('state'), ['planned', 'planned'])

        self._put_in_stock(self.books[0], 1)
        run = self._run_job('create_orders', day('2027-01-20'))

        self.assertEqual((run.done_count, run.skipped_count), (1, 0))
        child = self._get_children(subscription)
        self.assertEqual(child.commitment_date.date(), day('2027-01-01'))
        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01'])
        self.assertEqual(self._run_job('create_orders', day('2027-01-20')).selected_count, 0)

    def test_one_that_waits_holds_back_no_later_one(self):
        self._put_in_stock(self.books[1], 1)
        subscription = self._sell_waiting(2)

        run = self._run_job('create_orders', day('2027-02-01'))

        self.assertEqual((run.done_count, run.skipped_count), (1, 1))
        self.assertEqual(self._get_sent(subscription), [("Book 2", 1.0)])

    def test_two_customers_one_book(self):
        self._put_in_stock(self.books[0], 1)
        first, second = self._sell_waiting(), self._sell_waiting()

        self.assertEqual(
            self._get_promised(),
            [
                (first.id, "1 × Book 1", False),
                (second.id, "1 × Book 1", "Out of stock, missing: 1 Units of Book 1."),
            ],
        )
        run = self._run_job('create_orders')

        self.assertRecordValues(run, [{'selected_count': 2, 'done_count': 1, 'skipped_count': 1, 'failed_count': 0}])
        self.assertWaiting(run, second, "1 Units of Book 1")
        self.assertEqual(self._get_sent(first), [("Book 1", 1.0)])
        self.assertFalse(self._get_children(second))
        self.assertEqual(self._run_job('create_orders').skipped_count, 1)

    def test_the_older_shipment_gets_it(self):
        """Of what is due, the older comes first, whoever was there before."""
        self._put_in_stock(self.books[0], 1)
        later = self._sell_waiting(days_after_order=10)
        older = self._sell_waiting(days_after_order=5)

        run = self._run_job('create_orders', day('2027-01-20'))

        self.assertEqual(self._get_sent(older), [("Book 1", 1.0)])
        self.assertWaiting(run, later, "1 Units of Book 1")

    def test_batches_share_the_stock_in_run_and_preview(self):
        self._put_in_stock(self.books[0], 3)
        subscriptions = [self._sell_waiting() for _number in range(5)]
        for is_confirmed in (False, True):
            with (
                self.subTest(is_confirmed=is_confirmed),
                patch('odoo.addons.continuity_program.models.job.engine.BATCH_SIZE', 2),
                self.env.cr.savepoint() as savepoint,
            ):
                self.company.continuity_autoconfirm = is_confirmed

                promised = [sub for sub, _products, reason in self._get_promised() if not reason]
                run = self._run_job('create_orders')

                made = [subscription.id for subscription in subscriptions if self._get_children(subscription)]
                self.assertEqual(made, [subscription.id for subscription in subscriptions[:3]])
                self.assertEqual(promised, made)
                self.assertEqual((run.done_count, run.skipped_count), (3, 2))
                savepoint.rollback()
                self.env.invalidate_all()

    def test_one_by_one_shares_the_stock_too(self):
        """A bad record makes the batch be taken one by one: the book is still promised once."""
        self._put_in_stock(self.books[0], 1)
        first, bad, second = (
            self._sell_waiting(),
            self._sell_waiting([{'product_id': self.mug.id}]),
            self._sell_waiting(),
        )
        self._put_in_stock(self.mug, 1)
        self.mug.active = False

        promised = self._get_promised()
        run = self._run_job('create_orders')

        self.assertRecordValues(run, [{'selected_count': 3, 'done_count': 1, 'skipped_count': 1, 'failed_count': 1}])
        self.assertEqual([bool(self._get_children(sub)) for sub in (first, bad, second)], [True, False, False])
        self.assertEqual([bool(reason) for _sub, _products, reason in promised], [False, True, True])
        self.assertTrue(bad.is_parked)

    def test_what_others_take_in_the_same_run_is_taken(self):
        """A program that delivers the rest later takes the book before one that waits for it."""
        self._put_in_stock(self.books[0], 1)
        self._sell(self._create_program(1))
        waiting = self._sell_waiting()

        run = self._run_job('create_orders')

        self.assertWaiting(run, waiting, "1 Units of Book 1")

    def test_one_that_is_left_out_takes_nothing(self):
        """Without a usable card, the first customer's shipment is not made, and the second gets the book."""
        self._put_in_stock(self.books[0], 1)
        token = self._create_token()
        no_card = self._sell_waiting()
        token.active = False
        no_card.payment_token_id = False
        other = self._sell_waiting()
        other.payment_method = 'on_account'

        run = self._run_job('create_orders')

        self.assertEqual(run.issue_ids.kind, 'no_token')
        self.assertEqual(self._get_sent(other), [("Book 1", 1.0)])

    def test_a_limit_of_orders(self):
        """What the limit leaves for later is neither made nor counted, but it has its place before the next one."""
        self._put_in_stock(self.books[0], 2)
        subscriptions = [self._sell_waiting() for _number in range(3)]

        run = self._run_job('create_orders', limit=1)

        self.assertEqual((run.done_count, run.skipped_count), (1, 1))
        self._run_job('create_orders')
        self.assertEqual([len(self._get_children(subscription)) for subscription in subscriptions], [1, 1, 0])

    def test_what_confirmed_orders_need_is_not_free(self):
        self._put_in_stock(self.books[0], 2)
        order = self.env['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'order_line': [Command.create({'product_id': self.books[0].id, 'product_uom_qty': 2})],
            }
        )
        subscription = self._sell_waiting()
        self.assertEqual(self._get_promised(), [(subscription.id, "1 × Book 1", False)])
        order.action_confirm()

        run = self._run_job('create_orders')

        self.assertWaiting(run, subscription, "1 Units of Book 1")
        order._action_cancel()
        self.assertEqual(self._run_job('create_orders').done_count, 1)

    def test_what_is_on_its_way_in_is_not_there(self):
        move = self.env['stock.move'].create(
            {
                'product_id': self.books[0].id,
                'product_uom_qty': 5,
                'location_id': self.env.ref('stock.stock_location_suppliers').id,
                'location_dest_id': self.warehouse.lot_stock_id.id,
            }
        )
        move._action_confirm()
        subscription = self._sell_waiting()
        self.assertWaiting(self._run_job('create_orders'), subscription, "1 Units of Book 1")

        move.write({'quantity': 5, 'picked': True})
        move._action_done()

        self.assertEqual(self._run_job('create_orders').done_count, 1)

    def test_child_orders_not_confirmed_yet_take_theirs(self):
        self.company.continuity_autoconfirm = False
        self._put_in_stock(self.books[0], 1)
        first, second = self._sell_waiting(), self._sell_waiting()
        self._run_job('create_orders', domain=[('id', '=', first.id)])
        self.assertEqual(self._get_children(first).state, 'draft')

        run = self._run_job('create_orders')

        self.assertWaiting(run, second, "1 Units of Book 1")
        self._get_children(first)._action_cancel()
        self.assertEqual(self._run_job('create_orders').done_count, 1)

    def test_the_whole_shipment_waits(self):
        self._put_in_stock(self.books[0], 1)
        events = [{'event_number': 1}, {'event_number': 1, 'quantity': 2}, {'event_number': 1}]
        together, alone = self._sell_waiting(events), self._sell_waiting()

        run = self._run_job('create_orders')

        self.assertWaiting(run, together, "2 Units of Book 2", "1 Units of Book 3")
        self.assertEqual(self._get_sent(alone), [("Book 1", 1.0)], "what waits takes nothing")
        self._put_in_stock(self.books[0], 1)
        self._put_in_stock(self.books[1], 2)
        self._put_in_stock(self.books[2], 1)
        self._run_job('create_orders')
        self.assertEqual(self._get_sent(together), [("Book 1", 1.0), ("Book 2", 2.0), ("Book 3", 1.0)])

    def test_the_same_product_twice_in_a_shipment(self):
        self._put_in_stock(self.books[0], 2)
        event = {'event_number': 1, 'product_id': self.books[0].id}
        subscription = self._sell_waiting([event, {**event, 'quantity': 2}])

        self.assertWaiting(self._run_job('create_orders'), subscription, "1 Units of Book 1")

        self._put_in_stock(self.books[0], 1)
        self.assertEqual(self._run_job('create_orders').done_count, 1)

    def test_units_are_converted(self):
        """A dozen is needed: 11 are not enough, 12 are."""
        dozen = self.env.ref('uom.product_uom_dozen')
        self.books[0].uom_ids = dozen
        self._put_in_stock(self.books[0], 11)
        subscription = self._sell_waiting([{'product_uom_id': dozen.id}])
        self.assertWaiting(self._run_job('create_orders'), subscription, "1 Units of Book 1")

        self._put_in_stock(self.books[0], 1)

        self.assertEqual(self._run_job('create_orders').done_count, 1)
        self.assertEqual(self._get_children(subscription).picking_ids.state, 'assigned')

    def test_services_and_what_is_not_stored_never_wait(self):
        course = self._create_product("Course", type='service', is_storable=False)
        leaflet = self._create_product("Leaflet", is_storable=False)
        subscription = self._sell_waiting(
            [{'event_number': 1, 'product_id': course.id}, {'event_number': 1, 'product_id': leaflet.id}]
        )

        self._run_job('create_orders')

        self.assertEqual(self._get_sent(subscription), [("Course", 1.0), ("Leaflet", 1.0)])

    def test_what_is_procured_for_each_order_never_waits(self):
        route = self.warehouse.mto_pull_id.route_id
        route.active = True
        self.books[0].route_ids = [Command.link(route.id)]
        subscription = self._sell_waiting(2)

        self._run_job('create_orders')
        run = self._run_job('create_orders', day('2027-02-01'))

        self.assertEqual(self._get_sent(subscription), [("Book 1", 1.0)])
        self.assertWaiting(run, subscription, "1 Units of Book 2")

    def test_the_warehouse_of_the_parent_order_counts(self):
        north = self.env['stock.warehouse'].create({'name': "North", 'code': "NOR", 'company_id': self.company.id})
        self._put_in_stock(self.books[0], 1, north)
        here, up_north = self._sell_waiting(), self._sell_waiting(order={'warehouse_id': north.id})

        run = self._run_job('create_orders')

        self.assertWaiting(run, here, "1 Units of Book 1")
        self.assertEqual(self._get_children(up_north).warehouse_id, north)

    def test_what_waits_for_its_confirmation_takes_from_its_own_warehouse(self):
        self.company.continuity_autoconfirm = False
        north = self.env['stock.warehouse'].create({'name': "North", 'code': "NOR", 'company_id': self.company.id})
        for warehouse in (self.warehouse, north):
            self._put_in_stock(self.books[0], 1, warehouse)
        here, up_north = self._sell_waiting(), self._sell_waiting(order={'warehouse_id': north.id})
        self._run_job('create_orders', domain=[('id', '=', up_north.id)])
        self.assertEqual(self._get_children(up_north).state, 'draft')

        run = self._run_job('create_orders')

        self.assertFalse(run.issue_ids)
        self.assertEqual(self._get_sent(here), [("Book 1", 1.0)])

    def test_the_stock_of_another_company_is_not_ours(self):
        company = self.env['res.company'].create({'name': "Other Books"})
        theirs = self.env['stock.warehouse'].search([('company_id', '=', company.id)], limit=1)
        self._put_in_stock(self.books[0], 1, theirs)
        subscription = self._sell_waiting()

        self.assertWaiting(self._run_job('create_orders'), subscription, "1 Units of Book 1")

    def test_a_plan_billed_in_advance_waits_too(self):
        subscription = self._sell_waiting(2, bill_upfront=True)

        self.assertWaiting(self._run_job('create_orders'), subscription, "1 Units of Book 1")

    def test_a_one_off_address_is_a_shipment_of_its_own(self):
        self._put_in_stock(self.books[1], 1)
        subscription = self._sell_waiting([{'event_number': 1}, {'event_number': 1}])
        shed = self.env['res.partner'].create({'name': "Shed", 'parent_id': self.customer.id, 'type': 'delivery'})
        subscription.line_ids[1].partner_shipping_id = shed

        run = self._run_job('create_orders')

        self.assertWaiting(run, subscription, "1 Units of Book 1")
        self.assertEqual(self._get_sent(subscription), [("Book 2", 1.0)])

    def test_a_year_of_waiting_doubles_and_loses_nothing(self):
        """One book comes in on the 15th of each month, for two members of the same club of one book."""
        coffee = {'product_id': self.mug.id, 'repeat_count': 6}
        subscriptions = [self._sell_waiting([coffee]) for _number in range(2)]
        for month in range(1, 13):
            for night in (1, 15, 16):
                if night == 15:
                    self._put_in_stock(self.mug, 1)
                self._run_job('create_orders', day(f'2027-{month:02}-{night:02}'))
            made = sum(len(self._get_children(subscription)) for subscription in subscriptions)
            self.assertEqual(made, month)

        for subscription in subscriptions:
            self.assertEqual(self._get_sent(subscription), [("Mug", 1.0)] * 6)
            self.assertEqual(set(subscription.line_ids.mapped('state')), {'ordered'})


@tagged('post_install', '-at_install')
class TestStockQueries(StockCase):
    def _count_queries(self, count, policy):
        """Return how many queries a run needs that makes a child order of so many subscriptions."""
        program = self._create_program(1, stock_policy=policy)
        subscriptions = self.env['continuity.subscription'].concat(*(self._sell(program) for _number in range(count)))
        self._put_in_stock(self.books[0], count)
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        run = self._run_job('create_orders', domain=[('id', 'in', subscriptions.ids)])
        self.assertEqual(run.done_count, count)
        return self.env.cr.sql_log_count - before

    def test_the_stock_is_read_once_for_the_batch(self):
        self._count_queries(2, 'wait')  # caches are warm after it
        added = {
            count: self._count_queries(count, 'wait') - self._count_queries(count, 'backorder') for count in (5, 15)
        }

        self.assertAlmostEqual(added[5], added[15], delta=2, msg=str(added))
        self.assertLessEqual(added[15], 10)
