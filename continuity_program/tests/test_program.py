from psycopg2 import IntegrityError

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import ContinuityCase, day


@tagged('post_install', '-at_install')
class TestProgramEvents(ContinuityCase):
    def _get_numbers(self, program):
        return program.line_ids.sorted('id').mapped('event_number')

    def test_events_number_themselves(self):
        self.assertEqual(self._get_numbers(self._create_program(3)), [1, 2, 3])

    def test_line_added_later_gets_the_next_event_id(self):
        program = self._create_program(2)

        program.line_ids = [Command.create({'product_id': self.books[2].id})]
        self.env['continuity.program.line'].create({'program_id': program.id, 'product_id': self.books[3].id})

        self.assertEqual(self._get_numbers(program), [1, 2, 3, 4])

    def test_numbering_goes_on_behind_a_given_event_id(self):
        program = self._create_program([{}, {'event_number': 10}, {}])

        self.assertEqual(self._get_numbers(program), [1, 10, 11])

    def test_form_numbers_events_and_goes_on_behind_a_changed_one(self):
        with Form(self.env['continuity.program']) as form:
            form.name = "Wine Club"
            for book in self.books[:2]:
                with form.line_ids.new() as line:
                    line.product_id = book
            with form.line_ids.new() as line:
                line.product_id = self.books[2]
                line.event_number = 7
            with form.line_ids.new() as line:
                line.product_id = self.books[3]

        self.assertEqual(self._get_numbers(form.record), [1, 2, 7, 8])

    def test_lines_created_for_two_programs_at_once_are_numbered_in_each(self):
        first, second = self._create_program(1), self._create_program(2)

        lines = self.env['continuity.program.line'].create(
            [{'program_id': program.id, 'product_id': self.books[5].id} for program in (first, second, first)]
        )

        self.assertEqual(lines.mapped('event_number'), [2, 3, 3])

    def test_editing_one_line_of_a_shared_event_edits_the_others(self):
        program = self._create_program([{'event_number': 1}, {'event_number': 1}, {'event_number': 2}])
        first, second, other = program.line_ids

        second.write({'interval_number': 2, 'interval_unit': 'week', 'repeat_count': 3})

        for line in (first, second):
            self.assertRecordValues(line, [{'interval_number': 2, 'interval_unit': 'week', 'repeat_count': 3}])
        self.assertRecordValues(other, [{'interval_number': 1, 'interval_unit': 'month', 'repeat_count': 1}])

    def test_editing_through_the_program_edits_the_shared_event(self):
        program = self._create_program([{'event_number': 1}, {'event_number': 1}, {}])

        program.line_ids = [Command.update(program.line_ids[0].id, {'action': 'skip'})]

        self.assertEqual(program.line_ids.mapped('action'), ['skip', 'skip', 'normal'])

    def test_products_quantities_and_prices_of_a_shared_event_stay_their_own(self):
        program = self._create_program([{'event_number': 1}, {'event_number': 1}])

        program.line_ids[0].write({'quantity': 5, 'price_unit': 9.0, 'price_overridden': True})

        self.assertEqual(program.line_ids.mapped('quantity'), [5.0, 1.0])
        self.assertEqual(program.line_ids.mapped('price_overridden'), [True, False])
        self.assertEqual(program.line_ids.product_id, self.books[:2])

    def test_line_created_in_an_existing_event_takes_its_timing(self):
        program = self._create_program([{'start_date': day('2027-03-01'), 'repeat_count': 4, 'interval_unit': 'week'}])

        program.line_ids = [Command.create({'product_id': self.books[1].id, 'event_number': 1})]

        self.assertRecordValues(
            program.line_ids,
            [{'event_number': 1, 'start_date': day('2027-03-01'), 'repeat_count': 4, 'interval_unit': 'week'}] * 2,
        )

    def test_form_line_moved_into_an_existing_event_takes_its_timing(self):
        program = self._create_program([{'interval_number': 3, 'interval_unit': 'week', 'repeat_count': 4}])

        with Form(program) as form, form.line_ids.new() as line:
            line.product_id = self.books[1]
            line.event_number = 1

        self.assertRecordValues(
            program.line_ids, [{'interval_number': 3, 'interval_unit': 'week', 'repeat_count': 4}] * 2
        )

    def test_line_moved_into_another_event_takes_its_timing(self):
        program = self._create_program([{'interval_number': 3, 'interval_unit': 'week'}, {}])

        program.line_ids[1].event_number = 1

        self.assertRecordValues(program.line_ids, [{'interval_number': 3, 'interval_unit': 'week'}] * 2)

    def test_shared_event_ships_together(self):
        subscription = self._sell(self._create_program([{'event_number': 1}, {'event_number': 1}, {}]))

        self.assertEqual(
            self._get_plan(subscription),
            [
                (1, '2027-01-01', "Book 1", 'planned'),
                (1, '2027-01-01', "Book 2", 'planned'),
                (2, '2027-02-01', "Book 3", 'planned'),
            ],
        )
        self.assertEqual(subscription.shipment_count, 2)

    def test_skipped_event_takes_no_time(self):
        subscription = self._sell(self._create_program([{}, {'action': 'skip'}, {}]))

        self.assertEqual(
            self._get_plan(subscription),
            [(1, '2027-01-01', "Book 1", 'planned'), (2, '2027-02-01', "Book 3", 'planned')],
        )

    def test_program_stops_after_its_end_event(self):
        program = self._create_program([{}, {'action': 'end'}, {}])

        self.assertEqual(program.event_total, 2)
        self.assertEqual(self._get_dates(self._sell(program)), ['2027-01-01', '2027-02-01'])

    def test_trailing_skipped_events_are_no_end(self):
        program = self._create_program([{'repeat_count': 3}, {'action': 'skip'}])

        self.assertEqual(program.event_total, 3)
        self.assertEqual(self._get_dates(self._sell(program)), ['2027-01-01', '2027-02-01', '2027-03-01'])

    def test_until_cancelled_before_skipped_events_is_the_last_event(self):
        program = self._create_program([{'repeat_forever': True}, {'action': 'skip'}])

        self.assertEqual(program.event_total, 0)

    def test_fixed_date_makes_a_calendar_program(self):
        self.assertTrue(self._create_program([{'start_date': day('2027-03-01')}, {}]).is_calendar)
        self.assertTrue(self._create_program([{'action': 'skip'}, {'start_date': day('2027-03-01')}]).is_calendar)
        self.assertFalse(self._create_program([{}, {'start_date': day('2027-03-01')}]).is_calendar)


@tagged('post_install', '-at_install')
class TestProgramRevision(ContinuityCase):
    def test_changes_that_concern_sold_plans_raise_the_revision(self):
        program = self._create_program(2)
        changes = {
            'product': lambda: program.line_ids[0].write({'product_id': self.books[9].id}),
            'quantity': lambda: program.line_ids[0].write({'quantity': 2}),
            'interval': lambda: program.line_ids[0].write({'interval_number': 2}),
            'action': lambda: program.line_ids[1].write({'action': 'skip'}),
            'fixed price': lambda: program.line_ids[0].write({'price_overridden': True, 'price_unit': 5}),
            'new line': lambda: program.write({'line_ids': [Command.create({'product_id': self.books[8].id})]}),
            'removed line': lambda: program.line_ids[-1].unlink(),
            'end of month': lambda: program.write({'end_of_month': True}),
        }
        for name, change in changes.items():
            with self.subTest(name):
                revision = program.revision
                change()
                self.assertEqual(program.revision, revision + 1)

    def test_changes_that_concern_no_sold_plan_keep_the_revision(self):
        program = self._create_program(2)
        revision = program.revision

        program.write({'name': "Reading Club", 'user_id': False, 'terms_html': "<p>Terms</p>", 'active': False})
        program.line_ids[0].write({'sequence': 3, 'probability': 50})

        self.assertEqual(program.revision, revision)

    def test_sync_is_pending_while_a_running_subscription_is_behind(self):
        program = self._create_program(2)
        self.assertFalse(program.sync_pending)
        subscription = self._sell(program)
        self.assertFalse(program.sync_pending)

        program.line_ids[1].product_id = self.books[9]

        self.assertTrue(program.sync_pending)
        subscription._cancel()
        program.invalidate_recordset(['sync_pending'])
        self.assertFalse(program.sync_pending)

    def test_draft_takes_the_changed_program_at_confirmation(self):
        program = self._create_program(2)
        subscription = self._sell(program, confirm=False)

        program.line_ids[1].product_id = self.books[9]
        subscription.order_id.action_confirm()

        self.assertEqual(subscription.line_ids.product_id.mapped('name'), ["Book 1", "Book 10"])
        self.assertEqual(subscription.program_revision, program.revision)
        self.assertFalse(program.sync_pending)


@tagged('post_install', '-at_install')
class TestProgramLife(ContinuityCase):
    def test_duplicate_copies_the_lines(self):
        program = self._create_program(
            [
                {'event_number': 1, 'repeat_count': 2, 'interval_unit': 'week'},
                {'event_number': 1, 'quantity': 3},
                {'event_number': 5, 'price_overridden': True, 'price_unit': 7.5, 'discount': 10},
                {'event_number': 6, 'action': 'end'},
            ],
            code='BOOK',
            days_after_order=4,
        )
        self._create_parent_product(program)

        copy = program.copy()

        self.assertEqual(copy.name, "Book Club (copy)")
        self.assertFalse(copy.code)
        self.assertFalse(copy.product_tmpl_ids)
        self.assertEqual(copy.days_after_order, 4)
        names = ['event_number', 'product_id', 'quantity', 'interval_unit', 'repeat_count', 'action', 'price_unit']
        names += ['price_overridden', 'discount']
        for line, copied in zip(program.line_ids, copy.line_ids, strict=True):
            self.assertNotEqual(line, copied)
            self.assertEqual(copied.read(names, load='')[0] | {'id': 0}, line.read(names, load='')[0] | {'id': 0})

    def test_duplicate_of_a_sold_program_has_no_subscription(self):
        program = self._create_program(2)
        self._sell(program)

        copy = program.copy()

        self.assertEqual(copy.subscription_count, 0)
        self.assertFalse(copy.line_ids.subscription_line_ids)
        self.assertEqual(program.subscription_count, 1)

    def test_code_is_unique_in_its_company(self):
        self._create_program(1, code='BOOK')

        with mute_logger('odoo.sql_db'), self.assertRaisesRegex(IntegrityError, 'code_company_uniq'):
            self._create_program(1, code='BOOK')

    def test_code_may_be_used_by_another_company_and_left_empty(self):
        self._create_program(1, code='BOOK')
        other_company = self.env['res.company'].create({'name': "Second House"})

        self._create_program(0, code='BOOK', company_id=other_company.id)
        self._create_program(1)
        self._create_program(1)

        self.assertEqual(self.env['continuity.program'].search_count([('code', '=', 'BOOK')]), 2)

    def test_emptied_code_is_no_code(self):
        self._create_program(1, code='')
        program = self._create_program(1, code='BOOK')

        program.code = ''

        self.assertFalse(program.code)

    def test_unused_program_can_be_deleted_with_its_lines(self):
        program = self._create_program(2)
        lines = program.line_ids

        program.unlink()

        self.assertFalse(program.exists())
        self.assertFalse(lines.exists())

    def test_archived_program_cannot_be_sold(self):
        program = self._create_program(2, active=False)

        with self.assertRaisesRegex(UserError, "Program Book Club is archived"):
            self._sell(program)

    def test_quotation_of_an_archived_program_cannot_be_confirmed(self):
        program = self._create_program(2)
        subscription = self._sell(program, confirm=False)
        program.action_archive()

        with self.assertRaisesRegex(UserError, "Program Book Club is archived"):
            subscription.order_id.action_confirm()

        self.assertEqual((subscription.state, subscription.order_id.state), ('draft', 'draft'))

    def test_running_subscription_of_an_archived_program_goes_on(self):
        program = self._create_program(2)
        subscription = self._sell(program)
        program.action_archive()

        self._run_job('create_orders', day('2027-02-01'))

        self.assertEqual(subscription.child_order_count, 2)
        self.assertEqual(subscription.child_order_ids.mapped('state'), ['sale', 'sale'])

    def test_preview_is_the_plan_that_the_order_gets_and_writes_nothing(self):
        program = self._create_program([{'quantity': 2}, {'price_overridden': True, 'price_unit': 30}, {}])
        product = self._create_parent_product(program, continuity_event_count=2)
        models = ['sale.order', 'sale.order.line', 'continuity.subscription', 'continuity.line']
        counts = [self.env[model].search_count([]) for model in models]

        preview = self.env['continuity.plan.preview'].create(
            {'program_id': program.id, 'partner_id': self.customer.id, 'order_date': day('2027-05-31')}
        )
        rows = self._get_rows(preview)
        self.assertEqual(rows, [(1, '2027-05-31', "Book 1", 44.0), (2, '2027-06-30', "Book 2", 33.0)])
        self.assertEqual(preview.amount_total, 77.0)
        self.assertEqual([self.env[model].search_count([]) for model in models], counts)
        subscription = self._sell(program, product=product, on=day('2027-05-31'))
        self.assertEqual(self._get_rows(subscription), rows)

    def _get_rows(self, record):
        return [
            (line.event_number, str(line.date_planned), line.product_id.name, line.price_total)
            for line in record.line_ids
        ]

    def test_event_line_of_a_sold_program_can_be_removed_and_the_plan_stays(self):
        program = self._create_program(3)
        subscription = self._sell(program)

        program.line_ids[1].unlink()

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-03-01'])
        self.assertEqual(subscription.line_ids[1].product_id, self.books[1])


@tagged('post_install', '-at_install')
class TestProgramImport(ContinuityCase):
    def _import(self, model, content, dryrun=False):
        """Import a file as the user does, every column matched to the field it is named after."""
        header = content.strip().splitlines()[0].split(',')
        wizard = self.env['base_import.import'].create(
            {
                'res_model': model,
                'file': content.strip().encode(),
                'file_name': 'programs.csv',
                'file_type': 'text/csv',
            }
        )
        options = {'has_headers': True, 'quoting': '"', 'separator': ',', 'date_format': '%Y-%m-%d'}
        return wizard.execute_import(header, header, options, dryrun=dryrun)

    def _import_programs(self, content):
        result = self._import('continuity.program', content)
        self.assertEqual(result['messages'], [])
        return self.env['continuity.program'].browse(result['ids'])

    def test_program_with_its_lines_from_a_file(self):
        wine, tea = self._import_programs(
            """
name,code,order_start,line_ids/product_id,line_ids/quantity,line_ids/interval_number,line_ids/interval_unit,line_ids/action
Wine Club,WINE,The first event,Book 1,1,1,Months,Send
,,,Book 2,2,2,Weeks,Send
,,,Book 3,1,1,Months,End
Tea Club,TEA,The event now running,Book 4,6,1,Years,Send
"""
        )

        self.assertEqual((wine.name, wine.code, wine.order_start), ("Wine Club", 'WINE', 'first'))
        self.assertEqual((tea.name, tea.code, tea.order_start), ("Tea Club", 'TEA', 'current'))
        self.assertRecordValues(
            wine.line_ids,
            [
                {'event_number': 1, 'product_id': self.books[0].id, 'quantity': 1, 'interval_unit': 'month'},
                {'event_number': 2, 'product_id': self.books[1].id, 'quantity': 2, 'interval_unit': 'week'},
                {'event_number': 3, 'product_id': self.books[2].id, 'quantity': 1, 'interval_unit': 'month'},
            ],
        )
        self.assertEqual(wine.line_ids.mapped('action'), ['normal', 'normal', 'end'])
        self.assertRecordValues(tea.line_ids, [{'event_number': 1, 'quantity': 6, 'interval_unit': 'year'}])

    def test_imported_program_can_be_sold(self):
        program = self._import_programs(
            """
name,line_ids/product_id,line_ids/interval_number,line_ids/interval_unit
Wine Club,Book 1,1,Months
,Book 2,2,Weeks
"""
        )

        self.assertEqual(self._get_dates(self._sell(program)), ['2027-01-01', '2027-01-15'])

    def test_blank_event_ids_are_numbered(self):
        program = self._import_programs(
            """
name,line_ids/event_number,line_ids/product_id
Wine Club,,Book 1
,,Book 2
"""
        )

        self.assertEqual(program.line_ids.mapped('event_number'), [1, 2])

    def test_products_of_one_event_share_the_timing_of_its_first_line(self):
        program = self._import_programs(
            """
name,line_ids/event_number,line_ids/product_id,line_ids/start_date
Wine Club,1,Book 1,2027-03-05
,1,Book 2,
,2,Book 3,2027-04-05
"""
        )

        self.assertEqual(
            program.line_ids.mapped('start_date'), [day('2027-03-05'), day('2027-03-05'), day('2027-04-05')]
        )

    def test_blank_cells_leave_the_usual_values(self):
        program = self._import_programs(
            """
name,line_ids/product_id,line_ids/quantity,line_ids/repeat_count,line_ids/interval_number
Wine Club,Book 1,,,
,Book 2,3,2,1
"""
        )

        self.assertRecordValues(
            program.line_ids,
            [
                {'quantity': 1, 'repeat_count': 1, 'interval_number': 1},
                {'quantity': 3, 'repeat_count': 2, 'interval_number': 1},
            ],
        )

    def test_lines_are_imported_into_an_existing_program(self):
        program = self._create_program(2, code='BOOK')
        self.env['ir.model.data'].create(
            {'module': '__import__', 'name': 'book_club', 'model': program._name, 'res_id': program.id}
        )

        result = self._import(
            'continuity.program.line',
            """
program_id/id,product_id
__import__.book_club,Book 3
__import__.book_club,Book 4
""",
        )

        self.assertEqual(result['messages'], [])
        self.assertEqual(program.line_ids.mapped('event_number'), [1, 2, 3, 4])

    def test_importing_again_by_id_updates_instead_of_doubling(self):
        content = """
id,name,line_ids/id,line_ids/product_id,line_ids/quantity
__import__.wine,Wine Club,__import__.wine_1,Book 1,{quantity}
,,__import__.wine_2,Book 2,1
"""
        program = self._import_programs(content.format(quantity=1))

        again = self._import_programs(content.format(quantity=4))

        self.assertEqual(program, again)
        self.assertEqual(program.line_ids.mapped('event_number'), [1, 2])
        self.assertEqual(program.line_ids.mapped('quantity'), [4.0, 1.0])

    def test_bad_row_is_named_and_nothing_is_imported(self):
        counts = [self.env[name].search_count([]) for name in ('continuity.program', 'continuity.program.line')]

        result = self._import(
            'continuity.program',
            """
name,line_ids/product_id,line_ids/quantity
Tea Club,Book 3,1
Wine Club,Book 1,1
,Book 2,-1
""",
        )

        self.assertFalse(result['ids'])
        self.assertIn(
            "Wine Club, event 2: Book 2: the quantity must be above 0.",
            [message['message'] for message in result['messages']],
        )
        self.assertEqual(
            [self.env[name].search_count([]) for name in ('continuity.program', 'continuity.program.line')], counts
        )

    def test_code_used_twice_is_explained(self):
        self._create_program(1, code='BOOK')

        with mute_logger('odoo.sql_db'):
            result = self._import('continuity.program', "name,code\nWine Club,BOOK")

        self.assertIn("must be unique in its company", result['messages'][0]['message'])

    def test_dry_run_imports_nothing(self):
        result = self._import('continuity.program', "name,line_ids/product_id\nWine Club,Book 1", dryrun=True)

        self.assertEqual(result['messages'], [])
        self.assertFalse(self.env['continuity.program'].search([('name', '=', "Wine Club")]))
