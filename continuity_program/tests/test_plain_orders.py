from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import new_test_user, tagged

from .common import ContinuityCase


@tagged('post_install', '-at_install')
class TestPlainOrders(ContinuityCase):
    """What sells no plan is not asked for one; what sells one is always found (``bin/tests/plain_sales.py`` compares
    with a database without the addon)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.parent_product = cls._create_parent_product(cls._create_program(3))
        cls.clerk = cls._create_clerk()

    @classmethod
    def _create_clerk(cls):
        """Return a user who has the rights on orders and none on plans."""
        rights = {f'perm_{right}': True for right in ('create', 'read', 'write', 'unlink')}
        group = cls.env['res.groups'].create(
            {
                'name': "Clerk",
                'model_access': [
                    Command.create({'name': model, 'model_id': cls.env['ir.model']._get_id(model), **rights})
                    for model in ('sale.order', 'sale.order.line')
                ],
            }
        )
        user = new_test_user(cls.env, 'clerk', groups='base.group_user,stock.group_stock_user')
        user.group_ids += group
        return user

    def _create_order(self, product, **values):
        return self.env['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'order_line': [Command.create({'product_id': product.id, 'product_uom_qty': 2.0})],
                **values,
            }
        )

    def test_whoever_has_no_right_on_plans_works_on_plain_orders(self):
        deleted, confirmed = self._create_order(self.books[0]), self._create_order(self.books[0])
        for order in (deleted, confirmed):
            mine = order.with_user(self.clerk)
            self.env.invalidate_all()
            mine.write({'date_order': '2027-01-02 12:00:00'})
            mine.order_line.write({'product_uom_qty': 3.0, 'price_unit': 7.0})
            mine.order_line.write({'product_id': self.books[1].id})

        self.env.invalidate_all()
        confirmed.with_user(self.clerk).action_confirm()
        deleted.with_user(self.clerk).order_line.unlink()
        deleted.with_user(self.clerk).unlink()

        self.assertEqual(confirmed.state, 'sale')
        self.assertFalse(deleted.exists())

    def test_he_may_not_read_the_plans_of_others(self):
        order = self._sell(self._create_program(2)).order_id
        self.env.invalidate_all()

        self.assertFalse(self.env['continuity.subscription'].with_user(self.clerk).has_access('read'))
        with self.assertRaisesRegex(AccessError, "not allowed"):
            order.with_user(self.clerk).continuity_subscription_ids.mapped('name')

    def test_the_row_tells_whether_there_is_a_plan(self):
        plain, parent = self._create_order(self.books[0]), self._create_order(self.parent_product)
        self.env.invalidate_all()

        self.assertEqual((plain | parent).mapped('continuity_role'), [False, 'parent'])
        self.assertEqual((plain | parent).order_line.mapped('continuity_has_plan'), [False, True])
        self.assertEqual((plain | parent).continuity_subscription_ids, parent.order_line.continuity_subscription_ids)
        self.assertEqual(len(parent.continuity_subscription_ids), 1)

    def test_it_follows_a_product_that_is_replaced(self):
        order = self._create_order(self.books[0])
        for product, role, count in ((self.parent_product, 'parent', 1), (self.books[1], False, 0)):
            order.order_line.product_id = product
            self.env.invalidate_all()
            self.assertEqual(order.continuity_role, role)
            self.assertEqual(len(order.order_line.continuity_subscription_ids), count)

    def test_a_product_replaced_by_a_plain_one_keeps_what_was_typed(self):
        order = self._create_order(self.books[0])

        order.order_line.write({'product_id': self.books[1].id, 'price_unit': 3.0})

        self.assertEqual(order.order_line.price_unit, 3.0)

    def test_a_line_removed_takes_the_role_along(self):
        order = self._create_order(self.parent_product)
        order.order_line.unlink()
        self.env.invalidate_all()

        self.assertFalse(order.continuity_role)
        self.assertFalse(order.continuity_subscription_ids)

    def test_a_move_tells_whose_child_order_it_sends(self):
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')
        child = subscription.child_order_ids
        plain = self._create_order(self.books[0])
        plain.action_confirm()

        self.assertEqual(child.picking_ids.move_ids.continuity_order_id, child)
        self.assertFalse(plain.picking_ids.move_ids.continuity_order_id)
        self._deliver((plain | child).with_env(self._as_of()))
        self.env.invalidate_all()
        self.assertTrue(child.continuity_shipped_date)
        self.assertFalse(plain.continuity_shipped_date)

    def test_the_bill_of_a_plan_is_known_by_its_row(self):
        program = self._create_program(2, bill_upfront=True)
        order = self._sell(program).order_id
        bill = order._create_invoices()
        plain = self._create_order(self.books[0])
        plain.action_confirm()
        self._deliver(plain)
        self.env.invalidate_all()

        self.assertEqual([bill.continuity_has_plan, plain._create_invoices().continuity_has_plan], [True, False])
        self.assertTrue(bill.continuity_payment_ids)
        bill.button_cancel()
        self.env.invalidate_all()
        self.assertFalse(bill.continuity_has_plan)

    def test_what_a_parked_plan_waits_for_brings_it_back_once(self):
        other = self.env['res.partner'].create({'name': "Bob Baker", 'street': "2 Long Street"})
        subscription = self._sell(self._create_program(2))
        for awaited, values in (
            (self.customer, {'street': "3 Long Street"}),
            (self.books[0], {'list_price': 21.0}),
            (self.books[0].product_tmpl_id, {'list_price': 22.0}),
        ):
            with self.subTest(awaited=awaited):
                subscription._park('create_orders', "No.")
                self.assertTrue(awaited.continuity_is_awaited)
                self.assertFalse((other | self.customer)[0].continuity_is_awaited)

                other.street = f"{values}"
                self.books[5].list_price = 50.0
                self.assertTrue(subscription.is_parked)
                awaited.write(values)
                self.assertFalse(subscription.is_parked)
                self.assertFalse(awaited.continuity_is_awaited)

    def test_a_card_that_a_parked_plan_waits_for_brings_it_back(self):
        token = self._create_token()
        subscription = self._sell(self._create_program(2), payment_method='token', payment_token_id=token.id)
        subscription._park('create_orders', "No.")

        token.continuity_expiry_date = '2030-01-31'

        self.assertFalse(subscription.is_parked)

    def test_notes_are_collected_for_plans_only(self):
        """Orders are Odoo's own: their notes are made by Odoo."""
        owner = self.registry['continuity.tracking.mixin']
        self.assertTrue(issubclass(self.registry['continuity.subscription'], owner))
        self.assertFalse(issubclass(self.registry['sale.order'], owner))
