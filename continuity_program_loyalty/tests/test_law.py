from typing import NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.continuity_program.tests.common import day

from .common import LoyaltyCase

#: The smallest coin of each currency, and what 1.00 of the company's is in it.
COINS = {'UNI': (1.0, 137.0), 'CEN': (0.01, 1.0), 'MIL': (0.001, 0.377)}
EXAMPLES = {
    'deadline': None,
    'derandomize': True,
    'database': None,
    'phases': (Phase.generate, Phase.shrink),
    'suppress_health_check': list(HealthCheck),
}


class Mix(NamedTuple):
    """What is sold together: prices of boxes, whether taxes are in them, a lamp beside it, and what is given."""

    prices: list
    coin: str
    is_gross: bool
    lamp: float
    share: int
    amount: float
    card: float
    in_thirds: bool


def hundredths(lowest, highest):
    return st.integers(min_value=lowest * 100, max_value=highest * 100).map(lambda number: number / 100)


MIXES = st.builds(
    Mix,
    prices=st.lists(hundredths(1, 100), min_size=1, max_size=4),
    coin=st.sampled_from([*COINS]),
    is_gross=st.booleans(),
    lamp=st.one_of(st.just(0.0), hundredths(1, 200)),
    share=st.sampled_from([0, 7, 10, 33, 100]),
    amount=st.one_of(st.just(0.0), hundredths(1, 120)),
    card=st.one_of(st.just(0.0), hundredths(1, 150)),
    in_thirds=st.booleans(),
)


@tagged('post_install', '-at_install')
class TestLaw(LoyaltyCase):
    """Whatever is sold, and whatever is given on it: what is billed comes to what the order says, to the last unit."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pricelists = {}
        for code, (coin, rate) in COINS.items():
            currency = cls.env['res.currency'].create({'name': code, 'symbol': code, 'rounding': coin})
            cls.env['res.currency.rate'].create({'currency_id': currency.id, 'name': '2020-01-01', 'rate': rate})
            cls.pricelists[code] = cls.env['product.pricelist'].create({'name': code, 'currency_id': currency.id})
        taxes = [('tax_excluded', 21), ('tax_included', 6)]
        cls.rates = [
            cls.env['account.tax'].create({'name': mode, 'amount': amount, 'price_include_override': mode})
            for mode, amount in taxes
        ]

    def _sell_mix(self, mix, **values):
        tax = self.rates[mix.is_gross]
        taxes = {'taxes_id': [Command.set(tax.ids)]}
        events = [{'product_id': self._create_product(f"Box {price}", price, **taxes).id} for price in mix.prices]
        program = self._create_program(events, **values, payment_term_id=mix.in_thirds and self.thirds.id)
        product = self._create_parent_product(program, **taxes)
        subscription = self._sell(
            program, product=product, confirm=False, order={'pricelist_id': self.pricelists[mix.coin].id}
        )
        if mix.lamp:
            lamp = self._create_product("Lamp", mix.lamp, type='service', invoice_policy='order', **taxes)
            subscription.order_id.order_line = [Command.create({'product_id': lamp.id})]
        return subscription, self._give(subscription.order_id, mix)

    def _give(self, order, mix):
        """Enter what the mix gives; return the gift card, if any."""
        codes = []
        if mix.share:
            self._create_code(f"SHARE{order.id}", discount=mix.share)
            codes.append(f"SHARE{order.id}")
        if mix.amount:
            self._create_code(f"AMOUNT{order.id}", discount=mix.amount, discount_mode='per_order')
            codes.append(f"AMOUNT{order.id}")
        card = self._create_card(mix.card) if mix.card else self.env['loyalty.card']
        for code in [*codes, *card.mapped('code')]:
            status = order._try_apply_code(code)
            # What is free already takes no more.
            if 'error' not in status:
                for coupon, rewards in status.items():
                    order._apply_program_reward(rewards[0], coupon)
                    order._update_programs_and_rewards()
        return card

    def assertSame(self, order, first, second, slack=0):
        """:param slack: how many coins they may differ by."""
        coin = order.currency_id.rounding
        self.assertLessEqual(abs(round(first / coin) - round(second / coin)), slack, f"{first} != {second}")

    @settings(max_examples=12, **EXAMPLES)
    @given(mix=MIXES)
    def test_paid_in_advance(self, mix):
        subscription, _card = self._sell_mix(mix, bill_upfront=True)
        order = subscription.order_id
        order.action_confirm()
        instalments = sum(subscription.payment_ids.mapped('amount'))
        self.assertSame(order, instalments, subscription.amount_total)
        self._run_job('process_payments')
        if order.order_line.filtered('qty_to_invoice'):
            order._create_invoices(final=True)
        bills = order.invoice_ids
        self.assertSame(order, self._sum_bills(bills), order.amount_total)
        self.assertFalse(order.order_line.filtered('qty_to_invoice'))

    def _sum_bills(self, bills):
        return sum(bill.amount_total * (-1 if bill.move_type == 'out_refund' else 1) for bill in bills)

    @settings(max_examples=12, **EXAMPLES)
    @given(mix=MIXES)
    def test_billed_by_box(self, mix):
        subscription, card = self._sell_mix(mix)
        order, points = subscription.order_id, card.points
        planned, due = subscription.amount_total, sum(row['amount'] for row in subscription._get_payments_to_come())
        order.action_confirm()
        self._run_job('create_orders', day('2027-06-01'))
        children = subscription.child_order_ids
        self.assertEqual(len(children), len(mix.prices))
        vouchers = children.order_line.filtered('coupon_id')
        paid = -sum(vouchers.mapped('price_total'))
        # A plan in a coin as big as its taxes is a coin off what Odoo rounds them to, box by box.
        slack = len(mix.prices) if mix.coin == 'UNI' else 0
        self.assertSame(order, sum(children.mapped('amount_total')) + paid, planned, slack)
        self.assertSame(order, subscription.amount_total, planned, slack)
        self.assertSame(order, sum(subscription.payment_ids.mapped('amount')), sum(children.mapped('amount_total')))
        self.assertSame(order, sum(children.mapped('amount_total')), due, slack)
        self.assertGreaterEqual(card.points, 0.0)
        self.assertTrue(all(child.amount_total >= 0 for child in children))
        if card:
            of_card = order.order_line.filtered(lambda line: line.coupon_id == card)
            used = sum(vouchers.mapped('points_cost')) + sum(of_card.mapped('points_cost'))
            self.assertAlmostEqual(points - card.points, used, 2)
