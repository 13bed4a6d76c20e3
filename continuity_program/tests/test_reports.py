from ast import literal_eval
from datetime import date

from lxml import etree

from odoo.exceptions import AccessError
from odoo.fields import Command, Domain
from odoo.models import BaseModel
from odoo.tests import tagged

from .common import ContinuityCase, day
from .common_access import AccessCase


class ReportCase(ContinuityCase):
    def _read(self, report, groupby, measures, domain=(), on=None):
        """Return the groups of a report as its pivot shows them on a day: records by name, days as text."""
        rows = self._as_of(on)[report]._read_group(list(domain), groupby, measures)
        return [tuple(self._as_shown(value) for value in row) for row in rows]

    def _as_shown(self, value):
        if isinstance(value, BaseModel):
            return value.display_name or ''
        if isinstance(value, date):
            return str(value)
        return round(value, 2) if isinstance(value, float) else value

    def _get_filter(self, report, name):
        """Return the domain of a filter of the report's search view."""
        arch = etree.fromstring(self.env[report].get_view(view_type='search')['arch'])
        return literal_eval(arch.find(f".//filter[@name='{name}']").get('domain'))

    @classmethod
    def _create_reason(cls, name):
        return cls.env['continuity.cancel.reason'].create({'name': name})


@tagged('post_install', '-at_install')
class TestForecast(ReportCase):
    """Weekly books: Book 1 on Friday 1 January, Book 2, a dozen of it and taken by half of them, a week later.

    Weeks begin on Sunday in the test's language: those of 27 December and 3 January.
    """

    REPORT = 'continuity.forecast.report'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        dozen = cls.env.ref('uom.product_uom_dozen')
        cls.books[1].uom_ids = dozen
        weekly = {'interval_unit': 'week'}
        cls.program = cls._create_program(
            [weekly, {**weekly, 'product_uom_id': dozen.id, 'probability': 50.0}], duplicate_policy='allow'
        )
        cls.warehouse = cls.env['stock.warehouse'].search([('company_id', '=', cls.company.id)], limit=1)
        cls.second_warehouse = cls.env['stock.warehouse'].create({'name': "North", 'code': "NORTH"})

    def _stock(self, product, quantity, warehouse=None):
        location = (warehouse or self.warehouse).lot_stock_id
        self.env['stock.quant']._update_available_quantity(product, location, quantity)

    def test_planned_and_expected_by_product_and_week(self):
        self._sell(self.program, quantity=2)
        self._sell(self.program)

        self.assertEqual(
            self._read(self.REPORT, ['product_id', 'date:week'], ['planned_quantity:sum', 'expected_quantity:sum']),
            # (2 + 1) books; (2 + 1) dozens = 36, of which half = 18.
            [('Book 1', '2026-12-27', 3.0, 3.0), ('Book 2', '2027-01-03', 36.0, 18.0)],
        )

    def test_stock_stands_beside_it_once_for_each_warehouse(self):
        self._sell(self.program, quantity=2)
        self._sell(self.program, order={'warehouse_id': self.second_warehouse.id})
        self._stock(self.books[0], 10)
        self._stock(self.books[0], 4, self.second_warehouse)
        self._stock(self.books[5], 100)

        self.assertEqual(
            self._read(
                self.REPORT,
                ['warehouse_id', 'product_id'],
                ['expected_quantity:sum', 'on_hand_quantity:sum', 'balance_quantity:sum'],
            ),
            [
                # Two books of ten, and half of two dozens of which there is none; Book 6 is in no plan.
                (self.warehouse.name, 'Book 1', 2.0, 10.0, 8.0),
                (self.warehouse.name, 'Book 2', 12.0, 0.0, -12.0),
                ('North', 'Book 1', 1.0, 4.0, 3.0),
                ('North', 'Book 2', 6.0, 0.0, -6.0),
            ],
        )

    def test_a_row_of_stock_opens_its_product(self):
        self._sell(self.program)
        self._stock(self.books[0], 10)

        action = self.env[self.REPORT].search([('subscription_id', '=', False)]).action_view_subscription()

        self.assertEqual((action['res_model'], action['res_id']), ('product.product', self.books[0].id))

    def test_what_is_reserved_is_not_left_over(self):
        self._stock(self.books[0], 10)
        first, _second = self._sell(self.program, quantity=2), self._sell(self.program, quantity=3)
        self._run_job('create_orders', domain=[('id', '=', first.id)])

        self.assertEqual(
            self._read(
                self.REPORT,
                ['product_id'],
                ['planned_quantity:sum', 'on_hand_quantity:sum', 'balance_quantity:sum'],
                [('product_id', '=', self.books[0].id)],
            ),
            # 10 are there, 2 of them reserved by the child order, 3 more are expected: 10 - 2 - 3.
            [('Book 1', 3.0, 10.0, 5.0)],
        )

    def test_what_is_late_counts_for_today(self):
        self._sell(self.program)
        self._stock(self.books[0], 10)

        self.assertEqual(
            self._read(
                self.REPORT,
                ['date:day', 'product_id'],
                ['planned_quantity:sum', 'on_hand_quantity:sum'],
                on=day('2027-01-06'),
            ),
            [('2027-01-06', 'Book 1', 1.0, 10.0), ('2027-01-08', 'Book 2', 12.0, 0.0)],
        )

    def test_neither_quotations_nor_what_was_stopped_or_skipped(self):
        self._sell(self.program, confirm=False)
        self._sell(self.program)._cancel()
        self._sell(self.program, start_date=day('2027-01-10'))._skip_next()

        self.assertEqual(self._read(self.REPORT, ['product_id'], ['planned_quantity:sum']), [('Book 2', 12.0)])

    def test_paused_ones_are_left_out_unless_asked_for(self):
        self._sell(self.program)
        paused = self._sell(self.program, quantity=2)
        paused.with_env(self._as_of())._pause()
        self._stock(self.books[0], 10)

        measures = ['planned_quantity:sum', 'on_hand_quantity:sum']
        domain = [('product_id', '=', self.books[0].id)]
        self.assertEqual(self._read(self.REPORT, [], measures, domain), [(3.0, 10.0)])
        running = self._get_filter(self.REPORT, 'running')
        self.assertEqual(self._read(self.REPORT, [], measures, domain + running), [(1.0, 10.0)])

    def test_an_event_taken_out_of_the_program_counts_in_full(self):
        subscription = self._sell(self.program)
        line = subscription.line_ids[1]
        line._unguarded().program_line_id = False

        self.assertEqual(
            self._read(self.REPORT, [], ['expected_quantity:sum'], [('product_id', '=', self.books[1].id)]), [(12.0,)]
        )


@tagged('post_install', '-at_install')
class TestRetention(ReportCase):
    REPORT = 'continuity.retention.report'

    def test_how_many_of_those_who_began_reached_each_shipment(self):
        program = self._create_program(4, duplicate_policy='allow')
        stays = self._sell(program)
        leaves = self._sell(program)
        late = self._sell(program, on=day('2027-01-20'))
        self._sell(program, on=day('2027-02-10'))
        self._sell(program, confirm=False)
        self._run_job('create_orders', day('2027-01-01'))
        leaves._cancel()
        for on in ('2027-01-20', '2027-02-01', '2027-02-20', '2027-03-01'):
            self._run_job('create_orders', day(on))

        self.assertEqual([len(sub.child_order_ids) for sub in (stays, leaves, late)], [3, 1, 2])
        self.assertEqual(
            self._read(self.REPORT, ['joined_date:month', 'cycle'], ['reached_count:sum', 'retention:avg']),
            [
                # January: three began and got the first, two the second, one the third.
                ('2027-01-01', 0, 3, 100.0),
                ('2027-01-01', 1, 3, 100.0),
                ('2027-01-01', 2, 2, 66.67),
                ('2027-01-01', 3, 1, 33.33),
                # February: one began, its second shipment is still to come.
                ('2027-02-01', 0, 1, 100.0),
                ('2027-02-01', 1, 1, 100.0),
            ],
        )

    def test_programs_are_counted_apart(self):
        club, coffee = self._create_program(2), self._create_program(2, name="Coffee")
        self._sell(club)
        self._sell(coffee)._cancel()
        self._run_job('create_orders')

        self.assertEqual(
            self._read(self.REPORT, ['program_id', 'cycle'], ['reached_count:sum']),
            [('Book Club', 0, 1), ('Book Club', 1, 1), ('Coffee', 0, 1)],
        )

    def test_skipped_and_cancelled_boxes_are_not_reached_and_those_sent_again_count_once(self):
        subscription = self._sell(self._create_program(3))
        self._run_job('create_orders')
        subscription.with_env(self._as_of())._skip_next()
        child = subscription.child_order_ids
        self._deliver(child)
        child.order_line.continuity_line_id.with_env(self._as_of())._send_again()
        self._run_job('create_orders')
        self.assertEqual(len(subscription.child_order_ids), 2)

        self.assertEqual(self._read(self.REPORT, ['cycle'], ['reached_count:sum']), [(0, 1), (1, 1)])

        third = subscription.line_ids.filtered(lambda line: line.state == 'planned')
        self._run_job('create_orders', third.date_planned)
        self.assertEqual(self._read(self.REPORT, ['cycle'], ['reached_count:sum']), [(0, 1), (1, 1), (2, 1)])

    def test_a_start_to_come_is_the_month_of_start(self):
        program = self._create_program(2, duplicate_policy='allow')
        self._sell(program, on=day('2027-01-15'), start_date=day('2027-03-02'))
        self._sell(program, on=day('2027-01-15'), start_date=day('2026-12-01'))

        self.assertEqual(
            self._read(self.REPORT, ['joined_date:day'], ['reached_count:sum']), [('2027-01-15', 1), ('2027-03-02', 1)]
        )


@tagged('post_install', '-at_install')
class TestRevenue(ReportCase):
    """Books at 20.00, 21.00 and 22.00, without 10 % of tax."""

    REPORT = 'continuity.revenue.report'

    def _read_months(self, domain=()):
        return self._read(self.REPORT, ['date:month'], ['amount:sum'], domain)

    def test_what_the_shipments_of_each_month_bring(self):
        program = self._create_program(3, duplicate_policy='allow')
        self._sell(program)
        self._sell(program, quantity=2, on=day('2027-02-15'))
        self._sell(program, confirm=False)
        self._run_job('create_orders')

        self.assertEqual(
            self._read(self.REPORT, ['date:month', 'state'], ['amount:sum']),
            [
                ('2027-01-01', 'ordered', 20.0),
                # 21 of the first, 2 × 20 of the second.
                ('2027-02-01', 'planned', 61.0),
                # 22 + 2 × 21
                ('2027-03-01', 'planned', 64.0),
                # 2 × 22
                ('2027-04-01', 'planned', 44.0),
            ],
        )

    def test_a_plan_billed_in_advance_counts_with_its_shares(self):
        program = self._create_program(3, bill_upfront=True)
        subscription = self._sell(program, confirm=False)
        subscription.order_line_id.price_unit = 60.0
        subscription.order_id.action_confirm()
        self._run_job('create_orders')

        self.assertEqual(
            self._read_months(),
            # 60 in the proportion of 20 : 21 : 22, to the cent.
            [('2027-01-01', 19.05), ('2027-02-01', 20.0), ('2027-03-01', 20.95)],
        )

    def test_what_is_ordered_counts_with_its_own_price(self):
        self._sell(self._create_program(2, price_policy='current'))
        self.books[0].list_price = 30.0
        self._run_job('create_orders')

        self.assertEqual(self._read_months(), [('2027-01-01', 30.0), ('2027-02-01', 21.0)])

    def test_amounts_are_in_the_companys_currency_at_the_orders_rate(self):
        currency = self.env['res.currency'].create(
            {
                'name': 'CNT',
                'symbol': '¤',
                'rate_ids': [Command.create({'name': '2026-01-01', 'rate': 2.0, 'company_id': self.company.id})],
            }
        )
        pricelist = self.env['product.pricelist'].create({'name': "Abroad", 'currency_id': currency.id})
        subscription = self._sell(self._create_program(2), order={'pricelist_id': pricelist.id})
        self.assertEqual(subscription.line_ids.mapped('price_subtotal'), [40.0, 42.0])

        self.assertEqual(self._read_months(), [('2027-01-01', 20.0), ('2027-02-01', 21.0)])
        report = self.env[self.REPORT].search([])
        self.assertEqual(report.currency_id, self.company.currency_id)

    def test_shipping_costs_are_no_revenue_of_goods(self):
        postage = self._create_product("Postage", type='service', is_storable=False)
        program = self._create_program(2, shipping_policy='fixed', shipping_product_id=postage.id, shipping_amount=2.95)
        self._sell(program)

        self.assertEqual(self._read_months(), [('2027-01-01', 20.0), ('2027-02-01', 21.0)])

    def test_what_was_stopped_or_credited_brings_nothing(self):
        subscription = self._sell(self._create_program(3))
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        self._run_job('process_payments')
        subscription._stop_after(2)
        self.assertEqual(self._read_months(), [('2027-01-01', 20.0), ('2027-02-01', 21.0)])

        subscription._credit_shipment(subscription.child_order_ids)

        self.assertEqual(self._read_months(), [('2027-02-01', 21.0)])

    def test_what_paused_ones_have_planned_is_left_out_unless_asked_for(self):
        program = self._create_program(2, duplicate_policy='allow')
        self._sell(program)
        paused = self._sell(program, quantity=2)
        self._run_job('create_orders')
        paused.with_env(self._as_of())._pause()

        self.assertEqual(self._read_months(), [('2027-01-01', 60.0), ('2027-02-01', 63.0)])
        running = self._get_filter(self.REPORT, 'running')
        # What was sent stays: 20 + 2 × 20.
        self.assertEqual(self._read_months(running), [('2027-01-01', 60.0), ('2027-02-01', 21.0)])


@tagged('post_install', '-at_install')
class TestCancellations(ReportCase):
    REPORT = 'continuity.cancellation.report'

    def test_by_reason(self):
        program = self._create_program(3, duplicate_policy='allow')
        price, moved = self._create_reason("Too expensive"), self._create_reason("Moved")
        dear, dear_too, ending, silent, stays = (self._sell(program) for _index in range(5))
        self._run_job('create_orders', day('2027-01-01'))
        ending._stop_after(2, moved)
        dear_too.with_env(self._as_of(day('2027-01-11')))._cancel(price)
        self._run_job('create_orders', day('2027-02-01'))
        dear.with_env(self._as_of(day('2027-02-10')))._cancel(price)
        silent.with_env(self._as_of(day('2027-02-10')))._cancel()
        self.assertEqual(stays.state, 'running')

        self.assertEqual(
            self._read(
                self.REPORT,
                ['cancel_reason_id'],
                ['__count', 'shipment_count:avg', 'member_days:avg', 'lost_amount:sum'],
                [('program_id', '=', program.id)],
            ),
            [
                # 2 shipments and 40 days, 1 shipment and 10 days; not sent: 22, and 21 + 22.
                ('Too expensive', 2, 1.5, 25.0, 65.0),
                # Ends with its second shipment, of 1 February; the third, at 22, is not sent.
                ('Moved', 1, 2.0, 31.0, 22.0),
                ('', 1, 2.0, 40.0, 22.0),
            ],
        )
        self.assertEqual(
            self._read(self.REPORT, ['date:day'], ['__count']),
            [('2027-01-11', 1), ('2027-02-01', 1), ('2027-02-10', 2)],
        )

    def test_a_plan_billed_in_advance_loses_its_shares(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True), line={'discount': 10.0})
        self._run_job('create_orders')
        subscription._cancel()

        # (21 + 22) less 10 %
        self.assertEqual(self._read(self.REPORT, [], ['lost_amount:sum']), [(38.7,)])

    def test_who_comes_back_has_not_left(self):
        subscription = self._sell(self._create_program(3))
        subscription._cancel(self._create_reason("Too expensive"))
        self.assertEqual(self._read(self.REPORT, [], ['__count']), [(1,)])

        subscription._reactivate()

        self.assertEqual(self._read(self.REPORT, [], ['__count']), [(0,)])


@tagged('post_install', '-at_install')
class TestJobHealth(ReportCase):
    def test_runs_by_job_and_day(self):
        program = self._create_program(2, duplicate_policy='allow')
        good, bad = self._sell(program), self._sell(program)
        runs = self._run_job('create_orders', day('2027-01-01'))
        bad.line_ids[1]._unguarded().product_id = self._create_product("Gone", active=False)
        runs |= self._run_job('create_orders', day('2027-02-01'))
        runs |= self._run_job('create_orders', day('2027-02-01'))
        for run, started, seconds in zip(runs, ('2027-01-01', '2027-02-01', '2027-02-01'), (3, 4, 5), strict=True):
            run.write({'date_start': f'{started} 02:00:00', 'date_end': f'{started} 02:00:0{seconds}'})
        self.assertEqual((len(good.child_order_ids), len(bad.child_order_ids)), (2, 1))

        self.assertEqual(
            self._read(
                'continuity.job.run',
                ['job', 'date_start:day'],
                ['selected_count:sum', 'done_count:sum', 'skipped_count:sum', 'failed_count:sum', 'duration:sum'],
                [('id', 'in', runs.ids)],
            ),
            [
                ('create_orders', '2027-01-01 00:00:00', 2, 2, 0, 0, 3.0),
                # The one that failed is left out of the second run of the day.
                ('create_orders', '2027-02-01 00:00:00', 2, 1, 0, 1, 9.0),
            ],
        )


@tagged('post_install', '-at_install')
class TestReportViews(ReportCase):
    def test_each_action_opens_with_its_filters_groups_and_measures(self):
        for name in ('forecast_report', 'retention_report', 'revenue_report', 'cancellation_report', 'job_health'):
            action = self.env.ref(f'continuity_program.continuity_{name}_action')
            model = self.env[action.res_model]
            search = etree.fromstring(model.get_view(view_type='search')['arch'])
            filters = {node.get('name'): node for node in search.iter('filter')}
            context = literal_eval(action.context)
            domains = [literal_eval(node.get('domain')) for node in filters.values() if node.get('domain')]
            groups = [literal_eval(node.get('context'))['group_by'] for node in filters.values() if node.get('context')]
            with self.subTest(name):
                self.assertTrue(context)
                for key in context:
                    self.assertTrue(key == 'pivot_measures' or key.removeprefix('search_default_') in filters, key)
                for domain in domains:
                    self.assertEqual(model.search_count(domain), 0)
                for group in groups:
                    self.assertEqual(model.formatted_read_group([], [group], ['__count']), [])
                for view_type in ('pivot', 'graph'):
                    arch = etree.fromstring(model.get_view(view_type=view_type)['arch'])
                    fields = [node for node in arch.iter('field') if node.get('type') == 'measure']
                    measures = [f"{node.get('name')}:{model._fields[node.get('name')].aggregator}" for node in fields]
                    self.assertEqual(len(model.formatted_read_group([], [], measures or ['__count'])), 1)


@tagged('post_install', '-at_install')
class TestReportAccess(AccessCase):
    REPORTS = (
        'continuity.forecast.report',
        'continuity.retention.report',
        'continuity.revenue.report',
        'continuity.cancellation.report',
    )

    def setUp(self):
        super().setUp()
        # Both end with an agreed shipment, so that all reports tell of them.
        (self.mine | self.theirs)._stop_after(2)

    def _find(self, report, login):
        return self.env[report].with_user(self.users[login]).search([('subscription_id', '!=', False)]).subscription_id

    def test_salespeople_with_own_documents_see_theirs_only(self):
        for report in self.REPORTS:
            with self.subTest(report):
                self.assertEqual(self._find(report, 'own'), self.mine.with_user(self.users['own']))

    def test_those_who_see_all_orders_see_all(self):
        for report in self.REPORTS:
            for login in ('all', 'manager', 'accountant', 'auditor'):
                with self.subTest(report=report, login=login):
                    self.assertEqual(self._find(report, login).ids, (self.mine | self.theirs).ids)

    def test_nobody_else_sees_any(self):
        for report in self.REPORTS:
            for login in ('portal', 'internal'):
                with self.subTest(report=report, login=login), self.assertRaises(AccessError):
                    self.env[report].with_user(self.users[login]).search([])

    def test_another_company_sees_nothing(self):
        other = self.env['res.company'].create({'name': "Other Books"})
        manager = self.users['manager']
        manager.write({'company_ids': [Command.link(other.id)]})
        for report in self.REPORTS:
            with self.subTest(report):
                model = self.env[report].with_user(manager).with_context(allowed_company_ids=other.ids)
                self.assertFalse(model.search([]))

    def test_a_row_opens_its_subscription(self):
        for report in self.REPORTS:
            row = self.env[report].with_user(self.users['own']).search(Domain('subscription_id', '!=', False), limit=1)
            with self.subTest(report):
                action = row.action_view_subscription()
                self.assertEqual((action['res_model'], action['res_id']), ('continuity.subscription', self.mine.id))
