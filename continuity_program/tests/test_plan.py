from freezegun import freeze_time

from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged

from .common import day
from .common_plan import PlanCase


@tagged('post_install', '-at_install')
class TestRoutes(PlanCase):
    def test_order_created_with_the_product(self):
        order = self._create_order()

        subscription = order.continuity_subscription_ids
        self.assertEqual(subscription.state, 'draft')
        self.assertEqual(self._get_plan(subscription), self.THREE_BOOKS)
        self.assertEqual(order.continuity_role, 'parent')
        self.assertEqual(subscription.order_line_id, order.order_line)
        self.assertRecordValues(
            subscription,
            [
                {
                    'partner_id': self.customer.id,
                    'partner_shipping_id': self.customer.id,
                    'program_id': self.program.id,
                    'product_id': self.membership.id,
                    'currency_id': order.currency_id.id,
                    'company_id': order.company_id.id,
                    'start_event': 1,
                    'anchor_date': day('2027-01-01'),
                    'payment_method': 'on_account',
                }
            ],
        )

    def test_line_added_to_a_quotation(self):
        order = self._create_order(self.books[9])
        self.assertFalse(order.continuity_role)

        order.order_line = [Command.create({'product_id': self.membership.id})]

        self.assertEqual(order.continuity_role, 'parent')
        self.assertEqual(self._get_plan(order.continuity_subscription_ids), self.THREE_BOOKS)

    def test_line_created_by_itself(self):
        order = self._create_order(self.books[9])

        line = self._as_of()['sale.order.line'].create({'order_id': order.id, 'product_id': self.membership.id})

        self.assertEqual(self._get_plan(line.continuity_subscription_ids), self.THREE_BOOKS)

    def test_line_added_to_a_confirmed_order_runs_at_once(self):
        order = self._create_order(self.books[9])
        order.action_confirm()

        order.with_env(self._as_of(day('2027-01-20'))).order_line = [Command.create({'product_id': self.membership.id})]

        subscription = order.continuity_subscription_ids
        self.assertEqual(subscription.state, 'running')
        self.assertEqual(self._get_dates(subscription), ['2027-01-20', '2027-02-20', '2027-03-20'])
        self.assertEqual(order.continuity_role, 'parent')
        self.assertEqual(order.picking_ids.move_ids.product_id, self.books[9])

    def test_form(self):
        with Form(self._as_of()['sale.order']) as form:
            form.partner_id = self.customer
            with form.order_line.new() as line:
                line.product_id = self.membership
            form.save()
            self.assertEqual(len(form.record.continuity_subscription_ids.line_ids), 3)
            with form.order_line.new() as line:
                line.product_id = self.books[9]

        self.assertEqual(len(form.record.continuity_subscription_ids), 1)
        self.assertEqual(len(form.record.continuity_subscription_ids.line_ids), 3)
        self.assertEqual(form.record.order_line.mapped('price_unit'), [0.0, 29.0])

    def test_quotation_template(self):
        template = self.env['sale.order.template'].create(
            {
                'name': "New Member",
                'sale_order_template_line_ids': [
                    Command.create({'product_id': self.membership.id, 'product_uom_qty': 2}),
                    Command.create({'product_id': self.books[9].id}),
                ],
            }
        )
        self.env.user.group_ids += self.env.ref('sale_management.group_sale_order_template')
        with Form(self._as_of()['sale.order']) as form:
            form.partner_id = self.customer
            form.sale_order_template_id = template

        subscription = form.record.continuity_subscription_ids
        self.assertEqual(subscription.quantity, 2)
        self.assertEqual(subscription.line_ids.mapped('quantity'), [2.0, 2.0, 2.0])

    def test_optional_line_of_a_quotation_template_has_a_plan_once_it_is_chosen(self):
        template = self.env['sale.order.template'].create(
            {
                'name': "New Member",
                'sale_order_template_line_ids': [
                    Command.create({'product_id': self.books[9].id}),
                    Command.create({'name': "Options", 'display_type': 'line_section', 'is_optional': True}),
                    Command.create({'product_id': self.membership.id, 'product_uom_qty': 0}),
                ],
            }
        )
        self.env.user.group_ids += self.env.ref('sale_management.group_sale_order_template')
        with Form(self._as_of()['sale.order']) as form:
            form.partner_id = self.customer
            form.sale_order_template_id = template
        order = form.record
        self.assertEqual(order.order_line.product_id, self.books[9] + self.membership)

        order.order_line[-1].product_uom_qty = 1

        self.assertEqual(len(order.continuity_subscription_ids.line_ids), 3)
        self.assertEqual(order.continuity_subscription_ids.line_ids.mapped('quantity'), [1.0, 1.0, 1.0])

    def test_optional_line_not_chosen_does_not_run(self):
        order = self._create_order(self.books[9])
        order.order_line = [Command.create({'product_id': self.membership.id, 'product_uom_qty': 0})]

        order.action_confirm()

        self.assertEqual(order.state, 'sale')
        self.assertNotIn('running', order.continuity_subscription_ids.mapped('state'))

    def test_import_of_an_order(self):
        result = (
            self._as_of()['sale.order']
            .with_context(import_file=True)
            .load(
                ['partner_id', 'order_line/product_id', 'order_line/product_uom_qty'],
                [["Ann Archer", "Book Club Membership", '3'], ['', "Book 10", '1']],
            )
        )

        self.assertEqual(result['messages'], [])
        subscription = self.env['sale.order'].browse(result['ids']).continuity_subscription_ids
        self.assertEqual(subscription.line_ids.mapped('quantity'), [3.0, 3.0, 3.0])

    @freeze_time('2027-01-01 12:00:00')
    def test_a_plain_salesperson_sells_and_takes_back(self):
        user = new_test_user(self.env, 'sally', groups='sales_team.group_sale_salesman')
        order = (
            self.env['sale.order']
            .with_user(user)
            .create(
                {'partner_id': self.customer.id, 'order_line': [Command.create({'product_id': self.membership.id})]}
            )
        )
        subscription = order.continuity_subscription_ids
        self.assertEqual(self._get_plan(subscription), self.THREE_BOOKS)
        subscription.start_date = day('2027-01-15')
        subscription.line_ids[2].price_unit = 5.0

        order.order_line.product_uom_qty = 2
        self.assertEqual(self._get_dates(subscription), ['2027-01-15', '2027-02-15', '2027-03-15'])
        self.assertEqual(subscription.line_ids.mapped('price_total'), [44.0, 46.2, 11.0])

        order.order_line.unlink()
        self.assertFalse(subscription.exists())

        order.order_line = [Command.create({'product_id': self.membership.id})]
        order.action_confirm()
        self.assertEqual(order.continuity_subscription_ids.state, 'running')

    def test_copy_of_an_order_has_a_plan_of_its_own(self):
        subscription = self._sell(self.program)
        subscription.line_ids[1].price_unit = 3.0
        self._run_job('create_orders', day('2027-02-01'))

        copy = subscription.order_id.with_env(self._as_of(day('2027-05-10'))).copy()

        copied = copy.continuity_subscription_ids
        self.assertEqual(len(copied), 1)
        self.assertNotEqual(copied, subscription)
        self.assertNotEqual(copied.name, subscription.name)
        self.assertEqual(copied.state, 'draft')
        self.assertEqual(
            self._get_plan(copied),
            [
                (1, '2027-05-10', "Book 1", 'planned'),
                (2, '2027-06-10', "Book 2", 'planned'),
                (3, '2027-07-10', "Book 3", 'planned'),
            ],
        )
        self.assertEqual(copied.line_ids.mapped('price_unit'), [20.0, 21.0, 22.0])
        self.assertFalse(copy.continuity_child_ids)
        self.assertEqual(copy.continuity_role, 'parent')
        self.assertEqual(len(subscription.line_ids), 3)

    def test_copy_of_a_child_order_is_an_ordinary_order(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')

        copy = subscription.child_order_ids.copy()
        copy.action_confirm()

        self.assertFalse(copy.continuity_role)
        self.assertFalse(copy.order_line.continuity_line_id)
        self.assertFalse(copy.continuity_subscription_ids)
        self.assertEqual(copy.order_line.qty_to_invoice, 0)
        self.assertEqual(copy.picking_ids.move_ids.product_id, self.books[0])

    def test_second_parent_line_has_its_own_plan(self):
        tea = self._create_program([{'product_id': self.books[7].id, 'repeat_count': 2}], name="Tea Club")
        order = self._create_order(self.membership + self._create_parent_product(tea))

        books, teas = order.continuity_subscription_ids.sorted('id')

        self.assertEqual(self._get_plan(books), self.THREE_BOOKS)
        self.assertEqual(
            self._get_plan(teas), [(1, '2027-01-01', "Book 8", 'planned'), (2, '2027-02-01', "Book 8", 'planned')]
        )
        books.start_date = day('2027-01-10')
        self.assertEqual(self._get_dates(teas), ['2027-01-01', '2027-02-01'])

    def test_same_program_twice_on_one_order(self):
        order = self._create_order(self.membership + self.membership)
        order.action_confirm()

        run = self._run_job('create_orders')

        self.assertEqual(order.continuity_subscription_ids.mapped('state'), ['running', 'running'])
        self.assertEqual(run.done_count, 2)
        self.assertEqual(len(order.continuity_child_ids), 2)

    def test_child_order_never_makes_a_subscription(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')
        child = subscription.child_order_ids

        child.order_line = [Command.create({'product_id': self.membership.id})]

        self.assertFalse(child.continuity_subscription_ids)
        self.assertEqual(child.continuity_role, 'child')
        self.assertEqual(self.program.subscription_ids, subscription)

    def test_role_of_the_orders(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')

        self.assertEqual(subscription.order_id.continuity_role, 'parent')
        self.assertEqual(subscription.order_id.continuity_child_ids.mapped('continuity_role'), ['child'])
        subscription.order_id.action_cancel()
        self.assertEqual(subscription.order_id.continuity_role, 'parent')

    def test_role_goes_with_the_last_continuity_line(self):
        order = self._create_order()

        order.order_line.unlink()

        self.assertFalse(order.continuity_role)


@tagged('post_install', '-at_install')
class TestDates(PlanCase):
    def test_start_date_begins_the_plan(self):
        subscription = self._sell(self.program, start_date=day('2027-01-31'))

        self.assertEqual(self._get_dates(subscription), ['2027-01-31', '2027-02-28', '2027-03-31'])

    def test_start_date_in_the_past_becomes_today(self):
        subscription = self._sell(self.program, start_date=day('2026-06-15'))

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-03-01'])

    def test_emptied_start_date_goes_by_the_order_again(self):
        subscription = self._sell(self.program, confirm=False, start_date=day('2027-01-31'))

        subscription.start_date = False

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-03-01'])

    def test_days_after_order(self):
        program = self._create_program(2, days_after_order=5)

        self.assertEqual(self._get_dates(self._sell(program)), ['2027-01-06', '2027-02-06'])
        self.assertEqual(
            self._get_dates(self._sell(program, start_date=day('2027-03-01'))), ['2027-03-06', '2027-04-06']
        )

    def test_end_of_month_stays_at_the_end(self):
        events = [{}] * 4
        staying = self._sell(self._create_program(events, end_of_month=True), start_date=day('2027-02-28'))
        other = self._sell(self._create_program(events), start_date=day('2027-02-28'))

        self.assertEqual(self._get_dates(staying), ['2027-02-28', '2027-03-31', '2027-04-30', '2027-05-31'])
        self.assertEqual(self._get_dates(other), ['2027-02-28', '2027-03-28', '2027-04-28', '2027-05-28'])

    def test_dates_do_not_drift_after_a_short_month(self):
        subscription = self._sell(self._create_program(5), start_date=day('2027-12-31'))

        self.assertEqual(
            self._get_dates(subscription), ['2027-12-31', '2028-01-31', '2028-02-29', '2028-03-31', '2028-04-30']
        )

    def test_intervals_of_every_unit(self):
        program = self._create_program(
            [
                {'interval_number': 99, 'interval_unit': 'year'},
                {'interval_number': 10, 'interval_unit': 'day'},
                {'interval_number': 2, 'interval_unit': 'week'},
                {'interval_number': 1, 'interval_unit': 'month'},
                {'interval_number': 1, 'interval_unit': 'year'},
            ]
        )

        self.assertEqual(
            self._get_dates(self._sell(program)),
            ['2027-01-01', '2027-01-11', '2027-01-25', '2027-02-25', '2028-02-25'],
        )

    def test_event_without_interval_ships_on_the_day_of_the_one_before(self):
        program = self._create_program([{}, {'interval_number': 0}, {}])

        self.assertEqual(
            self._get_shipments(self._sell(program)),
            [(1, '2027-01-01', 1), (2, '2027-01-01', 2), (3, '2027-02-01', 3)],
        )

    def test_repeats_fall_between_the_events(self):
        program = self._create_program([{'repeat_count': 3, 'interval_unit': 'week'}, {}])

        self.assertEqual(
            self._get_shipments(self._sell(program)),
            [(1, '2027-01-01', 1), (2, '2027-01-08', 1), (3, '2027-01-15', 1), (4, '2027-02-15', 2)],
        )

    def test_fixed_date_in_a_relative_program_is_a_new_anchor(self):
        program = self._create_program([{}, {'start_date': day('2027-04-20')}, {}])

        self.assertEqual(self._get_dates(self._sell(program)), ['2027-01-01', '2027-04-20', '2027-05-20'])

    def test_quotation_is_planned_from_the_order_date(self):
        subscription = self._sell(self.program, confirm=False)

        subscription.order_id.date_order = '2027-01-20 12:00:00'

        self.assertEqual(self._get_dates(subscription), ['2027-01-20', '2027-02-20', '2027-03-20'])

    def test_confirmation_plans_from_its_day(self):
        subscription = self._sell(self.program, confirm=False)

        subscription.order_id.with_env(self._as_of(day('2027-01-10'))).action_confirm()

        self.assertEqual(self._get_dates(subscription), ['2027-01-10', '2027-02-10', '2027-03-10'])
        self.assertEqual(subscription.anchor_date, day('2027-01-10'))
        self.assertEqual(subscription.next_date, day('2027-01-10'))

    def test_confirmation_keeps_a_start_date(self):
        subscription = self._sell(self.program, confirm=False, start_date=day('2027-01-31'))

        subscription.order_id.with_env(self._as_of(day('2027-01-10'))).action_confirm()

        self.assertEqual(self._get_dates(subscription), ['2027-01-31', '2027-02-28', '2027-03-31'])

    def test_confirmation_keeps_what_was_changed_by_hand(self):
        subscription = self._sell(self.program, confirm=False)
        subscription.line_ids[1].write({'date_planned': day('2027-02-14'), 'price_unit': 9.5})

        subscription.order_id.with_env(self._as_of(day('2027-01-10'))).action_confirm()

        self.assertEqual(self._get_dates(subscription), ['2027-01-10', '2027-02-14', '2027-03-10'])
        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 9.5, 22.0])

    @freeze_time('2027-01-01 13:00:00')
    def test_day_is_that_of_the_company(self):
        self.company.partner_id.tz = 'Pacific/Auckland'
        order = self.env['sale.order'].create(
            {'partner_id': self.customer.id, 'order_line': [Command.create({'product_id': self.membership.id})]}
        )
        order.action_confirm()

        self.assertEqual(self._get_dates(order.continuity_subscription_ids), ['2027-01-02', '2027-02-02', '2027-03-02'])

    @freeze_time('2027-01-01 13:00:00')
    def test_day_of_a_run_is_honoured_for_the_superuser_only(self):
        user = new_test_user(self.env, 'sally', groups='sales_team.group_sale_salesman')
        order = (
            self.env['sale.order']
            .with_user(user)
            .with_context(continuity_as_of='2030-05-05')
            .create(
                {'partner_id': self.customer.id, 'order_line': [Command.create({'product_id': self.membership.id})]}
            )
        )

        self.assertEqual(self._get_dates(order.continuity_subscription_ids)[0], '2027-01-01')
