from decimal import Decimal
from itertools import cycle, product
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from odoo.fields import Command
from odoo.tests import tagged

from .common import ContinuityCase

#: The smallest coin of each currency, and what 1.00 of the company's is in it.
COINS = {'UNI': (1.0, 137.0), 'CEN': (0.01, 1.0), 'MIL': (0.001, 0.377), 'FIV': (0.05, 1.09)}
#: Payment schedules in percent; an amount in quotes is fixed, and the last instalment takes the rest.
SCHEDULES = (
    (),
    (100,),
    (33.33, 33.33, 33.34),
    (50, 30, 20),
    ('0.15', 60, 40),
    (8.33, 8.33, 8.33, 8.33, 8.33, 8.33, 8.33, 8.33, 8.33, 8.33, 8.33, 8.37),
)
#: How many events the programs have.
SIZES = (1, 2, 3, 5, 7)


class Event(NamedTuple):
    price_unit: float
    quantity: int
    discount: float


def hundredths(highest):
    return st.integers(min_value=0, max_value=highest * 100).map(lambda number: number / 100)


PRICES = hundredths(500)
DISCOUNTS = st.one_of(st.just(0.0), hundredths(100))
EVENTS = st.builds(Event, PRICES, st.integers(min_value=1, max_value=3), DISCOUNTS)
QUANTITIES = st.integers(min_value=1, max_value=3)
#: What the salesperson sets on the parent line, if anything.
OVERRIDES = st.one_of(
    st.just({}),
    st.fixed_dictionaries({'price_unit': hundredths(2000)}),
    st.fixed_dictionaries({'discount': hundredths(100)}),
    st.fixed_dictionaries({'price_unit': hundredths(2000), 'discount': hundredths(100)}),
)
EXAMPLES = {
    'deadline': None,
    'derandomize': True,
    'database': None,
    'phases': (Phase.generate, Phase.shrink),
    'suppress_health_check': list(HealthCheck),
}


@tagged('post_install', '-at_install')
class TestUpfrontShares(ContinuityCase):
    """Whatever is sold in advance, at whatever price: the shares sum to the bill, and so do the instalments."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.included_tax = cls.env['account.tax'].create(
            {
                'name': "Tax 21% included",
                'amount': 21.0,
                'type_tax_use': 'sale',
                'price_include_override': 'tax_included',
            }
        )
        cls.pricelists = [cls._create_pricelist(name, *coin) for name, coin in COINS.items()]
        cls.terms = [cls._create_term(schedule) for schedule in SCHEDULES]

    @classmethod
    def _create_pricelist(cls, name, rounding, rate):
        currency = cls.env['res.currency'].create(
            {
                'name': name,
                'symbol': name,
                'rounding': rounding,
                'rate_ids': [Command.create({'name': '2026-01-01', 'rate': rate, 'company_id': cls.company.id})],
            }
        )
        return cls.env['product.pricelist'].create({'name': name, 'currency_id': currency.id})

    @classmethod
    def _create_term(cls, schedule):
        if not schedule:
            return cls.env['account.payment.term']
        lines = [
            Command.create(
                {
                    'value': 'fixed' if isinstance(part, str) else 'percent',
                    'value_amount': float(part),
                    'nb_days': 30 * number,
                }
            )
            for number, part in enumerate(schedule)
        ]
        return cls.env['account.payment.term'].create({'name': str(schedule), 'line_ids': lines})

    def _get_kinds(self):
        """Return every currency with every price policy, taxes on top and included."""
        return list(product(self.pricelists, ('events', 'product'), (self.tax, self.included_tax)))

    def _sell_kind(self, pricelist, policy, tax, events, **values):
        taxes = {'taxes_id': [Command.set(tax.ids)]}
        self.books.write(taxes)
        program = self._create_program(
            [{'price_overridden': True, **event._asdict()} for event in events],
            bill_upfront=True,
            upfront_price_policy=policy,
        )
        parent = self._create_parent_product(program, **taxes)
        return self._sell(program, product=parent, order={'pricelist_id': pricelist.id}, **values)

    # === WHAT HOLDS === #

    def _check_shares(self, subscription):
        """Check what each shipment has of the bill, to the last coin, as it is in the database."""
        bill = subscription.order_line_id
        lines = subscription.line_ids._filtered_active()
        bill.flush_recordset()
        lines.flush_recordset()
        [total] = self._read(bill, 'price_subtotal')
        shares, weights = self._read(lines, 'prepaid_amount'), self._read(lines, 'price_subtotal')
        self.assertEqual(sum(shares), total)
        coin, whole = self._get_coin(subscription), sum(weights)
        for share, weight in zip(shares, weights, strict=True):
            exact = total * weight / whole if whole else total / len(weights)
            self.assertLess(abs(share - exact), coin)
            self.assertEqual(share % coin, 0)

    def _check_instalments(self, subscription, amounts):
        """Check that instalments sum to the order, as Odoo rounds its taxes, in whole coins."""
        self.assertEqual([sum(amounts)], self._read(subscription.order_id, 'amount_total'))
        coin = self._get_coin(subscription)
        self.assertEqual([amount % coin for amount in amounts], [0] * len(amounts))

    def _read(self, records, name):
        return [self._exact(value) for value in records.mapped(name)]

    def _exact(self, amount):
        """Return an amount without the noise of floats: no coin is smaller than 0.001."""
        return round(Decimal(str(amount)), 3)

    def _get_coin(self, subscription):
        return Decimal(str(subscription.currency_id.rounding))

    # === A THOUSAND PLANS, PRICED AGAIN AND AGAIN === #

    def _price(self, subscription, events, quantity, override):
        """Give a sold plan the prices and quantities of the events, and its bill the price of that or another one."""
        for line, event in zip(subscription.line_ids, events, strict=True):
            line._unguarded().write({**event._asdict(), 'quantity': event.quantity * quantity})
        bill = subscription.order_line_id.with_context(sale_write_from_compute=True)
        bill.write({'technical_price_unit': bill.price_unit, 'discount': 0.0})
        bill._update_continuity_price()
        if override:
            bill.write(override)
        subscription._share_prepaid()

    def _get_schedule_amounts(self, subscription, term):
        order = subscription.order_id
        if not term:
            return self._read(order, 'amount_total')
        instalments = subscription._get_instalments(order, order.amount_total, term, self.today)
        return [self._exact(amount) for _date, amount in instalments]

    def test_shares_and_instalments_sum_to_the_bill(self):
        sizes = cycle(SIZES)
        subscriptions = [
            self._sell_kind(*kind, [Event(20.0, 1, 0.0)] * next(sizes), quantity=quantity)
            for kind, quantity in zip(self._get_kinds(), cycle((1, 2, 3)), strict=False)
        ]
        checked = set()

        @settings(max_examples=1050, **EXAMPLES)
        @given(st.sampled_from(subscriptions), st.data(), OVERRIDES, st.sampled_from(self.terms))
        def check(subscription, data, override, term):
            size = len(subscription.line_ids)
            events = data.draw(st.lists(EVENTS, min_size=size, max_size=size))
            self._price(subscription, events, int(subscription.quantity), override)
            self._check_shares(subscription)
            self._check_instalments(subscription, self._get_schedule_amounts(subscription, term))
            checked.add((subscription, *events, *override.items(), term))

        check()
        self.assertEqual({subscription for subscription, *_drawn in checked}, set(subscriptions))
        self.assertGreaterEqual(len(checked), 1000)

    # === FROM THE PROGRAM TO THE BOOKS === #

    def test_programs_sold_and_billed(self):
        @settings(max_examples=25, **EXAMPLES)
        @given(
            st.sampled_from(self._get_kinds()),
            st.lists(EVENTS, min_size=1, max_size=5),
            QUANTITIES,
            OVERRIDES,
            st.sampled_from(self.terms),
        )
        def check(kind, events, quantity, override, term):
            subscription = self._sell_kind(*kind, events, quantity=quantity, confirm=False)
            subscription.payment_term_id = term
            if override:
                subscription.order_line_id.write(override)
            self._check_plan(subscription)
            subscription.order_id.action_confirm()
            self._check_plan(subscription)
            self._check_bill(subscription)

        check()

    def _check_plan(self, subscription):
        self.env.flush_all()
        self.env.invalidate_all()
        self._check_shares(subscription)
        self._check_instalments(subscription, self._read(subscription.payment_ids, 'amount'))

    def _check_bill(self, subscription):
        """Check that the invoice has what the order line has, in the instalments that were planned."""
        planned = self._read(subscription.payment_ids.sorted('number'), 'amount')
        invoice = subscription.order_id._create_invoices()
        invoice.action_post()
        payments = subscription.payment_ids.sorted('number')
        self.assertEqual(self._read(payments, 'amount'), planned)
        self.assertEqual(self._read(payments.move_line_id, 'amount_currency'), planned)
        self.assertEqual(self._read(invoice, 'amount_total'), self._read(subscription.order_id, 'amount_total'))
        self._check_plan(subscription)
