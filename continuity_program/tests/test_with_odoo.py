"""Beside other addons: those that hold records back instead of raising, and those that extend what is done in bulk."""

import ast
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.continuity_program.models.base.automatic import HAS_MOVED, press
from odoo.addons.continuity_program.models.stock.bulk import REPLACED_METHODS, BulkDelivery

from .common import ContinuityCase, day

ADDONS = sorted(Path(__file__).resolve().parents[2].glob('continuity_program*'))
#: Public methods of Odoo that tell by themselves whether they worked.
NOT_PRESSED = {'action_feedback'}


class WithNeighborCase(ContinuityCase):
    """An addon is played by what Odoo would build of it: its method, before all others of the model."""

    def _extend(self, model, method, extension):
        """Return a patcher that lets an addon extend a method: ``extension(records, super)``."""
        cls = self.env.registry[model]
        original = getattr(cls, method)

        def extended(records, *args, **kwargs):
            return extension(records, lambda those: original(those, *args, **kwargs))

        return patch.object(cls, method, extended)

    def _hold_back(self, model, method, customer, answer, goes_on=False):
        """Return a patcher that lets an addon hold records of a customer back, and answer with a question."""

        def extension(records, call_super):
            held = records.filtered(lambda record: record.partner_id == customer)
            if not held:
                return call_super(records)
            if goes_on:
                call_super(records - held)
            return answer

        return self._extend(model, method, extension)

    def _sell_to(self, customers, program, **values):
        return [self._sell(program, order={'partner_id': customer.id}, **values) for customer in customers]


@tagged('post_install', '-at_install')
class TestButtons(WithNeighborCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customers = cls.env['res.partner'].create([{'name': f"Customer {number}"} for number in range(1, 5)])
        cls.risky = cls.customers[2]
        cls.question = {'type': 'ir.actions.act_window', 'name': "Credit limit exceeded", 'res_model': 'res.partner'}

    def _assert_three_of_four(self, subscriptions, run, reason):
        self.assertEqual((run.done_count, run.failed_count, run.skipped_count), (3, 1, 0))
        held = subscriptions[2]
        self.assertEqual(run.issue_ids.mapped('res_id'), held.ids)
        self.assertIn(reason, run.issue_ids.reason)
        for subscription in subscriptions:
            children = subscription.order_id.continuity_child_ids
            self.assertEqual(children.mapped('state'), [] if subscription == held else ['sale'])
            self.assertEqual(subscription.line_ids[0].state, 'planned' if subscription == held else 'ordered')
            self.assertEqual(subscription.is_parked, subscription == held)

    def test_who_is_not_confirmed_costs_only_himself(self):
        for goes_on in (False, True):
            for answer, reason in (
                (self.question, "was not confirmed by Odoo. Credit limit exceeded"),
                (True, "was not confirmed by Odoo. Open it and do so by hand to see why."),
            ):
                with self.subTest(goes_on=goes_on, answer=answer), self.env.cr.savepoint() as savepoint:
                    subscriptions = self._sell_to(self.customers, self._create_program(2))

                    with self._hold_back('sale.order', 'action_confirm', self.risky, answer, goes_on):
                        run = self._run_job('create_orders')

                    self._assert_three_of_four(subscriptions, run, reason)
                    self.assertIn(reason, subscriptions[2].park_reason)
                    savepoint.rollback()

    def test_what_the_neighbor_says_on_the_record_it_shows_is_the_reason(self):
        self.risky.comment = "<p>Owes 500.00</p>"
        answer = {**self.question, 'res_id': self.risky.id}
        subscriptions = self._sell_to(self.customers, self._create_program(2))
        path = 'odoo.addons.continuity_program.models.base.automatic.REASON_FIELDS'

        with patch(path, ('comment',)), self._hold_back('sale.order', 'action_confirm', self.risky, answer):
            run = self._run_job('create_orders')

        self._assert_three_of_four(subscriptions, run, "was not confirmed by Odoo. Owes 500.00")

    def test_who_was_held_goes_on_by_retry(self):
        subscriptions = self._sell_to(self.customers, self._create_program(2))
        with self._hold_back('sale.order', 'action_confirm', self.risky, self.question):
            self._run_job('create_orders')

        subscriptions[2].action_retry()
        run = self._run_job('create_orders')

        self.assertEqual((run.done_count, run.failed_count), (1, 0))
        self.assertEqual(subscriptions[2].order_id.continuity_child_ids.state, 'sale')

    def test_a_bill_that_is_not_posted_costs_only_itself(self):
        subscriptions = self._sell_to(self.customers, self._create_program(2, bill_upfront=True))

        with self._hold_back('account.move', 'action_post', self.risky, self.question):
            run = self._run_job('process_payments')

        self.assertEqual((run.done_count, run.failed_count), (3, 1))
        self.assertIn("was not posted by Odoo. Credit limit exceeded", run.issue_ids.reason)
        for subscription in subscriptions:
            is_held = subscription == subscriptions[2]
            self.assertEqual(subscription.payment_ids.state, 'scheduled' if is_held else 'billed')
            self.assertEqual(subscription.order_id.invoice_ids.mapped('state'), [] if is_held else ['posted'])

    def test_an_order_that_is_not_locked_is_not_closed(self):
        program = self._create_program(1)
        kept, held = self._sell_to(self.customers[1:3], program)
        self._run_job('create_orders')
        children = (kept | held).order_id.continuity_child_ids
        children._action_cancel()

        def lock_the_others(orders, lock):
            lock(orders.filtered(lambda order: order.partner_id != self.risky))

        with self._extend('sale.order', 'action_lock', lock_the_others):
            run = self._run_job('close', day('2027-02-01'))

        self.assertEqual((run.done_count, run.failed_count), (1, 1))
        self.assertEqual(kept.order_id.locked, True)
        self.assertRecordValues(held.order_id, [{'locked': False, 'continuity_is_closed': False}])
        self.assertEqual(held.state, 'running')
        self.assertIn("was not locked by Odoo", held.park_reason)

    def test_an_order_that_is_not_canceled_is_not_stopped(self):
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')
        child = subscription.order_id.continuity_child_ids

        refused = self.assertRaisesRegex(UserError, f"{child.name} was not canceled by Odoo. Credit limit exceeded")
        with self._extend('sale.order', '_action_cancel', lambda orders, cancel: self.question), refused:
            subscription._cancel(stopped=child)

    def test_a_quotation_whose_card_is_saved_and_that_is_not_confirmed_is_told(self):
        subscription = self._sell(self._create_program(2), confirm=False)

        with self._hold_back('sale.order', 'action_confirm', self.customer, self.question):
            subscription.order_id._confirm_or_tell()

        self.assertEqual(subscription.order_id.state, 'draft')
        activity = subscription.activity_ids
        self.assertEqual(activity.summary, f"{subscription.order_id.name} is not confirmed")
        self.assertIn("Credit limit exceeded", activity.note)

    def test_each_button_is_looked_at(self):
        """Whatever an addon does with it: where nothing moves, it is said."""
        orders = self._sell(self._create_program(1)).order_id
        quotation = self._sell(self._create_program(1), confirm=False).order_id
        move = self.env['account.move'].create({'move_type': 'out_invoice', 'partner_id': self.customer.id})
        locked = orders.copy()
        locked.locked = True
        examples = {
            '_action_cancel': orders,
            'action_confirm': quotation,
            'action_lock': orders,
            'action_post': move,
            'action_unlock': locked,
            'button_cancel': move,
        }
        self.assertEqual(examples.keys(), HAS_MOVED.keys())
        for button, record in examples.items():
            refused = self.assertRaisesRegex(UserError, "was not .+ by Odoo. Open it and do so by hand")
            with self.subTest(button), self._extend(record._name, button, lambda *_args: None), refused:
                press(record, button)

    def test_no_button_of_odoo_is_trusted(self):
        """Every public method of Odoo that moves a document is pressed by ``press``, wherever our addons do so."""
        ours = self._get_own_methods()
        trusted = [
            f"{path.name}:{call.lineno} {call.func.attr}"
            for path, tree in self._parse_addons()
            for call in ast.walk(tree)
            if isinstance(call, ast.Call)
            and isinstance(call.func, ast.Attribute)
            and call.func.attr.startswith(('action_', 'button_'))
            and call.func.attr not in ours | NOT_PRESSED
            and not self._is_super(call.func.value)
        ]
        self.assertEqual(trusted, [])

    def _parse_addons(self):
        for addon in ADDONS:
            for path in addon.rglob('*.py'):
                if not {'tests', 'demo'} & set(path.parts):
                    yield path, ast.parse(path.read_text())

    def _get_own_methods(self):
        methods = [node for _path, tree in self._parse_addons() for node in ast.walk(tree)]
        names = {node.name for node in methods if isinstance(node, ast.FunctionDef)}
        return {name for name in names if name.startswith('action_') and not self._is_odoos(name)}

    def _is_odoos(self, name):
        return any(
            name in cls.__dict__ and not (getattr(cls, '_module', None) or '').startswith('continuity_program')
            for model in ('sale.order', 'account.move', 'stock.picking', 'payment.transaction')
            for cls in self.env.registry[model].mro()
        )

    def _is_super(self, node):
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'super'


@tagged('post_install', '-at_install')
class TestBulkStandsAside(WithNeighborCase):
    def test_all_ways_may_be_gone_with_odoo_alone(self):
        env = self.env(context={'continuity_bulk': BulkDelivery()})

        self.assertEqual({way for way in REPLACED_METHODS if BulkDelivery.of(env, way)}, {*REPLACED_METHODS})

    def test_no_way_is_gone_where_what_it_replaces_is_extended(self):
        for way, methods in REPLACED_METHODS.items():
            for model, method in methods:
                with self.subTest(way=way, model=model, method=method):
                    env = self.env(context={'continuity_bulk': BulkDelivery()})
                    with self._extend(model, method, lambda records, call_super: call_super(records)):
                        self.assertFalse(BulkDelivery.of(env, way))

    def test_an_addon_meets_at_night_what_it_meets_by_hand(self):
        self._put_in_stock(self.books[:2])
        program = self._create_program([{'event_number': 1}, {'event_number': 1}])
        for _number in range(2):
            self._sell(program)
        for way, methods in REPLACED_METHODS.items():
            with self.subTest(way), self.env.cr.savepoint() as savepoint, ExitStack() as extended:
                met = Counter()
                for key in methods:
                    extended.enter_context(self._extend(*key, self._count_in(met, key)))
                self.assertEqual(self._run_job('create_orders').done_count, 2)
                at_night, by_hand = dict(met), met
                met.clear()
                for _number in range(2):
                    self._make_by_hand(program)
                self.assertEqual(by_hand.keys(), methods.keys())
                self.assertEqual(at_night, by_hand)
                savepoint.rollback()

    def _count_in(self, met, key):
        """Return an extension that counts the records it meets, or its calls where it is the model's."""

        def extension(records, call_super):
            met[key] += 1 if key[0] in ('stock.quant', 'stock.rule') else len(records)
            return call_super(records)

        return extension

    def _put_in_stock(self, products):
        location = self.env['stock.warehouse'].search([('company_id', '=', self.company.id)], limit=1).lot_stock_id
        for product in products:
            self.env['stock.quant']._update_available_quantity(product, location, 100)

    def _make_by_hand(self, program):
        lines = [(0, 0, {'product_id': line.product_id.id}) for line in program.line_ids]
        self.env['sale.order'].create({'partner_id': self.customer.id, 'order_line': lines}).action_confirm()

    def test_what_follows_the_reservation_gets_every_move(self):
        """Odoo's own waves are built there: what was reserved together is handed on as if it had been one by one."""
        self._put_in_stock(self.books[0])
        program = self._create_program(1)
        for _number in range(3):
            self._sell(program)
        reserved = []

        def extension(moves, call_super):
            call_super(moves)
            reserved.extend(moves.filtered('move_line_ids').ids)

        path = 'odoo.addons.continuity_program.models.stock.bulk.get_extending_modules'
        with self._extend('stock.move', '_action_assign', extension), patch(path, lambda *_args: set()):
            self._run_job('create_orders')

        moves = self.env['sale.order'].search([('continuity_parent_id', '!=', False)]).picking_ids.move_ids
        self.assertEqual(len(moves), 3)
        self.assertEqual({*reserved}, {*moves.ids})
