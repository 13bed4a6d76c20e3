from unittest.mock import patch

from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .test_create_orders import CreateOrdersCase


class StockCase(CreateOrdersCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.warehouse = cls.env['stock.warehouse'].search([('company_id', '=', cls.company.id)], limit=1)
        cls.mug, cls.pen = cls._create_product("Mug", 5.0), cls._create_product("Pen", 3.0)

    def _put_in_stock(self, product, quantity, warehouse=None):
        self.env['stock.quant']._update_available_quantity(
            product, (warehouse or self.warehouse).lot_stock_id, quantity
        )

    def _sell_waiting(self, events=1, on=None, quantity=1.0, order=None, **program):
        program = self._create_program(events, **{'stock_policy': 'wait', **program})
        return self._sell(program, on=on, quantity=quantity, order=order)

    def _sell_with_substitutes(self, *substitutes, **values):
        """Sell a program of Book 1, of which there is nothing, with these substitutes."""
        event = {'substitute_ids': [Command.set([product.id for product in substitutes])], **values.pop('event', {})}
        return self._sell_waiting([event], stock_policy='substitute', **values)

    def _get_sent(self, subscription):
        """Return what was sent as a list of (product name, quantity), one of each child order's lines."""
        lines = self._get_children(subscription).order_line.filtered('continuity_line_id')
        return [(line.product_id.name, line.product_uom_qty) for line in lines]

    def _get_promised(self, on=None):
        """Return the rows of the preview as (subscription, products, reason)."""
        rows = self.env['continuity.job.run']._preview('create_orders', as_of=on or self.today)
        return [(row['subscription_id'], row['change'], row['skipped']) for row in rows]

    def assertWaiting(self, run, subscription, *products):
        text = f"Out of stock, missing: {', '.join(products)}."
        self.assertRecordValues(
            run.issue_ids.filtered(lambda issue: issue.res_id == subscription.id),
            [{'kind': 'out_of_stock', 'res_model': subscription._name, 'reason': text}],
        )
        self.assertFalse(subscription.is_parked)


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
                patch('odoo.addons.continuity_program.models.job.run.BATCH_SIZE', 2),
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
class TestSubstitute(StockCase):
    def test_the_first_in_stock_goes_out_at_the_planned_price(self):
        self._put_in_stock(self.pen, 1)
        subscription = self._sell_with_substitutes(self.mug, self.pen)

        self.assertEqual(self._get_promised(), [(subscription.id, "1 × Pen instead of Book 1", False)])
        self.assertRecordValues(subscription.line_ids, [{'product_id': self.books[0].id, 'is_substituted': False}])
        run = self._run_job('create_orders')

        self.assertRecordValues(run, [{'selected_count': 1, 'done_count': 1, 'skipped_count': 0, 'failed_count': 0}])
        self.assertEqual(self._get_sent(subscription), [("Pen", 1.0)])
        child = self._get_children(subscription)
        self.assertEqual((child.order_line.name, child.order_line.price_unit, child.amount_total), ("Pen", 20.0, 22.0))
        self.assertEqual(child.picking_ids.state, 'assigned')
        self.assertRecordValues(
            subscription.line_ids,
            [
                {
                    'product_id': self.pen.id,
                    'instead_of_id': self.books[0].id,
                    'is_substituted': True,
                    'price_unit': 20.0,
                    'price_overridden': False,
                    'state': 'ordered',
                }
            ],
        )
        notes = [body for body in subscription.message_ids.mapped('body') if "instead" in body]
        self.assertEqual(notes, ["<span>Book 1 of shipment 1 is out of stock: Pen is sent instead.</span>"])

    def test_in_the_order_of_the_products(self):
        """By their internal references, whatever the order in which they were chosen."""
        (self.mug | self.pen).mapped(lambda product: self._put_in_stock(product, 1))
        self.mug.default_code, self.pen.default_code = 'B', 'A'
        subscription = self._sell_with_substitutes(self.mug, self.pen)

        self._run_job('create_orders')

        self.assertEqual(self._get_sent(subscription), [("Pen", 1.0)])

    def test_what_is_in_stock_is_sent_itself(self):
        self._put_in_stock(self.books[0], 1)
        self._put_in_stock(self.mug, 1)
        first, second = self._sell_with_substitutes(self.mug), self._sell_with_substitutes(self.mug)

        self.assertEqual(
            [products for _sub, products, _reason in self._get_promised()],
            ["1 × Book 1", "1 × Mug instead of Book 1"],
        )
        self._run_job('create_orders')

        self.assertEqual((self._get_sent(first), self._get_sent(second)), ([("Book 1", 1.0)], [("Mug", 1.0)]))
        self.assertFalse(first.line_ids.is_substituted)

    def test_without_a_substitute_in_stock_the_rest_is_delivered_later(self):
        """Two are needed: one of the book and one of the substitute are not enough of either."""
        self._put_in_stock(self.books[0], 1)
        self._put_in_stock(self.mug, 1)
        subscription = self._sell_with_substitutes(self.mug, quantity=2)

        self._run_job('create_orders')

        self.assertEqual(self._get_sent(subscription), [("Book 1", 2.0)])
        self.assertFalse(subscription.line_ids.is_substituted)

    def test_enough_of_the_substitute(self):
        for in_stock, sent in ((1, "Book 1"), (2, "Mug"), (3, "Mug")):
            with self.subTest(in_stock=in_stock), self.env.cr.savepoint() as savepoint:
                self._put_in_stock(self.mug, in_stock)
                subscription = self._sell_with_substitutes(self.mug, quantity=2)
                self._run_job('create_orders', domain=[('id', '=', subscription.id)])
                self.assertEqual(self._get_sent(subscription), [(sent, 2.0)])
                savepoint.rollback()
                self.env.invalidate_all()

    def test_two_customers_one_substitute(self):
        self._put_in_stock(self.mug, 1)
        first, second = self._sell_with_substitutes(self.mug), self._sell_with_substitutes(self.mug)

        self._run_job('create_orders')

        self.assertEqual((self._get_sent(first), self._get_sent(second)), ([("Mug", 1.0)], [("Book 1", 1.0)]))

    def test_each_product_of_a_shipment_by_itself(self):
        self._put_in_stock(self.books[0], 1)
        self._put_in_stock(self.mug, 1)
        events = [{'event_number': 1, 'substitute_ids': [Command.set(self.mug.ids)]}] * 2
        subscription = self._sell_waiting(events, stock_policy='substitute')

        self._run_job('create_orders')

        self.assertEqual(self._get_sent(subscription), [("Book 1", 1.0), ("Mug", 1.0)])

    def test_what_is_not_stored_is_always_there(self):
        voucher = self._create_product("Voucher", type='service', is_storable=False)
        subscription = self._sell_with_substitutes(voucher)

        self._run_job('create_orders')

        self.assertEqual(self._get_sent(subscription), [("Voucher", 1.0)])

    def test_a_product_that_cannot_be_sold_any_more_stands_in_for_nothing(self):
        for values in ({'active': False}, {'sale_ok': False}):
            with self.subTest(values=values):
                vase = self._create_product("Vase")
                self._put_in_stock(vase, 5)
                subscription = self._sell_with_substitutes(vase)
                vase.write(values)

                self._run_job('create_orders')

                self.assertEqual(self._get_sent(subscription), [("Book 1", 1.0)])

    def test_what_was_chosen_by_hand_is_not_replaced(self):
        self._put_in_stock(self.mug, 1)
        subscription = self._sell_with_substitutes(self.mug)
        subscription.line_ids.product_id = self.books[5]

        self._run_job('create_orders')

        self.assertEqual(self._get_sent(subscription), [("Book 6", 1.0)])

    def test_what_was_added_by_hand_has_no_substitutes(self):
        self._put_in_stock(self.mug, 2)
        subscription = self._sell_with_substitutes(self.mug)
        subscription.line_ids = [
            Command.create({'product_id': self.books[0].id, 'event_number': 1, 'date_planned': self.today})
        ]

        self._run_job('create_orders')

        self.assertEqual(self._get_sent(subscription), [("Mug", 1.0), ("Book 1", 1.0)])

    def test_units_are_converted(self):
        dozen = self.env.ref('uom.product_uom_dozen')
        self.books[0].uom_ids = dozen
        self._put_in_stock(self.mug, 12)
        subscription = self._sell_with_substitutes(self.mug, event={'product_uom_id': dozen.id})

        self._run_job('create_orders')

        line = self._get_children(subscription).order_line
        self.assertEqual((line.product_id, line.product_uom_id, line.product_uom_qty), (self.mug, dozen, 1.0))
        self.assertEqual(line.move_ids.product_qty, 12.0)

    def test_the_taxes_are_those_of_what_is_sent(self):
        tax = self.env['account.tax'].create({'name': "Tax 50%", 'amount': 50.0, 'type_tax_use': 'sale'})
        self.mug.taxes_id = tax
        self._put_in_stock(self.mug, 1)
        subscription = self._sell_with_substitutes(self.mug)
        [row] = self.env['continuity.job.run']._preview('create_orders', as_of=self.today)

        self._run_job('create_orders')

        child = self._get_children(subscription)
        self.assertEqual((child.amount_untaxed, child.amount_total), (20.0, 30.0))
        self.assertEqual(row['amount'], 30.0)
        self.assertEqual(subscription.line_ids.price_total, 30.0)

    def test_a_plan_billed_in_advance_keeps_its_taxes(self):
        tax = self.env['account.tax'].create({'name': "Tax 50%", 'amount': 50.0, 'type_tax_use': 'sale'})
        self.mug.taxes_id = tax
        self._put_in_stock(self.mug, 5)
        other_taxes = self._sell_with_substitutes(self.mug, bill_upfront=True)
        same_taxes = self._sell_with_substitutes(self.mug, self.pen, bill_upfront=True)
        self._put_in_stock(self.pen, 1)

        self._run_job('create_orders')

        self.assertEqual(self._get_sent(other_taxes), [("Book 1", 1.0)])
        self.assertEqual(self._get_sent(same_taxes), [("Pen", 1.0)])
        self.assertEqual(self._get_children(same_taxes).order_line.price_unit, 0.0)
        self.assertRecordValues(same_taxes.line_ids, [{'prepaid_amount': 20.0, 'price_unit': 20.0}])

    def test_the_price_of_the_day_is_that_of_what_was_planned(self):
        self._put_in_stock(self.mug, 1)
        subscription = self._sell_with_substitutes(self.mug, price_policy='current')
        self.books[0].list_price = 25.0
        [row] = self.env['continuity.job.run']._preview('create_orders', as_of=self.today)

        self._run_job('create_orders')

        self.assertEqual(self._get_sent(subscription), [("Mug", 1.0)])
        self.assertEqual(self._get_children(subscription).amount_total, 27.5)
        self.assertEqual((row['amount'], subscription.line_ids.price_unit), (27.5, 25.0))

    def test_a_limit_replaces_nothing_that_is_not_made(self):
        self._put_in_stock(self.mug, 2)
        first, second = self._sell_with_substitutes(self.mug), self._sell_with_substitutes(self.mug)

        self._run_job('create_orders', limit=1)

        self.assertEqual([sub.line_ids.product_id for sub in (first, second)], [self.mug, self.books[0]])
        self.assertFalse(second.line_ids.is_substituted)

    def test_what_the_program_refuses(self):
        program = self._create_program(1)
        parent = self._create_parent_product(program)
        hour = self._create_product(
            "Hour", type='service', is_storable=False, uom_id=self.env.ref('uom.product_uom_hour').id
        )
        with self.assertRaisesRegex(ValidationError, "sells a continuity program cannot be sent by one"):
            program.line_ids.substitute_ids = parent
        with self.assertRaisesRegex(ValidationError, "does not fit Hour, which is counted in Hours"):
            program.line_ids.substitute_ids = hour
        program.line_ids.substitute_ids = self.mug
        with self.assertRaisesRegex(ValidationError, "cannot sell a program itself"):
            self.mug.continuity_program_id = program

    def test_the_program_can_be_changed_without_making_sold_plans_again(self):
        subscription = self._sell_waiting(2)
        revision = subscription.program_id.revision

        subscription.program_id.stock_policy = 'substitute'
        subscription.program_id.line_ids.substitute_ids = self.mug

        self.assertEqual(subscription.program_id.revision, revision)
        copy = subscription.program_id.copy()
        self.assertEqual((copy.stock_policy, copy.line_ids.substitute_ids), ('substitute', self.mug))


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
