from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import product
from typing import NamedTuple

from freezegun import freeze_time

from odoo.fields import Command
from odoo.tests import BaseCase, tagged

from .common import day
from .common_payments import ChargeCase

SOLD_ON = day('2027-01-01')


#: The two shipments of each plan.
PLANNED = (SOLD_ON, day('2027-01-08'))


#: A shipment leaves the day after its planned date.
SHIPS_AFTER = timedelta(days=1)


LAST_DAY = day('2027-01-30')


#: (percent, days) of the payment schedules, by their number of instalments.
SCHEDULES = {0: (), 1: ((100, 10),), 3: (('33.33', 0), ('33.33', 10), ('33.34', 20))}


TAX, MAPPED_TAX = Decimal('0.19'), Decimal('0.07')


#: Decimals of the currencies; of one US dollar, the rates before and from the day in the middle of the plans.
PLACES = {'JPY': 0, 'EUR': 2, 'KWD': 3}


RATES = {'JPY': ('151.37', '149.93'), 'EUR': ('0.873', '0.9017'), 'KWD': ('0.30715', '0.31011')}


RATE_CHANGES_ON = day('2027-01-09')


class Seller(NamedTuple):
    """A company with parameters of its own: its products' prices and the currency it sells in."""

    name: str
    currency: str
    prices: tuple
    rates: tuple = ('1', '1')
    lead_days: int = 0
    bill_lead_days: int = 0
    charge_moment: str = 'delivery'
    quantity: int = 1


METHODS = ('on_account', 'token')


DOLLAR_PRICES = ('19.99', '7.77')


#: The main company has US dollars and sells in foreign currency; two others sell in their own.
ABROAD = tuple(Seller('main', code, DOLLAR_PRICES, RATES[code]) for code in PLACES)


KUWAIT = Seller('Kuwait', 'KWD', ('6.335', '2.005'), bill_lead_days=3, charge_moment='creation')


JAPAN = Seller('Japan', 'JPY', ('2990', '777'), lead_days=2, bill_lead_days=5, quantity=3)


class Case(NamedTuple):
    """One plan that is sold: a row of the table of the design, section 6, and the money it is sold in."""

    seller: Seller
    bill_upfront: bool
    instalments: int
    method: str
    is_included: bool
    is_mapped: bool

    # === THE EXPECTED MONEY, BY PLAIN ARITHMETIC === #

    def round(self, amount):
        return amount.quantize(Decimal(1).scaleb(-PLACES[self.seller.currency]), ROUND_HALF_UP)

    def get_units(self):
        """Return the unit prices of the events in the currency sold in; a mapped tax leaves the price before taxes."""
        factor = (1 + MAPPED_TAX) / (1 + TAX) if self.is_included and self.is_mapped else 1
        return [Decimal(price) * Decimal(self.seller.rates[0]) * factor for price in self.seller.prices]

    def get_amounts(self, unit):
        """Return (untaxed, tax) of a line of the seller's quantity at a unit price."""
        rate = MAPPED_TAX if self.is_mapped else TAX
        base = self.round(unit * self.seller.quantity)
        if not self.is_included:
            return base, self.round(base * rate)
        tax = self.round(base - base / (1 + rate))
        return base - tax, tax

    def get_instalments(self, total):
        """Return the amounts of the instalments: the last one takes the rest."""
        amounts = [self.round(total * Decimal(percent) / 100) for percent, _days in SCHEDULES[self.instalments][:-1]]
        return [*amounts, total - sum(amounts)]

    # === THE EXPECTED DAYS === #

    def get_bills(self):
        """Return what is billed: one ``Bill`` of the parent, or one of each child."""
        if self.bill_upfront:
            return [self.get_bill(sum(self.get_units()), SOLD_ON, SOLD_ON, shipped=None)]
        return [
            self.get_bill(
                unit, planned, max(SOLD_ON, planned - timedelta(days=self.seller.lead_days)), planned + SHIPS_AFTER
            )
            for unit, planned in zip(self.get_units(), PLANNED, strict=True)
        ]

    def get_bill(self, unit, date_ref, made_on, shipped):
        """Return the bill of an order made on a day, whose schedule counts from ``date_ref``."""
        untaxed, tax = self.get_amounts(unit)
        if self.instalments:
            dues = [date_ref + timedelta(days=days) for _percent, days in SCHEDULES[self.instalments]]
        elif self.bill_upfront or (self.method == 'token' and self.seller.charge_moment == 'creation'):
            dues = [made_on]
        else:
            return Bill(untaxed, tax, shipped, [(None, untaxed + tax)])
        lead = self.seller.bill_lead_days if self.method == 'on_account' else 0
        billed_on = max(made_on, dues[0] - timedelta(days=lead))
        return Bill(untaxed, tax, billed_on, list(zip(dues, self.get_instalments(untaxed + tax), strict=True)))


def get_cases(sellers):
    """Return two thirds of the ways of billing and paying for each seller, a different two thirds for each in turn, and
    in turn the four ways of taxes; ``test_what_is_covered`` tells what they come to.

    :param sellers: list of (turn, seller).
    """
    ways = tuple(product((False, True), repeat=2))
    return [
        Case(seller, bill_upfront, instalments, method, *ways[(third + 2 * by_card + shape) % 4])
        for turn, seller in sellers
        for shape, (bill_upfront, instalments) in enumerate(product((True, False), SCHEDULES))
        for by_card, method in enumerate(METHODS)
        if (third := (shape + by_card + turn) % 3)
    ]


class Bill(NamedTuple):
    untaxed: Decimal
    tax: Decimal
    billed_on: date
    #: (due date or ``None`` for the day of the bill, amount)
    instalments: list

    def get_in_company_currency(self, amounts, seller):
        """Return amounts of the bill in the company's currency, each rounded to it."""
        rate = Decimal(seller.rates[self.billed_on >= RATE_CHANGES_ON])
        places = PLACES[seller.currency] if rate == 1 else 2
        return sum((amount / rate).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP) for amount in amounts)


def exact(amount):
    """Return an amount that Odoo has rounded as the decimal number that it stands for."""
    return Decimal(str(amount))


class MoneyCase(ChargeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids += cls.env.ref('account.group_account_manager')
        cls.currencies = {code: cls._create_currency(code) for code in PLACES}
        cls.terms = {
            count: cls._create_schedule(f"In {count}", *((float(percent), days) for percent, days in schedule))
            for count, schedule in SCHEDULES.items()
            if count
        }
        cls.markets = {}

    @classmethod
    def _create_currency(cls, code):
        """Return a currency with the rates of the plans, in all companies."""
        currency = cls.env.ref(f'base.{code}')
        currency.active = True
        currency.rate_ids.unlink()
        cls.env['res.currency.rate'].create(
            [
                {'currency_id': currency.id, 'name': name, 'rate': float(rate), 'company_id': cls.company.id}
                for name, rate in zip(('2026-01-01', RATE_CHANGES_ON), RATES[code], strict=True)
            ]
        )
        return currency

    @classmethod
    def _create_market(cls, seller):
        """Make what a seller needs: a company with a chart of accounts, taxes, goods, a card and parameters."""
        company = cls.company if seller.name == 'main' else cls._create_company(seller)
        company.write(
            {
                'continuity_lead_days': seller.lead_days,
                'continuity_bill_lead_days': seller.bill_lead_days,
                'continuity_charge_moment': seller.charge_moment,
                'tax_calculation_rounding_method': 'round_per_line',
            }
        )
        market = cls.env['base'].with_company(company).env
        fiscal_position = market['account.fiscal.position'].create({'name': f"Abroad {seller.name}"})
        books = {
            is_included: cls._create_books(market, seller, is_included, fiscal_position)
            for is_included in (False, True)
        }
        token = cls.token if seller.name == 'main' else cls._create_company_token(company)
        return company, fiscal_position, books, token

    @classmethod
    def _create_company(cls, seller):
        """Return a new company with a chart of accounts in the seller's currency."""
        currency = cls.currencies[seller.currency]
        company = cls.env['res.company'].create({'name': seller.name, 'currency_id': currency.id})
        company.partner_id.tz = 'UTC'
        cls.env['account.chart.template'].try_loading('generic_coa', company=company, install_demo=False)
        company.currency_id = currency
        cls.env.user.company_ids += company
        return company

    @classmethod
    def _create_books(cls, market, seller, is_included, fiscal_position):
        """Return the goods of a seller under a tax of one kind, which the fiscal position maps."""
        tax, mapped = market['account.tax'].create(
            [
                {
                    'name': f"{name} {seller.name} {'incl.' if is_included else 'excl.'}",
                    'amount': float(amount * 100),
                    'type_tax_use': 'sale',
                    'price_include_override': 'tax_included' if is_included else 'tax_excluded',
                }
                for name, amount in (("Full", TAX), ("Reduced", MAPPED_TAX))
            ]
        )
        mapped.write(
            {'fiscal_position_ids': [Command.link(fiscal_position.id)], 'original_tax_ids': [Command.link(tax.id)]}
        )
        return market['product.product'].create(
            [
                {
                    'name': f"Book {number} {seller.name}",
                    'type': 'consu',
                    'is_storable': True,
                    'company_id': market.company.id,
                    'list_price': float(price),
                    'taxes_id': [Command.set(tax.ids)],
                    'invoice_policy': 'delivery',
                }
                for number, price in enumerate(seller.prices, start=1)
            ]
        )

    @classmethod
    def _create_company_token(cls, company):
        """Return a card at a provider of a company."""
        provider = cls.token.provider_id.copy({'company_id': company.id, 'state': 'test'})
        provider.journal_id = cls.env['account.journal'].search(
            [('company_id', '=', company.id), ('type', '=', 'bank')], limit=1
        )
        return cls.token.copy({'provider_id': provider.id})

    # === PLAYING === #

    def _sell_case(self, case):
        company, fiscal_position, books, token = self.markets[case.seller.name]
        env = self.env(context={**self.env.context, 'allowed_company_ids': company.ids})
        program = env['continuity.program'].create(
            {
                'name': "Book Club",
                'company_id': company.id,
                'bill_upfront': case.bill_upfront,
                'allowed_methods': case.method,
                'payment_term_id': self.terms[case.instalments].id if case.instalments else False,
                'line_ids': [
                    Command.create({'product_id': book.id, 'interval_unit': 'week'}) for book in books[case.is_included]
                ],
            }
        )
        parent = env['product.product'].create(
            {'name': "Membership", 'type': 'service', 'continuity_program_id': program.id, 'taxes_id': False}
        )
        order = env['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'pricelist_id': self._get_pricelist(env, case.seller).id,
                'fiscal_position_id': fiscal_position.id if case.is_mapped else False,
                'order_line': [Command.create({'product_id': parent.id, 'product_uom_qty': case.seller.quantity})],
            }
        )
        subscription = order.continuity_subscription_ids
        if case.method == 'token':
            self.assertEqual(subscription.payment_token_id, token)
        order.action_confirm()
        return subscription

    def _get_pricelist(self, env, seller):
        currency = self.currencies[seller.currency]
        if currency == env.company.currency_id:
            return env['product.pricelist']
        return env['product.pricelist'].create(
            {'name': f"In {seller.currency}", 'currency_id': currency.id, 'company_id': env.company.id}
        )

    def _play(self, cases):
        """Sell the cases and live through their days; return {case: subscription}."""
        with freeze_time('2027-01-01 12:00:00') as frozen:
            sold = {case: self._sell_case(case) for case in cases}
            subscriptions = self.env['continuity.subscription'].union(*sold.values())
            today = SOLD_ON
            while today <= LAST_DAY:
                frozen.move_to(f'{today} 12:00:00')
                self._live_a_day(subscriptions, today)
                if today == SOLD_ON:
                    self._check_first_day(sold)
                today += timedelta(days=1)
        return sold

    def _live_a_day(self, subscriptions, today):
        self._run_cleanly('create_orders', today)
        leaving = subscriptions.line_ids.filtered(lambda line: line.date_planned + SHIPS_AFTER == today)
        self.assertNotIn(True, leaving.child_order_id.mapped('continuity_payment_hold'))
        self._deliver(leaving.child_order_id)
        self._run_cleanly('process_payments', today)
        due = subscriptions.payment_ids.filtered(
            lambda payment: payment.state == 'billed' and (payment.due_date or today) <= today
        )
        self.assertEqual(set(due.mapped('method')), {'on_account'} if due else set())
        for payment in due:
            self._pay(payment)
        self._run_cleanly('close', today)

    def _run_cleanly(self, job, today):
        run = self._run_job(job, today)
        self.assertEqual((run.skipped_count, run.failed_count), (0, 0), run.issue_ids.mapped('reason'))

    def _pay(self, payment):
        self.env['account.payment.register'].with_company(payment.company_id).with_context(
            active_model='account.move.line', active_ids=payment.move_line_id.ids
        ).create({})._create_payments()

    # === CHECKS === #

    def _check_first_day(self, sold):
        """On the evening of the sale: a parent billed in advance is to be invoiced, or is invoiced and open."""
        for case, subscription in sold.items():
            with self.subTest("first day", case=case):
                is_to_bill = case.bill_upfront and case.get_bills()[0].billed_on > SOLD_ON
                self.assertEqual(subscription.order_id.invoice_status, 'to invoice' if is_to_bill else 'no')

    def _check(self, case, subscription):
        """Check everything that a plan has left in the books, to the last unit."""
        order = subscription.order_id
        children = subscription.line_ids.sorted('event_number').child_order_id
        self.assertEqual(len(children), 2)
        billed = order if case.bill_upfront else children
        bills = case.get_bills()
        self.assertEqual(subscription.payment_ids.order_id, billed)
        for billed_order, bill in zip(billed, bills, strict=True):
            self._check_bill(case, billed_order, bill)
        self._check_ends(case, subscription, children)
        self._check_shares(case, subscription)
        self._check_charges(case, subscription)
        self._check_report(case, order | children, bills)

    def _check_bill(self, case, order, bill):
        payments = order.continuity_payment_ids.sorted('number')
        self.assertEqual(
            [(payment.due_date, exact(payment.amount), payment.state) for payment in payments],
            [(due or False, amount, 'paid') for due, amount in bill.instalments],
        )
        self.assertEqual(order.currency_id, self.currencies[case.seller.currency])
        invoice = order.invoice_ids
        self.assertEqual(payments.invoice_id, invoice)
        self.assertEqual(
            (invoice.state, invoice.payment_state, invoice.invoice_date, invoice.currency_id, invoice.amount_residual),
            ('posted', 'paid', bill.billed_on, order.currency_id, 0.0),
        )
        self.assertEqual(
            [exact(amount) for amount in (invoice.amount_untaxed, invoice.amount_tax, invoice.amount_total)],
            [bill.untaxed, bill.tax, bill.untaxed + bill.tax],
        )
        self.assertEqual(exact(order.amount_total), bill.untaxed + bill.tax)
        self._check_receivable(case, invoice, payments, bill)

    def _check_receivable(self, case, invoice, payments, bill):
        lines = payments.move_line_id
        self.assertEqual(len(lines), len(bill.instalments))
        self.assertEqual(lines, invoice.line_ids.filtered(lambda line: line.display_type == 'payment_term'))
        self.assertEqual(
            [(line.date_maturity, exact(line.amount_currency)) for line in lines],
            [(due or bill.billed_on, amount) for due, amount in bill.instalments],
        )
        in_company_currency = bill.get_in_company_currency((bill.untaxed, bill.tax), case.seller)
        self.assertEqual(sum(map(exact, lines.mapped('balance'))), in_company_currency)
        self.assertEqual(exact(invoice.amount_total_signed), in_company_currency)
        for line, (_due, amount) in zip(lines, bill.instalments, strict=True):
            share = in_company_currency * amount / (bill.untaxed + bill.tax)
            self.assertLess(abs(exact(line.balance) - share), exact(invoice.company_currency_id.rounding))
        self.assertEqual(lines.mapped('amount_residual'), [0.0] * len(lines))

    def _check_ends(self, case, subscription, children):
        self.assertEqual(subscription.state, 'done')
        self.assertEqual(children.mapped('invoice_status'), ['invoiced', 'invoiced'])
        self.assertEqual((subscription.order_id.invoice_status, subscription.order_id.locked), ('invoiced', True))
        self.assertEqual(subscription.line_ids.mapped('is_invoiced'), [True, True])
        self.assertEqual(children.mapped('continuity_shipped_date'), [planned + SHIPS_AFTER for planned in PLANNED])
        if case.bill_upfront:
            self.assertEqual((children.mapped('amount_total'), len(children.invoice_ids)), ([0.0, 0.0], 0))
        else:
            self.assertEqual((subscription.order_id.amount_total, len(subscription.order_id.invoice_ids)), (0.0, 0))

    def _check_shares(self, case, subscription):
        """The untaxed shares: by value, each less than a unit off, and to the last unit the parent line's amount."""
        if not case.bill_upfront:
            self.assertEqual(subscription.line_ids.mapped('prepaid_amount'), [0.0, 0.0])
            return
        untaxed = case.get_bills()[0].untaxed
        shares = [exact(line.prepaid_amount) for line in subscription.line_ids]
        self.assertEqual(exact(subscription.order_line_id.price_subtotal), untaxed)
        self.assertEqual(sum(shares), untaxed)
        values = [case.get_amounts(unit)[0] for unit in case.get_units()]
        for share, value in zip(shares, values, strict=True):
            self.assertLess(
                abs(share - untaxed * value / sum(values)), Decimal(1).scaleb(-PLACES[case.seller.currency])
            )

    def _check_charges(self, case, subscription):
        """A card is charged each instalment once; what is on account never."""
        charges = [
            (reference, exact(amount))
            for payment in subscription.payment_ids.sorted('id')
            for reference, amount in self.ledger
            if reference.startswith(f'CP-{payment.id}-')
        ]
        expected = [amount for bill in case.get_bills() for _due, amount in bill.instalments]
        self.assertEqual([amount for _ref, amount in charges], expected if case.method == 'token' else [])
        self.assertTrue(all(reference.endswith('-1') for reference, _amount in charges))

    def _check_report(self, case, orders, bills):
        """The sales report has each sale once, in the company's currency at the rate of the day it was made."""
        env = self.env(context={**self.env.context, 'allowed_company_ids': orders.company_id.ids})
        references = [f'sale.order,{order.id}' for order in orders]
        amounts = env['sale.report'].search([('order_reference', 'in', references)]).mapped('price_subtotal')
        # All orders are made before the rate changes.
        expected = sum(bill.untaxed for bill in bills) / Decimal(case.seller.rates[0])
        self.assertAlmostEqual(sum(amounts), float(expected), places=2)

    def _check_all(self, cases):
        self.env.flush_all()
        for case, subscription in self._play(cases).items():
            with self.subTest(case=case):
                self._check(case, subscription)


@tagged('post_install', '-at_install')
class TestCoverage(BaseCase):
    def test_what_is_covered(self):
        abroad, at_home = get_cases(enumerate(ABROAD)), get_cases([(3, KUWAIT), (4, JAPAN)])
        shapes = set(product((True, False), SCHEDULES))
        taxes = set(product((True, False), repeat=2))
        for cases, sellers in ((abroad, ABROAD), (at_home, (KUWAIT, JAPAN))):
            self.assertEqual(len(cases), len(sellers) * 8)
            self.assertEqual(
                {(case.bill_upfront, case.instalments, case.method) for case in cases},
                {(*shape, method) for shape, method in product(shapes, METHODS)},
            )
            self.assertEqual(
                {(case.seller.currency, case.is_included, case.is_mapped) for case in cases},
                {(seller.currency, *way) for seller, way in product(sellers, taxes)},
            )
            self.assertEqual(
                {(case.method, case.is_included, case.is_mapped) for case in cases},
                {(method, *way) for method, way in product(METHODS, taxes)},
            )
        self.assertEqual(
            {(case.bill_upfront, case.instalments, case.is_included, case.is_mapped) for case in abroad},
            {(*shape, *way) for shape, way in product(shapes, taxes)},
        )
        # Charged when the child is made: a card, without a schedule, in the company that has it so.
        self.assertIn((KUWAIT, False, 0, 'token'), [case[:4] for case in at_home])


@tagged('post_install', '-at_install')
class TestForeignCurrencies(MoneyCase):
    """One company that sells in yen, euro and dinar, at a rate that changes between sale, bill and payment."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.markets['main'] = cls._create_market(ABROAD[0])

    def test_every_way_of_billing_and_paying(self):
        self._check_all(get_cases(enumerate(ABROAD)))


@tagged('post_install', '-at_install')
class TestCompanies(MoneyCase):
    """Two companies in the same runs, each with its own currency and parameters."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.markets |= {seller.name: cls._create_market(seller) for seller in (KUWAIT, JAPAN)}

    def test_every_way_of_billing_and_paying(self):
        self._check_all(get_cases([(3, KUWAIT), (4, JAPAN)]))
