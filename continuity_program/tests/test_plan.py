from datetime import datetime

from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import Form, new_test_user, tagged

from .common import ContinuityCase, day


class PlanCase(ContinuityCase):
    THREE_BOOKS = [
        (1, '2027-01-01', "Book 1", 'planned'),
        (2, '2027-02-01', "Book 2", 'planned'),
        (3, '2027-03-01', "Book 3", 'planned'),
    ]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = cls._create_program(3)
        cls.membership = cls._create_parent_product(cls.program)

    def _create_calendar_program(self, count=6, **values):
        """Return a program with an event on the 5th of each month from November 2026."""
        return self._create_program([{'start_date': day('2026-11-05')}, *([{}] * (count - 1))], **values)

    def _create_order(self, products=None, on=None, **values):
        """Return a quotation of products, by default the membership."""
        return self._as_of(on)['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'date_order': datetime.combine(on or self.today, datetime.min.time()).replace(hour=12),
                'order_line': [Command.create({'product_id': product.id}) for product in products or self.membership],
                **values,
            }
        )

    def _get_shipments(self, subscription):
        """Return (shipment no., day, event ID) of each planned line."""
        return [
            (line.event_number, str(line.date_planned), line.program_event_number)
            for line in subscription.line_ids.sorted(
                lambda line: (line.event_number, line.program_event_number, line.occurrence)
            )
        ]


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


@tagged('post_install', '-at_install')
class TestJoining(PlanCase):
    def test_missed_events_in_one_order(self):
        subscription = self._sell(self._create_calendar_program(5))

        self.assertEqual(
            self._get_shipments(subscription),
            [
                (1, '2027-01-01', 1),
                (1, '2027-01-01', 2),
                (2, '2027-01-05', 3),
                (3, '2027-02-05', 4),
                (4, '2027-03-05', 5),
            ],
        )
        self.assertEqual(subscription.shipment_count, 4)
        self.assertEqual(self._run_job('create_orders').done_count, 1)
        self.assertEqual(subscription.child_order_ids.order_line.product_id, self.books[:2])

    def test_missed_events_each_in_its_own_order(self):
        subscription = self._sell(self._create_calendar_program(4, missed_event_policy='each'))

        self.assertEqual(
            self._get_shipments(subscription),
            [(1, '2027-01-01', 1), (2, '2027-01-01', 2), (3, '2027-01-05', 3), (4, '2027-02-05', 4)],
        )
        self.assertEqual(self._run_job('create_orders').done_count, 2)

    def test_missed_events_not_sent(self):
        subscription = self._sell(self._create_calendar_program(4, missed_event_policy='skip'))

        self.assertEqual(self._get_shipments(subscription), [(1, '2027-01-05', 3), (2, '2027-02-05', 4)])
        self.assertEqual(subscription.start_event, 3)

    def test_event_of_the_joining_day_is_not_missed(self):
        program = self._create_calendar_program(4, missed_event_policy='skip')

        subscription = self._sell(program, on=day('2027-01-05'))

        self.assertEqual(self._get_shipments(subscription), [(1, '2027-01-05', 3), (2, '2027-02-05', 4)])

    def test_current_start_begins_with_the_running_event_on_the_joining_day(self):
        program = self._create_calendar_program(5, order_start='current')

        subscription = self._sell(program, on=day('2027-01-15'))

        self.assertEqual(
            self._get_shipments(subscription), [(1, '2027-01-15', 3), (2, '2027-02-05', 4), (3, '2027-03-05', 5)]
        )
        self.assertEqual(subscription.start_event, 3)

    def test_current_start_before_the_first_event_is_the_first_event(self):
        program = self._create_program([{'start_date': day('2027-06-05')}, {}], order_start='current')

        self.assertEqual(self._get_shipments(self._sell(program)), [(1, '2027-06-05', 1), (2, '2027-07-05', 2)])

    def test_current_start_after_the_last_event_is_the_last_event(self):
        program = self._create_calendar_program(2, order_start='current')

        self.assertEqual(self._get_shipments(self._sell(program)), [(1, '2027-01-01', 2)])

    def test_current_start_within_repeats_is_the_running_occurrence(self):
        program = self._create_program(
            [{'start_date': day('2026-11-05'), 'repeat_count': 4}, {}], order_start='current'
        )

        subscription = self._sell(program)

        self.assertEqual(
            [(line.occurrence, str(line.date_planned)) for line in subscription.line_ids],
            [(2, '2027-01-01'), (3, '2027-01-05'), (4, '2027-02-05'), (1, '2027-03-05')],
        )

    def test_start_date_is_the_joining_day(self):
        program = self._create_calendar_program(5, order_start='current')

        subscription = self._sell(program, start_date=day('2027-02-10'))

        self.assertEqual(self._get_shipments(subscription), [(1, '2027-02-10', 4), (2, '2027-03-05', 5)])

    def test_current_equals_first_in_a_relative_program(self):
        subscription = self._sell(self.program, order_start='current')

        self.assertEqual(self._get_plan(subscription), self.THREE_BOOKS)

    def test_order_start_is_chosen_on_the_page(self):
        subscription = self._sell(self._create_calendar_program(4), confirm=False)
        self.assertEqual(subscription.line_ids.mapped('program_event_number'), [1, 2, 3, 4])

        subscription.order_start = 'current'
        self.assertEqual(
            self._get_shipments(subscription), [(1, '2027-01-01', 2), (2, '2027-01-05', 3), (3, '2027-02-05', 4)]
        )

        subscription.order_start = 'first'
        self.assertEqual(
            self._get_shipments(subscription),
            [(1, '2027-01-01', 1), (1, '2027-01-01', 2), (2, '2027-01-05', 3), (3, '2027-02-05', 4)],
        )

    def test_page_shows_the_plan_made_again_in_its_order(self):
        subscription = self._sell(self._create_calendar_program(4, missed_event_policy='each'), confirm=False)
        subscription.order_start = 'current'
        subscription.invalidate_recordset()

        [values] = subscription.web_save(
            {'order_start': 'first'}, {'line_ids': {'fields': {'program_event_number': {}}}}
        )

        self.assertEqual([line['program_event_number'] for line in values['line_ids']], [1, 2, 3, 4])

    def test_start_event_is_chosen_on_the_page(self):
        subscription = self._sell(self.program, confirm=False)

        subscription.start_event = 2
        self.assertEqual(self._get_shipments(subscription), [(1, '2027-01-01', 2), (2, '2027-02-01', 3)])

        subscription.order_id.action_confirm()
        self.assertEqual(self._get_shipments(subscription), [(1, '2027-01-01', 2), (2, '2027-02-01', 3)])

    def test_start_event_taken_back(self):
        subscription = self._sell(self.program, confirm=False, start_event=2)

        subscription.start_event = 0

        self.assertEqual(self._get_plan(subscription), self.THREE_BOOKS)
        self.assertEqual(subscription.start_event, 1)

    def test_chosen_start_event_of_a_calendar_program(self):
        program = self._create_calendar_program(5)

        self.assertEqual(
            self._get_shipments(self._sell(program, start_event=4)), [(1, '2027-02-05', 4), (2, '2027-03-05', 5)]
        )
        self.assertEqual(
            self._get_shipments(self._sell(program, start_event=2))[:2], [(1, '2027-01-01', 2), (2, '2027-01-05', 3)]
        )

    def test_start_event_that_is_not_sent_is_refused(self):
        subscription = self._sell(self.program, confirm=False)

        with self.assertRaisesRegex(UserError, "cannot start with event 7: program Book Club sends the events 1, 2, 3"):
            subscription.start_event = 7


@tagged('post_install', '-at_install')
class TestEventCount(PlanCase):
    def test_bought_count_cuts_the_plan(self):
        product = self._create_parent_product(self.program, continuity_event_count=2)

        subscription = self._sell(self.program, product=product)

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01'])
        self.assertEqual((subscription.shipment_count, subscription.occurrences_left), (2, 0))

    def test_one_program_backs_products_of_several_sizes(self):
        program = self._create_program(12)
        counts = []
        for bought in (3, 6, 12):
            product = self._create_parent_product(program, continuity_event_count=bought)
            counts.append(len(self._sell(program, product=product).line_ids))

        self.assertEqual(counts, [3, 6, 12])

    def test_bought_count_counts_from_the_start_event(self):
        product = self._create_parent_product(self.program, continuity_event_count=2)

        subscription = self._sell(self.program, product=product, start_event=2)

        self.assertEqual(self._get_shipments(subscription), [(1, '2027-01-01', 2), (2, '2027-02-01', 3)])

    def test_bought_count_counts_occurrences(self):
        program = self._create_program([{'repeat_count': 2}, {'repeat_count': 5}])
        product = self._create_parent_product(program, continuity_event_count=3)

        self.assertEqual(
            self._get_shipments(self._sell(program, product=product)),
            [(1, '2027-01-01', 1), (2, '2027-02-01', 1), (3, '2027-03-01', 2)],
        )

    def test_lines_that_share_an_event_id_count_once(self):
        program = self._create_program([{'event_number': number} for number in (1, 1, 2, 2, 3)])
        product = self._create_parent_product(program, continuity_event_count=2)

        subscription = self._sell(program, product=product)

        self.assertEqual(
            self._get_plan(subscription),
            [
                (1, '2027-01-01', "Book 1", 'planned'),
                (1, '2027-01-01', "Book 2", 'planned'),
                (2, '2027-02-01', "Book 3", 'planned'),
                (2, '2027-02-01', "Book 4", 'planned'),
            ],
        )
        self.assertEqual((subscription.shipment_count, subscription.missing_event_count), (2, 0))

    def test_bought_count_limits_what_goes_on_until_cancelled(self):
        program = self._create_program([{'repeat_forever': True}])
        product = self._create_parent_product(program, continuity_event_count=20)

        subscription = self._sell(program, product=product)

        self.assertEqual(len(subscription.line_ids), 12)
        self.assertEqual((subscription.shipment_count, subscription.occurrences_left), (20, 8))

    def test_missed_events_sent_count_as_bought(self):
        program = self._create_calendar_program(6)
        product = self._create_parent_product(program, continuity_event_count=3)

        self.assertEqual(
            self._get_shipments(self._sell(program, product=product)),
            [(1, '2027-01-01', 1), (1, '2027-01-01', 2), (2, '2027-01-05', 3)],
        )

    def test_missed_events_not_sent_do_not_count_as_bought(self):
        program = self._create_calendar_program(6, missed_event_policy='skip')
        product = self._create_parent_product(program, continuity_event_count=3)

        self.assertEqual(
            self._get_shipments(self._sell(program, product=product)),
            [(1, '2027-01-05', 3), (2, '2027-02-05', 4), (3, '2027-03-05', 5)],
        )

    def test_fewer_events_than_bought_are_a_warning(self):
        product = self._create_parent_product(self.program, continuity_event_count=5)
        subscription = self._sell(self.program, product=product, confirm=False)

        self.assertIn(
            "Book Club Membership buys 5 events, but from the start event on program Book Club has 2 fewer.",
            subscription.warning,
        )

        subscription.order_id.action_confirm()
        self.assertEqual(subscription.state, 'running')

    def test_fewer_events_than_bought_are_refused_when_billed_upfront(self):
        product = self._create_parent_product(self.program, continuity_event_count=5)
        subscription = self._sell(self.program, product=product, confirm=False, bill_upfront=True)

        with self.assertRaisesRegex(UserError, "buys 5 events, .* has 2 fewer"):
            subscription.order_id.action_confirm()

        self.assertEqual((subscription.state, subscription.order_id.state), ('draft', 'draft'))

    def test_enough_events_are_no_warning(self):
        product = self._create_parent_product(self.program, continuity_event_count=3)

        self.assertFalse(self._sell(self.program, product=product, confirm=False).warning)

    def test_open_ended_program_without_events_left_can_be_sold(self):
        program = self._create_calendar_program(1, open_ended=True, missed_event_policy='skip')

        subscription = self._sell(program)

        self.assertEqual((subscription.state, len(subscription.line_ids)), ('running', 0))

    def test_program_with_nothing_left_to_send_is_refused(self):
        program = self._create_calendar_program(2, missed_event_policy='skip')
        subscription = self._sell(program, confirm=False)

        with self.assertRaisesRegex(UserError, "nothing to send: all events of program Book Club are past"):
            subscription.order_id.action_confirm()


@tagged('post_install', '-at_install')
class TestThreshold(PlanCase):
    def test_until_cancelled_plans_up_to_the_threshold(self):
        self.company.continuity_repeat_threshold = 4
        program = self._create_program([{'repeat_forever': True}])

        subscription = self._sell(program)

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-03-01', '2027-04-01'])
        self.assertEqual((subscription.shipment_count, subscription.occurrences_left), (0, -1))

    def test_long_repeats_plan_up_to_the_threshold(self):
        self.company.continuity_repeat_threshold = 4
        program = self._create_program([{'repeat_count': 6}, {}])

        subscription = self._sell(program)

        self.assertEqual(len(subscription.line_ids), 4)
        self.assertEqual((subscription.shipment_count, subscription.occurrences_left), (7, 3))

    def test_billed_upfront_plans_everything(self):
        self.company.continuity_repeat_threshold = 4
        program = self._create_program([{'repeat_count': 6}, {}], bill_upfront=True)

        subscription = self._sell(program)

        self.assertEqual(len(subscription.line_ids), 7)
        self.assertEqual((subscription.shipment_count, subscription.occurrences_left), (7, 0))

    def test_single_events_know_no_threshold(self):
        self.company.continuity_repeat_threshold = 1

        self.assertEqual(len(self._sell(self._create_program(12)).line_ids), 12)


@tagged('post_install', '-at_install')
class TestReplan(PlanCase):
    def test_quantity_of_the_order_line_multiplies_the_plan(self):
        subscription = self._sell(self._create_program([{'quantity': 2}, {}]), confirm=False)

        subscription.order_id.order_line.product_uom_qty = 3

        self.assertEqual(subscription.quantity, 3)
        self.assertEqual(subscription.line_ids.mapped('quantity'), [6.0, 3.0])

    def test_what_a_line_costs_is_of_the_quantity_it_has(self):
        """A quarter, two and a half times: stored with two decimals, and priced so, as the child order will be."""
        self.books[0].list_price = 100.0
        program = self._create_program([{'quantity': 0.25}])
        subscription = self._sell(program, quantity=2.5)

        line = subscription.line_ids
        self.assertEqual((line.quantity, line.price_subtotal, line.price_total), (0.63, 63.0, 69.3))
        self._run_job('create_orders')
        self.assertEqual(subscription.child_order_ids.amount_untaxed, 63.0)

    def test_quantity_of_the_subscription_goes_to_the_order_line(self):
        subscription = self._sell(self.program, confirm=False)

        subscription.quantity = 4

        self.assertEqual(subscription.order_line_id.product_uom_qty, 4)
        self.assertEqual(subscription.line_ids.mapped('quantity'), [4.0, 4.0, 4.0])

    def test_quantity_is_counted_in_the_products_own_unit(self):
        dozen = self.env.ref('uom.product_uom_dozen')
        subscription = self._sell(self.program, confirm=False, line={'product_uom_id': dozen.id})

        self.assertEqual(subscription.quantity, 12)
        self.assertEqual(subscription.line_ids.mapped('quantity'), [12.0, 12.0, 12.0])

    def test_other_unit_on_the_order_line(self):
        subscription = self._sell(self.program, confirm=False)

        subscription.order_line_id.product_uom_id = self.env.ref('uom.product_uom_dozen')

        self.assertEqual(subscription.line_ids.mapped('quantity'), [12.0, 12.0, 12.0])

    def test_other_parent_product_makes_its_own_plan(self):
        other = self._create_program([{'product_id': self.books[7].id}], name="Tea Club")
        tea = self._create_parent_product(other)
        order = self._create_order()
        order.continuity_subscription_ids.start_date = day('2027-05-01')

        order.order_line.product_id = tea

        self.assertEqual(len(order.continuity_subscription_ids), 1)
        self.assertEqual(order.continuity_subscription_ids.program_id, other)
        self.assertEqual(self._get_plan(order.continuity_subscription_ids), [(1, '2027-01-01', "Book 8", 'planned')])

    def test_other_size_of_the_same_program(self):
        order = self._create_order()
        small = self._create_parent_product(self.program, continuity_event_count=1)

        order.order_line.product_id = small

        self.assertEqual(self._get_plan(order.continuity_subscription_ids), self.THREE_BOOKS[:1])
        self.assertEqual(self.env['continuity.line'].search_count([('program_id', '=', self.program.id)]), 1)

    def test_ordinary_product_instead_takes_the_plan_away(self):
        order = self._create_order()
        subscription = order.continuity_subscription_ids

        order.order_line.product_id = self.books[9]

        self.assertFalse(subscription.exists())
        self.assertFalse(order.continuity_role)
        self.assertEqual(order.order_line.price_unit, 29.0)

    def test_continuity_product_instead_of_an_ordinary_one_makes_a_plan(self):
        order = self._create_order(self.books[9])

        order.order_line.product_id = self.membership

        self.assertEqual(self._get_plan(order.continuity_subscription_ids), self.THREE_BOOKS)
        self.assertEqual(order.order_line.price_unit, 0.0)

    def test_delivery_address_of_the_quotation(self):
        gift = self.env['res.partner'].create({'name': "Bob Baker"})
        subscription = self._sell(self.program, confirm=False)

        subscription.order_id.partner_shipping_id = gift

        self.assertEqual(subscription.partner_shipping_id, gift)
        subscription.order_id.action_confirm()
        self._run_job('create_orders')
        self.assertEqual(subscription.child_order_ids.partner_shipping_id, gift)

    def test_delivery_address_of_the_subscription(self):
        gift = self.env['res.partner'].create({'name': "Bob Baker"})
        subscription = self._sell(self.program, partner_shipping_id=gift.id)
        self._run_job('create_orders')

        self.assertEqual(subscription.order_id.partner_shipping_id, self.customer)
        self.assertEqual(subscription.child_order_ids.partner_shipping_id, gift)
        self.assertEqual(subscription.child_order_ids.partner_invoice_id, self.customer)

    def test_running_plan_is_not_sent_elsewhere_by_the_order(self):
        gift = self.env['res.partner'].create({'name': "Bob Baker"})
        subscription = self._sell(self.program)

        subscription.order_id.partner_shipping_id = gift

        self.assertEqual(subscription.partner_shipping_id, self.customer)

    def test_other_customer_on_the_quotation(self):
        gift = self.env['res.partner'].create({'name': "Bob Baker"})
        subscription = self._sell(self.program, confirm=False)

        subscription.order_id.partner_id = gift

        self.assertRecordValues(
            subscription,
            [{'partner_id': gift.id, 'partner_shipping_id': gift.id, 'partner_invoice_id': gift.id}],
        )
        self.assertEqual(subscription.line_ids.partner_id, gift)

    def test_changed_values_stay(self):
        subscription = self._sell(self.program, confirm=False)
        first, second, third = subscription.line_ids
        first.price_unit = 15.0
        second.date_planned = day('2027-02-20')
        third.write({'product_id': self.books[9].id, 'quantity': 2})

        subscription.start_date = day('2027-01-10')

        self.assertEqual(subscription.line_ids, first + second + third)
        self.assertEqual(self._get_dates(subscription), ['2027-01-10', '2027-02-20', '2027-03-10'])
        self.assertEqual(subscription.line_ids.mapped('price_unit'), [15.0, 21.0, 29.0])
        self.assertEqual(subscription.line_ids.mapped('quantity'), [1.0, 1.0, 2.0])
        self.assertEqual(third.product_id, self.books[9])
        self.assertEqual(subscription.amount_total, 103.4)

    def test_changed_values_are_shown(self):
        first, second, third = self._sell(self.program, confirm=False).line_ids
        first.discount = 10
        second.date_planned = day('2027-02-20')
        third.product_id = self.books[9]

        names = ['price_overridden', 'date_overridden', 'is_substituted', 'quantity_overridden']
        self.assertEqual(
            [[line[name] for name in names] for line in (first, second, third)],
            [[True, False, False, False], [False, True, False, False], [False, False, True, False]],
        )

    def test_substituted_product_takes_its_own_price(self):
        line = self._sell(self.program, confirm=False).line_ids[0]

        line.product_id = self.books[9]

        self.assertEqual((line.price_unit, line.price_total), (29.0, 31.9))

    def test_price_and_substitution_together_keep_the_price(self):
        subscription = self._sell(self.program, confirm=False)

        subscription.line_ids[0].write({'product_id': self.books[9].id, 'price_unit': 1.0})
        subscription.start_date = day('2027-01-10')

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [1.0, 21.0, 22.0])

    def test_other_quantity_leaves_a_changed_quantity(self):
        subscription = self._sell(self.program, confirm=False)
        subscription.line_ids[1].quantity = 5

        subscription.quantity = 2

        self.assertEqual(subscription.line_ids.mapped('quantity'), [2.0, 5.0, 2.0])

    def test_shipment_joined_by_hand_stays_joined(self):
        subscription = self._sell(self.program, confirm=False)
        subscription.line_ids[1].write({'event_number': 1, 'date_planned': day('2027-01-01')})

        subscription.order_id.action_confirm()
        self._run_job('create_orders')

        self.assertEqual(subscription.child_order_count, 1)
        self.assertEqual(subscription.child_order_ids.order_line.product_id, self.books[:2])

    def test_taxes_changed_by_hand_stay(self):
        subscription = self._sell(self.program, confirm=False)
        subscription.line_ids[0].tax_ids = False

        subscription.start_date = day('2027-01-10')

        self.assertEqual(subscription.line_ids.mapped('price_total'), [20.0, 23.1, 24.2])

    def test_unit_changed_by_hand_stays(self):
        subscription = self._sell(self.program, confirm=False)
        subscription.line_ids[0].product_uom_id = self.env.ref('uom.product_uom_dozen')

        subscription.start_date = day('2027-01-10')

        self.assertEqual(
            [(line.product_uom_id.name, line.price_unit) for line in subscription.line_ids],
            [("Dozens", 240.0), ("Units", 21.0), ("Units", 22.0)],
        )

    def test_one_off_address_stays_and_has_its_own_child(self):
        gift = self.env['res.partner'].create({'name': "Bob Baker"})
        subscription = self._sell(self._create_program([{'event_number': 1}, {'event_number': 1}]), confirm=False)
        subscription.line_ids[1].partner_shipping_id = gift

        subscription.order_id.action_confirm()
        self._run_job('create_orders')

        self.assertEqual(
            subscription.child_order_ids.sorted('id').partner_shipping_id.mapped('name'), ["Ann Archer", "Bob Baker"]
        )

    def test_page_saves_terms_and_changed_lines_together(self):
        subscription = self._sell(self.program, confirm=False)

        with Form(subscription, view='continuity_program.continuity_subscription_view_form_page') as form:
            form.start_date = day('2027-01-10')
            with form.line_ids.edit(1) as line:
                line.price_unit = 5.0
            with form.line_ids.edit(2) as line:
                line.date_planned = day('2027-06-01')

        self.assertEqual(self._get_dates(subscription), ['2027-01-10', '2027-02-10', '2027-06-01'])
        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 5.0, 22.0])

    def test_page_saved_as_it_is_changes_nothing(self):
        subscription = self._sell(self._create_calendar_program(4), confirm=False)
        shipments = self._get_shipments(subscription)

        Form(subscription, view='continuity_program.continuity_subscription_view_form_page').save()
        subscription.order_id.action_confirm()

        self.assertEqual(self._get_shipments(subscription), shipments)
        for name in ('price_overridden', 'date_overridden', 'quantity_overridden', 'is_substituted'):
            self.assertFalse(any(subscription.line_ids.mapped(name)), name)

    def test_line_added_by_hand_is_priced_and_stays(self):
        subscription = self._sell(self.program, confirm=False)
        subscription.line_ids = [
            Command.create({'product_id': self.books[9].id, 'event_number': 2, 'date_planned': day('2027-02-01')})
        ]

        subscription.start_date = day('2027-01-10')

        added = subscription.line_ids.filtered(lambda line: not line.program_event_number)
        self.assertEqual((added.product_id, added.price_total, added.event_number), (self.books[9], 31.9, 2))
        self.assertEqual(len(subscription.line_ids), 4)
        self.assertEqual(subscription.shipment_count, 3)
        self.assertEqual(subscription.amount_total, 101.2)

    def test_line_added_by_hand_without_a_number_is_a_shipment_of_its_own(self):
        subscription = self._sell(self.program)
        subscription.line_ids = [Command.create({'product_id': self.books[9].id, 'date_planned': day('2027-01-01')})]

        self.assertEqual(self._get_plan(subscription)[-1], (4, '2027-01-01', "Book 10", 'planned'))
        self._run_job('create_orders')

        self.assertEqual(
            [child.order_line.product_id.name for child in subscription.child_order_ids.sorted('id')],
            ["Book 1", "Book 10"],
        )

    def test_line_added_by_hand_ships_with_its_shipment(self):
        subscription = self._sell(self.program)
        subscription.line_ids = [
            Command.create({'product_id': self.books[9].id, 'event_number': 1, 'date_planned': day('2027-01-01')})
        ]

        self._run_job('create_orders')

        self.assertEqual(subscription.child_order_ids.order_line.product_id, self.books[0] + self.books[9])

    def test_pricelist_of_the_quotation(self):
        subscription = self._sell(self.program, confirm=False)
        pricelist = self.env['product.pricelist'].create(
            {
                'name': "Half Price",
                'currency_id': subscription.currency_id.id,
                'item_ids': [Command.create({'compute_price': 'percentage', 'percent_price': 50})],
            }
        )

        subscription.order_id.pricelist_id = pricelist

        self.assertEqual(subscription.amount_total, 34.65)
        self.assertEqual(subscription.line_ids.mapped('price_total'), [11.0, 11.55, 12.1])

    def test_update_prices_of_the_quotation(self):
        agreed = self._sell(self.program, confirm=False, price_per_event=12.0)
        subscription = self._sell(self.program, confirm=False)
        subscription.line_ids[2].price_unit = 5.0
        self.books[:3].write({'list_price': 50.0})

        for order in (agreed | subscription).order_id:
            order.action_update_prices()

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [50.0, 50.0, 5.0])
        self.assertEqual(subscription.order_line_id.price_unit, 0.0)
        self.assertEqual(agreed.line_ids.mapped('price_unit'), [12.0, 12.0, 12.0])

    def test_fiscal_position_of_the_quotation(self):
        position = self.env['account.fiscal.position'].create({'name': "Abroad"})
        self.env['account.tax'].create(
            {
                'name': "Tax 20%",
                'amount': 20.0,
                'type_tax_use': 'sale',
                'fiscal_position_ids': [Command.set(position.ids)],
                'original_tax_ids': [Command.set(self.tax.ids)],
            }
        )
        subscription = self._sell(self.program, confirm=False)

        subscription.order_id.fiscal_position_id = position

        self.assertEqual(subscription.line_ids.mapped('price_total'), [24.0, 25.2, 26.4])
        subscription.order_id.action_confirm()
        self._run_job('create_orders')
        self.assertEqual(subscription.child_order_ids.amount_total, 24.0)

    def test_event_count_of_the_product_is_fixed_once_sold(self):
        subscription = self._sell(self.program)

        self.membership.continuity_event_count = 1
        subscription.order_id.partner_invoice_id = self.customer

        self.assertEqual(len(subscription.line_ids), 3)

    def test_bill_upfront_chosen_on_the_page(self):
        subscription = self._sell(self.program, confirm=False)
        self.assertEqual(subscription.order_id.amount_total, 0)

        subscription.bill_upfront = True
        self.assertEqual(subscription.order_id.amount_total, 69.3)

        subscription.bill_upfront = False
        self.assertEqual(subscription.order_id.amount_total, 0)

    def test_running_terms_cannot_be_changed(self):
        subscription = self._sell(self.program)

        for name, value in {
            'start_date': day('2027-05-01'),
            'start_event': 2,
            'order_start': 'current',
            'bill_upfront': True,
        }.items():
            with self.subTest(name), self.assertRaisesRegex(UserError, "is running: its .* cannot be changed"):
                subscription.write({name: value})
        self.assertEqual(self._get_plan(subscription), self.THREE_BOOKS)


@tagged('post_install', '-at_install')
class TestPaymentMethod(PlanCase):
    def test_card_of_the_customer_is_the_default(self):
        token = self._create_token()

        subscription = self._sell(self.program, confirm=False)

        self.assertEqual((subscription.payment_method, subscription.payment_token_id), ('token', token))

    def test_on_account_where_the_program_knows_no_card(self):
        self._create_token()

        subscription = self._sell(self._create_program(1, allowed_methods='on_account'), confirm=False)

        self.assertEqual((subscription.payment_method, subscription.payment_token_id.id), ('on_account', False))

    def test_chosen_method_stays_when_the_plan_is_made_again(self):
        self._create_token()
        subscription = self._sell(self.program, confirm=False)
        subscription.write({'payment_method': 'on_account', 'payment_token_id': False})

        subscription.start_date = day('2027-02-01')
        self.assertEqual(subscription.payment_method, 'on_account')

        subscription.order_id.action_confirm()
        self.assertEqual((subscription.payment_method, subscription.payment_token_id.id), ('on_account', False))

    def test_chosen_card_stays_when_the_plan_is_made_again(self):
        first = self._create_token()
        subscription = self._sell(self.program, confirm=False)
        self._create_token()

        subscription.order_id.action_confirm()

        self.assertEqual(subscription.payment_token_id, first)

    def test_card_saved_later_does_not_change_the_method(self):
        subscription = self._sell(self.program)

        self._create_token()
        self._run_job('create_orders')

        self.assertEqual(subscription.payment_method, 'on_account')
        self.assertEqual(subscription.child_order_count, 1)

    def test_card_of_another_customer_is_not_taken_along(self):
        self._create_token()
        subscription = self._sell(self.program, confirm=False)

        subscription.order_id.partner_id = self.env['res.partner'].create({'name': "Bob Baker"})

        self.assertEqual((subscription.payment_method, subscription.payment_token_id.id), ('on_account', False))

    def test_copy_of_an_order_copies_no_chosen_card(self):
        self._create_token()
        subscription = self._sell(self.program, confirm=False)
        newest = self._create_token()

        copied = subscription.order_id.copy().continuity_subscription_ids

        self.assertEqual(copied.payment_token_id, newest)


@tagged('post_install', '-at_install')
class TestRunning(PlanCase):
    def test_changed_quantity_scales_what_is_not_ordered(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')

        subscription.order_line_id.product_uom_qty = 3

        self.assertEqual(subscription.line_ids.mapped('quantity'), [1.0, 3.0, 3.0])
        self.assertEqual(subscription.child_order_ids.order_line.product_uom_qty, 1)
        self.assertEqual(subscription.quantity, 3)

    def test_changed_quantity_of_the_running_subscription(self):
        subscription = self._sell(self.program, quantity=2)

        subscription.quantity = 1

        self.assertEqual(subscription.order_line_id.product_uom_qty, 1)
        self.assertEqual(subscription.line_ids.mapped('quantity'), [1.0, 1.0, 1.0])

    def test_quantity_there_and_back_is_what_it_was(self):
        subscription = self._sell(self.program, quantity=3)

        for quantity in (7, 1, 3):
            subscription.order_line_id.product_uom_qty = quantity

        self.assertEqual(subscription.line_ids.mapped('quantity'), [3.0, 3.0, 3.0])

    def test_changed_quantity_takes_the_price_of_that_quantity(self):
        pricelist = self.env['product.pricelist'].create(
            {
                'name': "Many Are Cheaper",
                'currency_id': self.company.currency_id.id,
                'item_ids': [
                    Command.create(
                        {'compute_price': 'fixed', 'fixed_price': 10, 'min_quantity': 5, 'applied_on': '3_global'}
                    )
                ],
            }
        )
        subscription = self._sell(self.program, confirm=False, order={'pricelist_id': pricelist.id})

        subscription.quantity = 5

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [10.0, 10.0, 10.0])

    def test_quantity_0_stops_the_subscription(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')

        subscription.order_line_id.product_uom_qty = 0

        self.assertEqual(subscription.state, 'cancelled')
        self.assertEqual(subscription.line_ids.mapped('state'), ['ordered', 'cancelled', 'cancelled'])
        self.assertFalse(subscription.next_date)
        self.assertEqual(self._run_job('create_orders', day('2027-12-01')).selected_count, 0)

    def test_parent_product_cannot_change(self):
        subscription = self._sell(self.program)
        other = self._create_parent_product(self._create_program(1, name="Tea Club"))

        with self.assertRaisesRegex(UserError, "product"):
            subscription.order_line_id.product_id = other

        self.assertEqual(subscription.order_line_id.product_id, self.membership)
        self.assertFalse(subscription.order_line_id.product_updatable)

    def test_parent_product_stays_changeable_on_a_quotation(self):
        self.assertTrue(self._create_order().order_line.product_updatable)

    def test_cancelled_order_stops_its_subscriptions(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')

        subscription.order_id._action_cancel()

        self.assertEqual(subscription.state, 'cancelled')
        self.assertEqual(subscription.line_ids.mapped('state'), ['ordered', 'cancelled', 'cancelled'])
        self.assertEqual(subscription.child_order_ids.state, 'sale')

    def test_cancelled_quotation_keeps_its_plan_for_the_day_it_is_reopened(self):
        subscription = self._sell(self.program, confirm=False)

        subscription.order_id._action_cancel()
        subscription.order_id.action_draft()
        subscription.order_id.action_confirm()

        self.assertEqual(subscription.state, 'running')
        self.assertEqual(self._get_plan(subscription), self.THREE_BOOKS)

    def test_order_whose_subscription_ran_is_not_silently_confirmed_again_without_it(self):
        subscription = self._sell(self.program)
        order = subscription.order_id
        order._action_cancel()

        with self.assertRaisesRegex(UserError, subscription.name), self.cr.savepoint():
            order.action_draft()
            order.action_confirm()

    def test_deleted_line_takes_its_draft_along(self):
        order = self._create_order(self.membership + self.books[9])
        subscription = order.continuity_subscription_ids

        order.order_line[0].unlink()

        self.assertFalse(subscription.exists())
        self.assertFalse(self.env['continuity.line'].search([('program_id', '=', self.program.id)]))

    def test_deleted_quotation_takes_its_draft_along(self):
        order = self._create_order()
        subscription = order.continuity_subscription_ids

        order.unlink()

        self.assertFalse(subscription.exists())
        self.assertFalse(self.env['continuity.line'].search([('program_id', '=', self.program.id)]))

    def test_order_whose_subscription_ran_cannot_be_deleted(self):
        subscription = self._sell(self.program)
        order = subscription.order_id
        order._action_cancel()

        with self.assertRaisesRegex(UserError, f"{order.name} has sold .*{subscription.name} and cannot be deleted"):
            order.unlink()

        self.assertTrue(subscription.exists())

    def test_line_whose_subscription_ran_cannot_be_deleted(self):
        subscription = self._sell(self.program)
        subscription.order_id._action_cancel()
        subscription.order_id.action_draft()

        with self.assertRaisesRegex(UserError, subscription.name):
            subscription.order_line_id.unlink()

    def test_ordered_line_cannot_be_changed(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')

        with self.assertRaisesRegex(UserError, "shipment 1: Book 1 is ordered and cannot be changed any more"):
            subscription.line_ids[0].date_planned = day('2027-06-01')

    def test_planned_line_of_a_running_plan_can_be_changed(self):
        subscription = self._sell(self.program)

        subscription.line_ids[1].write({'date_planned': day('2027-01-15'), 'price_unit': 10.0, 'discount': 50})

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-01-15', '2027-03-01'])
        self._run_job('create_orders', day('2027-01-15'))
        self.assertEqual(subscription.child_order_ids.sorted('id').mapped('amount_total'), [22.0, 5.5])


@tagged('post_install', '-at_install')
class TestParentLine(PlanCase):
    def test_parent_is_never_delivered(self):
        goods = self._create_product("Starter Kit", 5.0, continuity_program_id=self.program.id)

        for product in (self.membership, goods):
            order = self._sell(self.program, product=product).order_id
            self.assertFalse(order.picking_ids)
            self.assertFalse(order.order_line.move_ids)
            self.assertFalse(order.delivery_status)

    def test_parent_has_nothing_to_invoice(self):
        order = self._sell(self.program).order_id

        self.assertEqual(order.invoice_status, 'no')
        self.assertEqual(order.order_line.qty_to_invoice, 0)
        self.assertEqual(order.order_line.untaxed_amount_to_invoice, 0)
        with self.assertRaisesRegex(UserError, "invoice"):
            order._create_invoices()

    def test_upfront_parent_is_invoiced_once(self):
        order = self._sell(self.program, bill_upfront=True).order_id
        self.assertEqual((order.invoice_status, order.order_line.qty_to_invoice), ('to invoice', 1))

        order._create_invoices()

        self.assertEqual((order.invoice_status, order.order_line.qty_to_invoice), ('no', 0))
        with self.assertRaisesRegex(UserError, "invoice"):
            order._create_invoices()

    def test_parent_does_not_use_the_customers_credit(self):
        self.company.account_use_credit_limit = True
        self._sell(self.program, bill_upfront=True)
        self.assertEqual(self.customer.credit_to_invoice, 0)

        ordinary = self._create_order(self.books[9])
        ordinary.action_confirm()
        self._deliver(ordinary)
        self.customer.invalidate_recordset(['credit_to_invoice'])

        self.assertAlmostEqual(self.customer.credit_to_invoice, 31.9)

    def test_parent_line_costs_nothing_when_each_shipment_is_billed(self):
        order = self._create_order()

        self.assertEqual((order.order_line.price_unit, order.amount_total), (0.0, 0.0))

    def test_parent_line_costs_the_whole_plan_when_billed_upfront(self):
        subscription = self._sell(self.program, bill_upfront=True)

        self.assertEqual(subscription.order_id.amount_untaxed, 63.0)
        self.assertEqual(subscription.order_id.amount_total, 69.3)
        self.assertEqual(subscription.order_id.amount_total, subscription.amount_total)

    def test_upfront_price_follows_the_plan(self):
        subscription = self._sell(self.program, confirm=False, bill_upfront=True)

        subscription.line_ids[0].price_unit = 10.0
        self.assertEqual(subscription.order_id.amount_untaxed, 53.0)

        subscription.quantity = 2
        self.assertEqual(subscription.order_id.amount_untaxed, 106.0)

    def test_upfront_price_of_the_parent_product(self):
        program = self._create_program(3, bill_upfront=True, upfront_price_policy='product')

        self.assertEqual(self._sell(program).order_id.amount_untaxed, 100.0)

    def test_upfront_price_set_by_the_salesperson_wins(self):
        subscription = self._sell(self.program, confirm=False, bill_upfront=True)
        subscription.order_line_id.price_unit = 50.0

        subscription.start_date = day('2027-01-10')
        subscription.order_id.action_confirm()

        self.assertEqual(subscription.order_line_id.price_unit, 50.0)
        self.assertEqual(subscription.order_id.amount_untaxed, 50.0)

    def test_discount_set_by_the_salesperson_goes_to_the_shipments(self):
        subscription = self._sell(self.program, confirm=False)

        subscription.order_line_id.discount = 10
        subscription.order_id.action_confirm()
        self._run_job('create_orders')

        self.assertEqual(subscription.child_order_ids.amount_total, 19.8)

    def test_upfront_with_different_taxes_is_refused(self):
        reduced = self.env['account.tax'].create({'name': "Tax 5%", 'amount': 5.0, 'type_tax_use': 'sale'})
        self.books[1].taxes_id = reduced
        subscription = self._sell(self.program, confirm=False, bill_upfront=True)

        with self.assertRaisesRegex(UserError, "different taxes"):
            subscription.order_id.action_confirm()

        self.assertEqual(subscription.order_id.state, 'draft')

    def test_ordinary_line_of_a_parent_order_is_delivered_and_invoiced(self):
        order = self._create_order(self.membership + self.books[9])
        order.action_confirm()
        parent_line, ordinary_line = order.order_line
        self.assertEqual(order.picking_ids.move_ids.product_id, self.books[9])

        self._deliver(order)
        self.assertEqual(order.delivery_status, 'full')
        self.assertEqual(ordinary_line.qty_delivered, 1)
        self.assertEqual(order.invoice_status, 'to invoice')
        self.assertEqual(order.amount_to_invoice, 31.9)

        invoice = order._create_invoices()
        invoice.action_post()
        self.assertEqual(invoice.invoice_line_ids.product_id, self.books[9])
        self.assertEqual(invoice.amount_total, 31.9)
        self.assertEqual(ordinary_line.invoice_status, 'invoiced')
        self.assertEqual(order.invoice_status, 'no')
        self.assertEqual(parent_line.qty_invoiced, 0)

    def test_updating_prices_leaves_the_plans_lines(self):
        order = self._create_order(self.membership + self.books[9])
        order.order_line[1].price_unit = 3.0

        order._recompute_prices()

        self.assertEqual(order.order_line.mapped('price_unit'), [0.0, 29.0])


@tagged('post_install', '-at_install')
class TestPrices(PlanCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.euro = cls._create_currency('EUX', {'2026-06-01': 0.5, '2027-01-10': 0.8})
        cls.euro_pricelist = cls.env['product.pricelist'].create({'name': "Euro", 'currency_id': cls.euro.id})

    @classmethod
    def _create_currency(cls, name, rates):
        return cls.env['res.currency'].create(
            {
                'name': name,
                'symbol': name,
                'rounding': 0.01,
                'rate_ids': [Command.create({'name': day(date), 'rate': rate}) for date, rate in rates.items()],
            }
        )

    def test_price_list_prices(self):
        subscription = self._sell(self.program)

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 21.0, 22.0])
        self.assertEqual(subscription.line_ids.mapped('price_total'), [22.0, 23.1, 24.2])

    def test_fixed_price_and_discount_of_the_event(self):
        program = self._create_program([{'price_overridden': True, 'price_unit': 30.0, 'discount': 10.0}, {}])

        subscription = self._sell(program)

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [30.0, 21.0])
        self.assertEqual(subscription.line_ids.mapped('price_total'), [29.7, 23.1])
        self._run_job('create_orders')
        self.assertEqual(subscription.child_order_ids.amount_total, 29.7)
        self.assertEqual(subscription.child_order_ids.order_line.discount, 10.0)

    def test_fixed_price_of_nothing_is_free(self):
        program = self._create_program([{'price_overridden': True, 'price_unit': 0.0}])

        self.assertEqual(self._sell(program).amount_total, 0.0)

    def test_price_without_the_fixed_price_box_is_not_used(self):
        program = self._create_program([{'price_unit': 30.0}])

        self.assertEqual(self._sell(program).line_ids.price_unit, 20.0)

    def test_fixed_price_is_converted_at_the_order_date(self):
        program = self._create_program([{'price_overridden': True, 'price_unit': 30.0}])
        order = {'pricelist_id': self.euro_pricelist.id}

        before = self._sell(program, order=order)
        after = self._sell(program, order=order, on=day('2027-01-15'))

        self.assertEqual((before.currency_id, after.currency_id), (self.euro, self.euro))
        self.assertEqual((before.line_ids.price_unit, after.line_ids.price_unit), (15.0, 24.0))
        self.assertEqual((before.amount_total, after.amount_total), (16.5, 26.4))

    def test_price_list_price_is_converted(self):
        subscription = self._sell(self.program, order={'pricelist_id': self.euro_pricelist.id})

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [10.0, 10.5, 11.0])

    def test_program_priced_in_another_currency(self):
        program = self._create_program([{'price_overridden': True, 'price_unit': 30.0}], currency_id=self.euro.id)

        self.assertEqual(self._sell(program).line_ids.price_unit, 60.0)
        self.assertEqual(self._sell(program, order={'pricelist_id': self.euro_pricelist.id}).line_ids.price_unit, 30.0)

    def test_other_currency_on_the_quotation_makes_other_prices(self):
        program = self._create_program([{'price_overridden': True, 'price_unit': 30.0}, {}])
        subscription = self._sell(program, confirm=False)

        subscription.order_id.pricelist_id = self.euro_pricelist

        self.assertEqual(subscription.currency_id, self.euro)
        self.assertEqual(subscription.line_ids.mapped('price_unit'), [15.0, 10.5])
        self.assertEqual(subscription.line_ids.currency_id, self.euro)

    def test_price_is_fixed_when_ordered(self):
        subscription = self._sell(self.program)

        self.books.list_price = 99.0
        self._run_job('create_orders', day('2027-02-01'))

        self.assertEqual(subscription.child_order_ids.sorted('id').mapped('amount_total'), [22.0, 23.1])

    def test_price_of_the_day_the_child_is_made(self):
        program = self._create_program(2, price_policy='current')
        subscription = self._sell(program)
        subscription.line_ids[1].price_unit = 5.0

        self.books.list_price = 99.0
        self._run_job('create_orders', day('2027-02-01'))

        self.assertEqual(subscription.child_order_ids.sorted('id').mapped('amount_total'), [108.9, 5.5])

    def test_unit_of_the_event(self):
        dozen = self.env.ref('uom.product_uom_dozen')
        self.books[0].uom_ids = dozen
        program = self._create_program([{'product_uom_id': dozen.id, 'quantity': 2}])

        line = self._sell(program).line_ids

        self.assertEqual((line.quantity, line.product_uom_id, line.price_unit), (2.0, dozen, 240.0))
        self.assertEqual(line.price_total, 528.0)

    def test_tax_included_prices(self):
        included = self.env['account.tax'].create(
            {
                'name': "Tax 10% included",
                'amount': 10.0,
                'type_tax_use': 'sale',
                'price_include_override': 'tax_included',
            }
        )
        self.books[0].taxes_id = included
        self.books[0].list_price = 22.0

        subscription = self._sell(self._create_program(1))

        self.assertEqual(
            (subscription.line_ids.price_unit, subscription.line_ids.price_subtotal, subscription.amount_total),
            (22.0, 20.0, 22.0),
        )

    def test_tax_included_price_under_a_fiscal_position(self):
        included = self.env['account.tax'].create(
            {
                'name': "Tax 10% included",
                'amount': 10.0,
                'type_tax_use': 'sale',
                'price_include_override': 'tax_included',
            }
        )
        position = self.env['account.fiscal.position'].create({'name': "Abroad"})
        self.env['account.tax'].create(
            {
                'name': "Tax 20%",
                'amount': 20.0,
                'type_tax_use': 'sale',
                'price_include_override': 'tax_excluded',
                'fiscal_position_ids': [Command.set(position.ids)],
                'original_tax_ids': [Command.set(included.ids)],
            }
        )
        self.books[0].taxes_id = included
        self.books[0].list_price = 22.0

        subscription = self._sell(self._create_program(1), order={'fiscal_position_id': position.id})

        self.assertEqual(
            (subscription.line_ids.price_unit, subscription.line_ids.price_subtotal, subscription.amount_total),
            (20.0, 20.0, 24.0),
        )
        self._run_job('create_orders')
        self.assertEqual(subscription.child_order_ids.amount_total, 24.0)

    def test_fiscal_position_found_for_the_delivery_address(self):
        country = self.env.ref('base.jp')
        self.customer.country_id = self.env.ref('base.be')
        position = self.env['account.fiscal.position'].create(
            {'name': "Abroad", 'auto_apply': True, 'country_id': country.id}
        )
        self.env['account.tax'].create(
            {
                'name': "Tax 0%",
                'amount': 0.0,
                'type_tax_use': 'sale',
                'fiscal_position_ids': [Command.set(position.ids)],
                'original_tax_ids': [Command.set(self.tax.ids)],
            }
        )
        abroad = self.env['res.partner'].create({'name': "Bob Baker", 'country_id': country.id})

        subscription = self._sell(self.program, partner_shipping_id=abroad.id)
        self._run_job('create_orders')

        child = subscription.child_order_ids
        self.assertEqual((child.fiscal_position_id, child.amount_total), (position, 20.0))
        self.assertEqual(subscription.line_ids[0].price_total, 20.0)


@tagged('post_install', '-at_install')
class TestTotals(PlanCase):
    def _get_summary(self, subscription):
        return subscription.summary.replace('\xa0', ' ')

    def test_amounts(self):
        subscription = self._sell(self.program, quantity=2)

        self.assertRecordValues(
            subscription,
            [
                {
                    'shipment_count': 3,
                    'amount_per_shipment': 44.0,
                    'amount_planned': 138.6,
                    'amount_total': 138.6,
                    'next_date': day('2027-01-01'),
                }
            ],
        )

    def test_amounts_after_the_first_shipment(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')

        self.assertRecordValues(
            subscription,
            [
                {
                    'shipment_count': 3,
                    'amount_per_shipment': 23.1,
                    'amount_planned': 47.3,
                    'amount_total': 69.3,
                    'next_date': day('2027-02-01'),
                }
            ],
        )

    def test_amounts_of_a_stopped_subscription(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')

        subscription._cancel()

        self.assertRecordValues(
            subscription,
            [{'shipment_count': 1, 'amount_planned': 0.0, 'amount_total': 22.0, 'next_date': False}],
        )

    def test_summary(self):
        subscription = self._sell(self.program, confirm=False)
        symbol = self.company.currency_id.symbol

        self.assertEqual(
            self._get_summary(subscription),
            f"3 boxes, first 1 Jan 2027, last 1 Mar 2027 · {symbol} 22.00 to {symbol} 24.20 each · "
            f"in all {symbol} 69.30 incl. taxes · due now {symbol} 0.00",
        )
        subscription.order_id.action_confirm()
        self.assertTrue(self._get_summary(subscription).endswith(f"in all {symbol} 69.30 incl. taxes"))

    def test_summary_of_a_plan_billed_upfront(self):
        subscription = self._sell(self.program, confirm=False, bill_upfront=True)
        symbol = self.company.currency_id.symbol

        self.assertTrue(
            self._get_summary(subscription).endswith(f"in all {symbol} 69.30 incl. taxes · due now {symbol} 69.30")
        )

    def test_summary_of_one_box(self):
        subscription = self._sell(self._create_program(1), confirm=False)
        symbol = self.company.currency_id.symbol

        self.assertEqual(
            self._get_summary(subscription),
            f"1 box on 1 Jan 2027 · in all {symbol} 22.00 incl. taxes · due now {symbol} 0.00",
        )

    def test_summary_until_cancelled(self):
        subscription = self._sell(self._create_program([{'repeat_forever': True}]), confirm=False)
        symbol = self.company.currency_id.symbol

        self.assertEqual(self._get_summary(subscription), f"Until cancelled, first 1 Jan 2027 · {symbol} 22.00 each")

    def test_summary_with_shipping(self):
        subscription = self._sell(self._create_shipping_program(tax=False), confirm=False)
        symbol = self.company.currency_id.symbol

        self.assertEqual(
            self._get_summary(subscription),
            f"3 boxes, first 1 Jan 2027, last 1 Mar 2027 · {symbol} 22.00 to {symbol} 24.20 + {symbol} 2.95 shipping "
            f"each · in all {symbol} 78.15 incl. taxes · due now {symbol} 0.00",
        )

    def _create_shipping_program(self, tax):
        shipping = self._create_product(
            "Shipping", 1.0, type='service', is_storable=False, **({} if tax else {'taxes_id': False})
        )
        return self._create_program(3, shipping_policy='fixed', shipping_product_id=shipping.id, shipping_amount=2.95)

    def test_total_with_shipping_is_what_the_children_cost(self):
        for tax in (False, True):
            with self.subTest(tax=tax):
                subscription = self._sell(self._create_shipping_program(tax))
                self._run_job('create_orders', day('2027-03-01'))

                self.assertEqual(sum(subscription.child_order_ids.mapped('amount_total')), subscription.amount_total)

    def test_shipping_is_charged_once_per_shipment(self):
        shipping = self._create_product("Shipping", 1.0, type='service', is_storable=False, taxes_id=False)
        program = self._create_program(
            [{'event_number': 1}, {'event_number': 1}, {'event_number': 2}],
            shipping_policy='fixed',
            shipping_product_id=shipping.id,
            shipping_amount=2.95,
        )

        self.assertEqual(self._sell(program).line_ids.mapped('shipping_amount'), [2.95, 0.0, 2.95])

    def test_summary_of_nothing(self):
        program = self._create_calendar_program(1, open_ended=True, missed_event_policy='skip')

        self.assertEqual(self._sell(program).summary, "Nothing to send yet")

    def test_second_membership_is_a_warning(self):
        first = self._sell(self.program)
        second = self._sell(self.program, confirm=False)

        self.assertEqual(second.duplicate_ids, first)
        self.assertIn(f"already has program Book Club: {first.name}", second.warning)
        second.order_id.action_confirm()
        self.assertEqual(second.state, 'running')

    def test_second_membership_is_refused_where_the_program_says_so(self):
        program = self._create_program(3, duplicate_policy='refuse')
        first = self._sell(program)

        with self.assertRaisesRegex(UserError, f"already has program Book Club: {first.name}"):
            self._sell(program)

    def test_second_membership_on_the_same_order_is_refused_where_the_program_says_so(self):
        program = self._create_program(3, duplicate_policy='refuse')
        product = self._create_parent_product(program)
        order = self._create_order(product + product)

        with self.assertRaisesRegex(UserError, "already has program Book Club"):
            order.action_confirm()

    def test_second_membership_is_no_matter_where_the_program_allows_it(self):
        program = self._create_program(3, duplicate_policy='allow')
        self._sell(program)

        self.assertFalse(self._sell(program, confirm=False).warning)

    def test_membership_that_ended_is_no_duplicate(self):
        self._sell(self.program)._cancel()

        self.assertFalse(self._sell(self.program, confirm=False).warning)

    def test_consent_is_needed_where_the_program_says_so(self):
        program = self._create_program(3, consent_required=True)
        subscription = self._sell(program, confirm=False)

        with self.assertRaisesRegex(UserError, f"{subscription.name}.* needs the customer's consent"):
            subscription.order_id.action_confirm()

        subscription.consent_date = self.today
        subscription.order_id.action_confirm()
        self.assertEqual(subscription.state, 'running')
