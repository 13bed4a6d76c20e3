from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common_stock import StockCase


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
