from datetime import timedelta

from psycopg2 import IntegrityError

from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import day
from .common_bad_input import BadInputCase


@tagged('post_install', '-at_install')
class TestBadProgram(BadInputCase):
    def _assert_event_refused(self, message, *events, **values):
        self._assert_refused(message, self._create_program, list(events), error=ValidationError, **values)

    def test_negative_interval(self):
        self._assert_event_refused(
            "Book Club, event 2: Book 2: the interval cannot be negative", {}, {'interval_number': -1}
        )

    def test_no_interval_without_a_repeat_is_fine(self):
        self.assertEqual(len(self._create_program([{}, {'interval_number': 0}]).line_ids), 2)

    def test_no_interval_on_a_repeat(self):
        message = "Book Club, event 2: Book 2: it repeats and needs an interval"
        self._assert_event_refused(message, {}, {'interval_number': 0, 'repeat_count': 2})
        self._assert_event_refused(message, {}, {'interval_number': 0, 'repeat_forever': True})

    def test_no_repeat_at_all(self):
        for count in (0, -3):
            self._assert_event_refused(
                "Book Club, event 1: Book 1: it must ship at least once", {'repeat_count': count}
            )

    def test_quantity_of_an_event(self):
        for quantity in (0, -1):
            self._assert_event_refused(
                "Book Club, event 1: Book 1: the quantity must be above 0", {'quantity': quantity}
            )

    def test_quantity_that_rounds_to_nothing(self):
        self._assert_event_refused("Book Club, event 1: Book 1: the quantity must be above 0", {'quantity': 0.0001})

    def test_event_id(self):
        self._assert_event_refused("Book Club, event -2: Book 1: the event ID must be 1 or more", {'event_number': -2})

    def test_discount_of_an_event(self):
        for discount in (-1, 101):
            self._assert_event_refused(
                "Book Club, event 1: Book 1: the discount must be between 0 and 100 %\\.", {'discount': discount}
            )

    def test_probability_of_an_event(self):
        for probability in (-1, 101):
            self._assert_event_refused(
                "Book Club, event 1: Book 1: the probability must be between 0 and 100 %\\.",
                {'probability': probability},
            )

    def test_changes_are_refused_like_new_lines(self):
        program = self._create_program(2)
        line = program.line_ids[1]

        for message, values in [
            ("the interval cannot be negative", {'interval_number': -1}),
            ("it must ship at least once", {'repeat_count': 0}),
            ("the quantity must be above 0", {'quantity': 0}),
            ("it repeats and needs an interval", {'interval_number': 0, 'repeat_count': 2}),
            ("the event ID must be 1 or more", {'event_number': 0}),
        ]:
            with self.subTest(message):
                message = f"Book Club, event .*: Book 2: {message}"
                self._assert_refused(message, line.write, values, error=ValidationError)

    def test_until_cancelled_in_the_middle(self):
        self._assert_event_refused(
            "Book Club, event 1: Book 1: only the last event that is sent can repeat until cancelled",
            {'repeat_forever': True},
            {},
        )

    def test_event_behind_one_until_cancelled(self):
        program = self._create_program([{'repeat_forever': True}])

        self._assert_refused(
            "Book Club, event 1: Book 1: only the last event that is sent can repeat until cancelled",
            program.write,
            {'line_ids': [Command.create({'product_id': self.books[1].id})]},
            error=ValidationError,
        )

    def test_end_taken_from_an_event_ahead_of_one_until_cancelled(self):
        program = self._create_program([{'repeat_forever': True, 'action': 'end'}, {}])

        self._assert_refused(
            "only the last event that is sent can repeat until cancelled",
            program.line_ids[0].write,
            {'action': 'normal'},
            error=ValidationError,
        )

    def test_until_cancelled_billed_upfront(self):
        message = "Book Club, event 1: Book 1: it repeats until cancelled and so cannot be billed in advance"
        self._assert_event_refused(message, {'repeat_forever': True}, bill_upfront=True)
        program = self._create_program([{'repeat_forever': True}])
        self._assert_refused(message, program.write, {'bill_upfront': True}, error=ValidationError)

    def test_until_cancelled_billed_upfront_on_the_page(self):
        program = self._create_program([{'repeat_forever': True}])
        self._create_parent_product(program)

        self._assert_refused(
            "until cancelled and so cannot be billed in advance", self._sell, program, bill_upfront=True
        )

    def test_continuity_product_inside_a_program(self):
        membership = self._create_parent_product(self._create_program(1))

        self._assert_event_refused(
            "Book Club, event 1: Book Club Membership: a product that sells a continuity program cannot be sent by one",
            {'product_id': membership.id},
        )

    def test_sent_product_made_a_continuity_product(self):
        program = self._create_program(1)

        self._assert_refused(
            "Product Book 1: it is sent by program Book Club and so cannot sell a program itself",
            self.books[0].write,
            {'continuity_program_id': program.id},
            error=ValidationError,
        )

    def test_archived_product_in_an_event(self):
        self.books[0].action_archive()

        self._assert_event_refused("Book Club, event 1: Book 1: the product is archived", {})

    def test_archived_product_in_a_new_sale(self):
        program = self._create_program(2)
        self._create_parent_product(program)
        self.books[1].action_archive()

        self._assert_refused("Book 2 in the plan of CS.* is archived", self._sell, program)

    def test_quotation_whose_product_was_archived_since(self):
        subscription = self._sell(self._create_program(2), confirm=False)
        self.books[1].action_archive()

        self._assert_refused(
            f"Book 2 in the plan of {subscription.name} .*is archived", subscription.order_id.action_confirm
        )

        subscription.line_ids[1].product_id = self.books[4]
        subscription.order_id.action_confirm()
        self.assertEqual(subscription.state, 'running')

    def test_archived_product_does_not_stop_the_other_subscriptions(self):
        good = self._sell(self._create_program(1))
        bad = self._sell(self._create_program([{'product_id': self.books[5].id}]))
        self.books[5].action_archive()

        run = self._run_job('create_orders')

        self.assertEqual(good.child_order_count, 1)
        self.assertEqual((run.done_count, bad.child_order_count), (1, 0))
        self.assertIn("Book 6", run.issue_ids.reason)
        self.assertEqual(self.env['sale.order'].search([('continuity_role', '=', 'child')]), good.child_order_ids)
        self.assertEqual(bad.line_ids.state, 'planned')

    def test_unit_that_does_not_fit(self):
        kilo = self.env.ref('uom.product_uom_kgm')

        self._assert_event_refused("Book Club, event 1: Book 1: the unit kg does not fit", {'product_uom_id': kilo.id})

    def test_negative_days_after_order(self):
        self._assert_refused(
            'Book Club: "Days After Order" must be from 0 to 3,650. You entered -1',
            self._create_program,
            1,
            days_after_order=-1,
            error=ValidationError,
        )

    def test_fixed_shipping_without_a_product(self):
        self._assert_refused(
            "Program Book Club charges a fixed amount per shipment: choose the shipping product",
            self._create_program,
            1,
            shipping_policy='fixed',
            shipping_amount=2.95,
            error=ValidationError,
        )

    def test_payment_schedule_with_a_discount(self):
        term = self.env['account.payment.term'].create(
            {'name': "2/7 Net 30", 'early_discount': True, 'discount_percentage': 2, 'discount_days': 7}
        )

        self._assert_refused(
            "Payment term 2/7 Net 30 has an early payment discount .* program Book Club",
            self._create_program,
            1,
            payment_term_id=term.id,
            error=ValidationError,
        )

    def test_negative_count_of_bought_events(self):
        program = self._create_program(1)

        self._assert_refused(
            "Product Book Club Membership: the number of events bought cannot be negative",
            self._create_parent_product,
            program,
            continuity_event_count=-1,
            error=ValidationError,
        )

    def test_program_without_events_cannot_be_sold(self):
        for events in ([], [{'action': 'skip'}]):
            program = self._create_program(events)
            self._create_parent_product(program)
            self._assert_refused("Program Book Club has no event to send", self._sell, program)

    def test_form_with_a_bad_event_saves_nothing(self):
        form = Form(self.env['continuity.program'])
        form.name = "Wine Club"
        with form.line_ids.new() as line:
            line.product_id = self.books[0]
            line.quantity = -1

        self._assert_refused("Wine Club, event 1: Book 1: the quantity", form.save, error=ValidationError)


@tagged('post_install', '-at_install')
class TestNothingHalfWritten(BadInputCase):
    """An import catches the error itself and goes on in the same transaction: nothing of it may be left."""

    def _assert_nothing_imported(self, message, model, columns, rows):
        models = ['continuity.program', 'continuity.program.line', 'continuity.subscription', 'continuity.line']
        models += ['sale.order', 'sale.order.line']
        counts = [self.env[name].search_count([]) for name in models]

        result = self._as_of()[model].with_context(import_file=True).load(columns, rows)

        self.assertFalse(result['ids'])
        self.assertRegex('\n'.join(error['message'] for error in result['messages']), message)
        self.env.invalidate_all()
        self.assertEqual([self.env[name].search_count([]) for name in models], counts)

    def test_program_with_a_bad_event(self):
        for message, column, value in [
            ("the quantity must be above 0", 'quantity', '-1'),
            ("the interval cannot be negative", 'interval_number', '-1'),
            ("it must ship at least once", 'repeat_count', '-2'),
            ("the discount must be between 0 and 100 %\\.", 'discount', '150'),
        ]:
            with self.subTest(message):
                self._assert_nothing_imported(
                    f"Wine Club, event 2: Book 2: {message}",
                    'continuity.program',
                    ['name', 'line_ids/product_id', f'line_ids/{column}'],
                    [["Tea Club", "Book 3", '1'], ["Wine Club", "Book 1", '1'], ['', "Book 2", value]],
                )

    def test_orders_of_which_one_sells_an_archived_program(self):
        self._create_parent_product(self._create_program(2))
        archived = self._create_program(2, name="Tea Club")
        self._create_parent_product(archived).name = "Tea Club Membership"
        archived.action_archive()

        self._assert_nothing_imported(
            "Program Tea Club is archived",
            'sale.order',
            ['partner_id', 'order_line/product_id'],
            [["Ann Archer", "Book Club Membership"], ["Ann Archer", "Tea Club Membership"]],
        )

    def test_orders_of_which_one_has_too_long_a_plan(self):
        self._create_parent_product(self._create_program(2))
        program = self._create_program(
            [{'repeat_count': 1001, 'interval_unit': 'day'}], name="Tea Club", bill_upfront=True
        )
        self._create_parent_product(program).name = "Tea Club Membership"

        self._assert_nothing_imported(
            "Program Tea Club would plan more than 1000 lines",
            'sale.order',
            ['partner_id', 'order_line/product_id'],
            [["Ann Archer", "Book Club Membership"], ["Ann Archer", "Tea Club Membership"]],
        )


@tagged('post_install', '-at_install')
class TestProgramInUse(BadInputCase):
    def test_program_with_a_parent_product(self):
        program = self._create_program(1)
        self._create_parent_product(program)

        self._assert_refused(
            "Program Book Club is used by Book Club Membership and cannot be deleted. Archive it", program.unlink
        )

    def test_program_with_an_archived_parent_product(self):
        program = self._create_program(1)
        self._create_parent_product(program).action_archive()

        self._assert_refused("Program Book Club is used by Book Club Membership", program.unlink)

    def test_program_with_a_subscription(self):
        program = self._create_program(1)
        subscription = self._sell(program)
        subscription.product_id.product_tmpl_id.continuity_program_id = False

        self._assert_refused(f"Program Book Club is used by {subscription.name}", program.unlink)

    def test_several_programs_one_in_use(self):
        used, unused = self._create_program(1), self._create_program(1, name="Tea Club")
        self._create_parent_product(used)

        self._assert_refused("Program Book Club is used by", (unused + used).unlink)

    def test_product_planned_for_a_customer(self):
        program = self._create_program(1)
        self._sell(program)
        program.line_ids.unlink()

        with mute_logger('odoo.sql_db'), self.assertRaisesRegex(IntegrityError, 'continuity_line'), self.cr.savepoint():
            self.books[0].unlink()


@tagged('post_install', '-at_install')
class TestSizeAndCalendar(BadInputCase):
    MESSAGE = "Program Book Club would plan more than 1000 lines at once. Lower the repeats"

    def test_plan_of_more_than_1000_occurrences(self):
        program = self._create_program([{'repeat_count': 1001, 'interval_unit': 'day'}], bill_upfront=True)
        self._create_parent_product(program)

        self._assert_refused(self.MESSAGE, self._sell, program)

    def test_plan_of_1000_occurrences(self):
        program = self._create_program([{'repeat_count': 1000, 'interval_unit': 'day'}], bill_upfront=True)

        subscription = self._sell(program, confirm=False)

        self.assertEqual(len(subscription.line_ids), 1000)
        self.assertEqual(max(subscription.line_ids.mapped('date_planned')), self.today + timedelta(days=999))

    def test_plan_of_more_than_1000_lines_of_shared_events(self):
        program = self._create_program(
            [{'event_number': 1, 'repeat_count': 501, 'interval_unit': 'day'}, {'event_number': 1}], bill_upfront=True
        )
        self._create_parent_product(program)

        self._assert_refused(self.MESSAGE, self._sell, program)

    def test_threshold_keeps_a_long_program_small(self):
        program = self._create_program([{'repeat_count': 5000, 'interval_unit': 'day'}])

        subscription = self._sell(program)

        self.assertEqual((len(subscription.line_ids), subscription.shipment_count), (12, 5000))

    def test_threshold_above_1000(self):
        self.company.continuity_repeat_threshold = 5000
        program = self._create_program([{'repeat_forever': True, 'interval_unit': 'day'}])
        self._create_parent_product(program)

        self._assert_refused(self.MESSAGE, self._sell, program)

    def test_many_missed_occurrences(self):
        program = self._create_program(
            [{'start_date': day('2020-01-01'), 'repeat_forever': True, 'interval_unit': 'day'}]
        )
        self._create_parent_product(program)

        self._assert_refused(self.MESSAGE, self._sell, program)

    def test_many_missed_occurrences_not_sent_are_fine(self):
        program = self._create_program(
            [{'start_date': day('2020-01-01'), 'repeat_forever': True, 'interval_unit': 'day'}],
            missed_event_policy='skip',
        )

        self.assertEqual(len(self._sell(program).line_ids), 12)

    def test_billing_upfront_chosen_for_a_plan_that_is_too_long(self):
        subscription = self._sell(self._create_program([{'repeat_count': 1001, 'interval_unit': 'day'}]), confirm=False)

        self._assert_refused(self.MESSAGE, subscription.write, {'bill_upfront': True})

    def test_dates_beyond_the_calendar(self):
        program = self._create_program([{}, {'interval_number': 9000, 'interval_unit': 'year'}])
        self._create_parent_product(program)

        self._assert_refused("Program Book Club has a shipment beyond the year 9999", self._sell, program)

    def test_interval_beyond_any_calendar(self):
        self._assert_refused(
            '"Every" must be from -1,000,000 to 1,000,000',
            self._create_program,
            [{}, {'interval_number': 2_000_000_000, 'interval_unit': 'week'}],
        )

    def test_start_date_beyond_the_calendar(self):
        subscription = self._sell(self._create_program(3), confirm=False)

        self._assert_refused(
            '"Start Date" must be from 01/01/2000 to 12/31/2200', subscription.write, {'start_date': day('9999-12-31')}
        )

    def test_days_after_order_beyond_the_calendar(self):
        self._assert_refused(
            '"Days After Order" must be from 0 to 3,650', self._create_program, 1, days_after_order=2_000_000_000
        )

    def test_size_of_a_preview_is_a_warning(self):
        program = self._create_program([{'repeat_count': 1001, 'interval_unit': 'day'}], bill_upfront=True)

        preview = self.env['continuity.plan.preview'].create(
            {'program_id': program.id, 'partner_id': self.customer.id, 'order_date': self.today}
        )

        self.assertRegex(preview.warning, self.MESSAGE)
        self.assertFalse(preview.line_ids)

    def test_calendar_out_of_order_keeps_the_order_of_events(self):
        program = self._create_program([{'start_date': day('2027-05-01')}, {'start_date': day('2027-03-01')}, {}])

        self.assertEqual(self._get_dates(self._sell(program)), ['2027-05-01', '2027-05-01', '2027-06-01'])
