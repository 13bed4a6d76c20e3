from contextlib import contextmanager
from unittest.mock import patch

from freezegun import freeze_time
from psycopg2 import errors

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons.continuity_program.models.job import run as continuity_job_run

from .common import ContinuityCase, day

ENGINE = 'odoo.addons.continuity_program.models.job.run'
PARKING = 'odoo.addons.continuity_program.models.job.parking'


class EngineCase(ContinuityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.salesperson = cls._create_user('salesperson', 'sales_team.group_sale_salesman')
        cls.responsible = cls._create_user('responsible', 'sales_team.group_sale_manager')

    def _sell_many(self, count, program=None, **values):
        """Sell a program to so many customers and return their subscriptions, the oldest first."""
        program = program or self._create_program(3, user_id=self.responsible.id)
        values.setdefault('order', {'user_id': self.salesperson.id})
        subscriptions = self.env['continuity.subscription']
        for number in range(count):
            customer = self.env['res.partner'].create({'name': f"Customer {number}"})
            subscriptions += self._sell(program, **{**values, 'order': {**values['order'], 'partner_id': customer.id}})
        return subscriptions

    def _get_children(self, subscriptions):
        return subscriptions.order_id.continuity_child_ids.sorted('id')

    @contextmanager
    def _raising_for(self, poisoned, error, method='_prepare_child_order'):
        """Let a method of subscriptions raise for the poisoned ones."""
        model = self.env.registry['continuity.subscription']
        original = getattr(model, method)

        def raising(records, *args, **kwargs):
            if any(record.id in poisoned.ids for record in records):
                raise error
            return original(records, *args, **kwargs)

        with patch.object(model, method, raising), mute_logger(ENGINE):
            yield

    def _trigger(self, job='create_orders'):
        """Let the scheduled action work once and return the runs it wrote."""
        cron = self.env.ref(f'continuity_program.ir_cron_{job}')
        job_run = self.env['continuity.job.run']
        before = job_run.search([])
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(cron.failure_count, 0)
        self.assertTrue(cron.active)
        return job_run.search([]) - before

    def assertCounts(self, run, done=0, skipped=0, failed=0):
        self.assertRecordValues(
            run,
            [
                {
                    'selected_count': done + skipped + failed,
                    'done_count': done,
                    'skipped_count': skipped,
                    'failed_count': failed,
                }
            ],
        )

    def assertIssuesAddUp(self, run):
        failed = run.issue_ids.filtered(lambda issue: issue.kind == 'failed')
        self.assertEqual(sum(failed.mapped('count')), run.failed_count)
        self.assertEqual(sum((run.issue_ids - failed).mapped('count')), run.skipped_count)


@tagged('post_install', '-at_install')
class TestTwiceIsOnce(EngineCase):
    def test_create_orders(self):
        subscriptions = self._sell_many(3)
        self.assertCounts(self._run_job('create_orders', day('2027-02-01')), done=6)

        for _time in range(4):
            self.assertCounts(self._run_job('create_orders', day('2027-02-01')))

        self.assertEqual(len(self._get_children(subscriptions)), 6)

    def test_extend(self):
        subscription = self._sell(self._create_program([{'repeat_forever': True}]))
        self._run_job('create_orders', day('2027-02-01'))
        self.assertCounts(self._run_job('extend', day('2027-02-01')), done=1)
        plan = self._get_plan(subscription)

        for _time in range(4):
            self.assertCounts(self._run_job('extend', day('2027-02-01')))

        self.assertEqual(self._get_plan(subscription), plan)

    def test_update_events(self):
        program = self._create_program([{'start_date': '2027-01-01'}, {'start_date': '2027-02-01'}])
        self.assertCounts(self._run_job('update_events', domain=[('id', '=', program.id)]), done=1)

        for _time in range(4):
            self.assertCounts(self._run_job('update_events', domain=[('id', '=', program.id)]))

    def test_an_earlier_day_than_the_last_run_makes_nothing(self):
        subscription = self._sell(self._create_program(3))
        self._run_job('create_orders', day('2027-03-01'))

        self.assertCounts(self._run_job('create_orders', day('2027-01-01')))

        self.assertEqual(len(self._get_children(subscription)), 3)


@tagged('post_install', '-at_install')
class TestBadRecord(EngineCase):
    def setUp(self):
        super().setUp()
        self.subscriptions = self._sell_many(5)
        self.bad = self.subscriptions[2]
        self.good = self.subscriptions - self.bad

    def assertOnlyTheBadOneIsParked(self, run, *reasons):
        self.assertCounts(run, done=4, failed=1)
        self.assertIssuesAddUp(run)
        self.assertRecordValues(
            run.issue_ids,
            [{'kind': 'failed', 'res_model': 'continuity.subscription', 'res_id': self.bad.id, 'count': 1}],
        )
        self.assertRecordValues(self.bad, [{'is_parked': True, 'park_job': 'create_orders', 'park_count': 1}])
        self.assertTrue(self.bad.parked_at)
        self.assertFalse(self.good.filtered('is_parked'))
        self.assertEqual(len(self._get_children(self.good)), 4)
        self.assertFalse(self._get_children(self.bad))
        self.assertEqual(self.bad.line_ids.mapped('state'), ['planned'] * 3)
        for reason in reasons:
            self.assertIn(reason, self.bad.park_reason)
            self.assertIn(reason, run.issue_ids.reason)

    def test_a_refusal_costs_only_itself(self):
        with self._raising_for(self.bad, UserError("The moon is full.")):
            run = self._run_job('create_orders')

        self.assertOnlyTheBadOneIsParked(run)
        self.assertEqual(self.bad.park_reason, "The moon is full.")

    def test_an_unexpected_error_costs_only_itself(self):
        with self._raising_for(self.bad, ZeroDivisionError("division by zero")):
            run = self._run_job('create_orders')

        self.assertOnlyTheBadOneIsParked(run, "Unexpected error", "division by zero")

    def test_an_error_while_looking_for_what_is_due_costs_only_itself(self):
        with self._raising_for(self.bad, ZeroDivisionError("division by zero"), '_get_due_shipments'):
            run = self._run_job('create_orders')

        self.assertOnlyTheBadOneIsParked(run, "division by zero")

    def test_an_error_in_the_batch_that_no_single_record_repeats_costs_nothing(self):
        model = self.env.registry['continuity.subscription']
        original = model._create_child_orders

        def raising(records, shipments):
            if len(shipments) > 1:
                raise ZeroDivisionError
            return original(records, shipments)

        with patch.object(model, '_create_child_orders', raising), mute_logger(ENGINE):
            self.assertCounts(self._run_job('create_orders'), done=5)

    def test_a_half_made_child_leaves_nothing_behind(self):
        model = self.env.registry['continuity.subscription']
        original = model._create_child_orders

        def raising(records, shipments):
            orders = original(records, shipments)
            if self.bad.id in [lines.subscription_id.id for lines in shipments]:
                raise UserError("Too late.")
            return orders

        orders_before = self.env['sale.order'].search_count([])
        with patch.object(model, '_create_child_orders', raising), mute_logger(ENGINE):
            run = self._run_job('create_orders')

        self.assertOnlyTheBadOneIsParked(run, "Too late.")
        self.assertEqual(self.env['sale.order'].search_count([]), orders_before + 4)
        self.assertFalse(self.env['stock.picking'].search([('partner_id', '=', self.bad.partner_id.id)]))

    @mute_logger('odoo.sql_db')
    def test_a_database_check_costs_only_itself(self):
        self.env.cr.execute(
            "ALTER TABLE sale_order ADD CONSTRAINT continuity_test_check CHECK (partner_id <> %s OR "
            "continuity_parent_id IS NULL) NOT VALID",
            [self.bad.partner_id.id],
        )

        with mute_logger(ENGINE):
            run = self._run_job('create_orders')

        self.assertOnlyTheBadOneIsParked(run, "The database refused it")

    def test_a_value_that_the_database_cannot_store_costs_only_itself(self):
        self.env.cr.execute("UPDATE continuity_line SET quantity = 'NaN' WHERE subscription_id = %s", [self.bad.id])
        self.env.invalidate_all()

        with mute_logger(ENGINE, 'odoo.sql_db'):
            run = self._run_job('create_orders')

        self.assertCounts(run, done=4, failed=1)

    def test_an_archived_product_is_not_sent(self):
        archived = self._create_product("Old Book")
        self.bad.line_ids[0].product_id = archived
        archived.active = False

        with mute_logger(ENGINE):
            run = self._run_job('create_orders')

        self.assertOnlyTheBadOneIsParked(run, "Old Book", "archived")

    def test_a_bad_box_holds_back_no_other_that_is_due(self):
        archived = self._create_product("Old Book")
        self.bad.line_ids[1].product_id = archived
        archived.active = False

        with mute_logger(ENGINE):
            run = self._run_job('create_orders', day('2027-03-01'))

        self.assertCounts(run, done=14, failed=1)
        self.assertIssuesAddUp(run)
        self.assertEqual(self.bad.line_ids.mapped('state'), ['ordered', 'planned', 'ordered'])
        self.assertRecordValues(self.bad, [{'is_parked': True, 'park_job': 'create_orders', 'park_count': 1}])
        self.assertIn("Old Book", self.bad.park_reason)
        self.bad.line_ids[1].product_id = self.books[1]
        self.assertCounts(self._run_job('create_orders', day('2027-03-01')), done=1)

    def test_a_price_list_in_another_currency_is_refused(self):
        currency = self.env['res.currency'].create({'name': "CNT", 'symbol': "¤"})
        pricelist = self.env['product.pricelist'].create({'name': "Moved Abroad"})
        self.bad = self._sell_many(1, order={'user_id': self.salesperson.id, 'pricelist_id': pricelist.id})
        pricelist.currency_id = currency

        with mute_logger(ENGINE):
            run = self._run_job('create_orders', domain=[('id', 'in', (self.good | self.bad).ids)])

        self.assertOnlyTheBadOneIsParked(run, "Moved Abroad")

    def test_a_missing_warehouse_is_refused(self):
        self.env.cr.execute("UPDATE sale_order SET warehouse_id = NULL WHERE id = %s", [self.bad.order_id.id])
        self.env.invalidate_all()

        with mute_logger(ENGINE):
            run = self._run_job('create_orders')

        self.assertOnlyTheBadOneIsParked(run)
        self.assertRegex(self.bad.park_reason, "(?i)warehouse")

    def test_three_bad_ones_in_thirty(self):
        others = self._sell_many(25)
        bad = (self.subscriptions + others)[::10]

        with self._raising_for(bad, UserError("No.")):
            run = self._run_job('create_orders')

        self.assertCounts(run, done=27, failed=3)
        self.assertEqual((self.subscriptions + others).filtered('is_parked'), bad)

    def test_failures_count_in_shipments(self):
        with self._raising_for(self.bad, UserError("No.")):
            run = self._run_job('create_orders', day('2027-03-01'))

        self.assertCounts(run, done=12, failed=3)
        self.assertIssuesAddUp(run)

    def test_parked_ones_are_left_out_of_the_next_run(self):
        with self._raising_for(self.bad, UserError("No.")):
            self._run_job('create_orders')

            self.assertCounts(self._run_job('create_orders', day('2027-02-01')), done=4)

        self.assertEqual(self.bad.park_count, 1)

    def test_a_bad_program_costs_only_itself_in_update_events(self):
        programs = [
            self._create_program([{'start_date': '2027-01-01'}, {'start_date': '2027-02-01'}]) for _number in range(3)
        ]
        model = self.env.registry['continuity.program']
        original = model._get_running_event

        def raising(record, on):
            if record == programs[1]:
                raise UserError("No calendar on the moon.")
            return original(record, on)

        domain = [('id', 'in', [program.id for program in programs])]
        with patch.object(model, '_get_running_event', raising), mute_logger(ENGINE):
            run = self._run_job('update_events', domain=domain)

        self.assertCounts(run, done=2, failed=1)
        self.assertEqual([program.is_parked for program in programs], [False, True, False])
        self.assertEqual(programs[1].activity_ids.user_id, programs[1].user_id)

    def test_a_bad_plan_costs_only_itself_in_extend(self):
        program = self._create_program([{'repeat_forever': True}], user_id=self.responsible.id)
        subscriptions = self._sell_many(3, program)
        self._run_job('create_orders', domain=[('id', 'in', subscriptions.ids)])

        with self._raising_for(subscriptions[1], UserError("No."), '_get_next_occurrences'):
            run = self._run_job('extend')

        self.assertCounts(run, done=2, failed=1)
        self.assertEqual([len(subscription.line_ids) for subscription in subscriptions], [13, 12, 13])
        self.assertEqual(subscriptions[1].park_job, 'extend')

    def test_a_bad_plan_costs_only_itself_in_sync(self):
        program = self._create_program(2, user_id=self.responsible.id)
        subscriptions = self._sell_many(3, program)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE continuity_line SET discount = 150, price_overridden = true WHERE subscription_id = %s",
            [subscriptions[1].id],
        )
        self.env.invalidate_all()
        program.line_ids[1].quantity = 2.0

        with mute_logger(ENGINE):
            run = self._run_job('sync')

        self.assertCounts(run, done=2, failed=1)
        self.assertEqual([subscription.line_ids[1].quantity for subscription in subscriptions], [2.0, 1.0, 2.0])
        self.assertEqual(subscriptions[1].park_job, 'sync')
        self.assertIn("the discount must be between 0 and 100", subscriptions[1].park_reason)


@tagged('post_install', '-at_install')
class TestNeedsAttention(EngineCase):
    def setUp(self):
        super().setUp()
        self.program = self._create_program([{'repeat_forever': True}], user_id=self.responsible.id)
        self.subscription = self._sell_many(1, self.program)

    def _park(self, reason="No.", job='create_orders', on=None):
        method = {'create_orders': '_prepare_child_order', 'extend': '_get_next_occurrences'}[job]
        with self._raising_for(self.subscription, UserError(reason), method):
            run = self._run_job(job, on)
        self.assertEqual(run.failed_count, 1)
        self.assertTrue(self.subscription.is_parked)

    def _get_activities(self):
        return self.subscription.activity_ids.filtered('continuity_job')

    def test_the_salesperson_is_told(self):
        self._park("No stamps left.")

        activity = self._get_activities()
        self.assertRecordValues(activity, [{'user_id': self.salesperson.id, 'continuity_job': 'create_orders'}])
        self.assertIn("No stamps left.", activity.note)
        self.assertEqual(activity.summary, "Create child orders failed")

    def test_the_programs_responsible_is_told_when_the_salesperson_has_left(self):
        self.salesperson.active = False

        self._park()

        self.assertEqual(self._get_activities().user_id, self.responsible)

    def test_the_programs_responsible_is_told_when_there_is_no_salesperson(self):
        self.subscription.order_id.user_id = False

        self._park()

        self.assertEqual(self._get_activities().user_id, self.responsible)

    def test_a_reason_with_angle_brackets_is_shown_as_it_is(self):
        self._park("'<' not supported between <int> and <str>")

        self.assertIn("'&lt;' not supported between &lt;int&gt; and &lt;str&gt;", self._get_activities().note)

    def test_one_activity_per_record_and_job(self):
        self._park("First.")
        self.subscription.write({'is_parked': False, 'park_job': False})
        self._park("Second.")
        self.assertEqual(len(self._get_activities()), 1)
        self.assertIn("Second.", self._get_activities().note)
        self.assertEqual(self.subscription.park_count, 2)

        self._run_job('create_orders')
        with self.subTest("another job has its own"):
            self.program.company_id.continuity_repeat_threshold = 20
            self._park("Third.", 'extend')
            self.assertEqual(sorted(self._get_activities().mapped('continuity_job')), ['create_orders', 'extend'])
            self.assertEqual(self.subscription.park_job, 'create_orders,extend')

    def test_the_other_jobs_still_take_it(self):
        self.company.continuity_repeat_threshold = 20

        self._park()

        self.assertEqual(self._run_job('extend').done_count, 1)
        self.assertEqual(len(self.subscription.line_ids), 20)

    def test_needs_attention_is_a_search(self):
        self._park()

        found = self.env['continuity.subscription'].search([('is_parked', '=', True)])

        self.assertEqual(found, self.subscription)

    def test_retry_brings_it_back(self):
        self._park()

        self.subscription.with_user(self.salesperson).action_retry()

        self.assertFalse(self.subscription.is_parked)
        self.assertFalse(self.subscription.park_reason)
        self.assertFalse(self._get_activities())
        self.assertIn("Salesperson", self.subscription.message_ids[0].body)
        self.assertCounts(self._run_job('create_orders'), done=1)

    def test_retry_of_another_salespersons_is_refused(self):
        self._park()
        other = self._create_user('other', 'sales_team.group_sale_salesman')

        with self.assertRaisesRegex(UserError, "(?i)access|not allowed"):
            self.subscription.with_user(other).action_retry()

        self.assertTrue(self.subscription.is_parked)

    def assertMended(self):
        self.assertFalse(self.subscription.is_parked)
        self.assertFalse(self._get_activities())
        self.assertCounts(self._run_job('create_orders'), done=1)

    def test_a_mended_address_brings_it_back(self):
        self._park()
        self.subscription.partner_shipping_id.street = "2 Short Street"
        self.assertMended()

    def test_another_address_brings_it_back(self):
        self._park()
        self.subscription.partner_shipping_id = self.customer
        self.assertMended()

    def test_a_mended_one_off_address_brings_it_back(self):
        office = self.env['res.partner'].create({'name': "Office"})
        self.subscription.line_ids[0].partner_shipping_id = office
        self._park()
        office.street = "3 Back Street"
        self.assertMended()

    def test_another_partner_brings_nothing_back(self):
        self._park()
        self.customer.street = "2 Short Street"
        self.assertTrue(self.subscription.is_parked)

    def test_a_new_card_brings_it_back(self):
        self._park()
        self.subscription.payment_token_id = self._create_token(self.subscription.partner_id)
        self.assertMended()

    def test_a_mended_card_brings_it_back(self):
        token = self._create_token(self.subscription.partner_id)
        self.subscription.write({'payment_token_id': token.id, 'payment_method': 'token'})
        self._park()
        token.continuity_expiry_date = '2035-12-31'
        self.assertMended()

    def test_a_changed_plan_line_brings_it_back(self):
        self._park()
        self.subscription.line_ids[0].quantity = 2
        self.assertMended()

    def test_a_changed_plan_line_of_the_salesperson_brings_it_back(self):
        self._park()
        self.subscription.line_ids[0].with_user(self.salesperson).product_id = self.books[3]
        self.assertMended()

    def test_a_restored_product_brings_it_back(self):
        self.books[0].active = False
        self._park()
        self.books[0].active = True
        self.assertMended()

    def test_a_product_restored_by_its_template_brings_it_back(self):
        self.books[0].product_tmpl_id.action_archive()
        self._park()
        self.books[0].product_tmpl_id.action_unarchive()
        self.assertMended()

    def test_a_changed_program_brings_it_back_into_update_events(self):
        program = self._create_program([{'start_date': '2027-01-01'}, {'start_date': '2027-02-01'}])
        with (
            patch.object(self.env.registry['continuity.program'], '_get_running_event', side_effect=UserError("No.")),
            mute_logger(ENGINE),
        ):
            self._run_job('update_events', domain=[('id', '=', program.id)])
        self.assertTrue(program.is_parked)

        program.line_ids[1].start_date = '2027-03-01'

        self.assertFalse(program.is_parked)

    def test_parking_does_not_need_the_records_own_write(self):
        model = self.env.registry['continuity.subscription']

        with patch.object(model, 'write', side_effect=UserError("Read only.")):
            self._park("First trouble.")

        self.assertEqual(self.subscription.park_reason, "First trouble.")
        self.assertTrue(self._get_activities())

    def test_parking_goes_on_without_an_activity(self):
        model = self.env.registry['continuity.subscription']

        with (
            patch.object(model, '_get_parking_user', side_effect=ZeroDivisionError),
            mute_logger(PARKING),
        ):
            self._park()

        self.assertFalse(self._get_activities())

    def test_the_run_goes_on_when_parking_itself_breaks(self):
        good = self._sell_many(2, self.program)
        model = self.env.registry['continuity.subscription']

        with (
            patch.object(model, '_write_parking', side_effect=ZeroDivisionError),
            self._raising_for(self.subscription, UserError("No.")),
            mute_logger(PARKING),
        ):
            run = self._run_job('create_orders')

        self.assertCounts(run, done=2, failed=1)
        self.assertEqual(len(self._get_children(good)), 2)


@tagged('post_install', '-at_install')
class TestLimit(EngineCase):
    def test_the_oldest_first_across_subscriptions(self):
        """The first has three due shipments; the limit must not let it push the others aside."""
        program = self._create_program(3)
        first = self._sell(program, on=day('2027-01-01'))
        second = self._sell(program, on=day('2027-01-10'))
        third = self._sell(program, on=day('2027-02-05'))
        made = []
        for _run in range(8):
            run = self._run_job('create_orders', day('2027-05-01'), limit=2)
            made.append(run.done_count)
        children = self._get_children(first | second | third)

        self.assertEqual(made, [2, 2, 2, 2, 1, 0, 0, 0])
        dates = [fields.Date.to_string(child.commitment_date) for child in children]
        self.assertEqual(dates, sorted(dates))
        self.assertEqual(len(children), 9)

    def test_the_oldest_first_across_batches(self):
        with patch.object(continuity_job_run, 'BATCH_SIZE', 2):
            self.test_the_oldest_first_across_subscriptions()

    def test_the_oldest_first_when_one_fails(self):
        program = self._create_program(3)
        bad = self._sell(program, on=day('2027-01-01'))
        first = self._sell(program, on=day('2027-01-02'))
        second = self._sell(program, on=day('2027-01-03'))

        with self._raising_for(bad, UserError("No.")):
            run = self._run_job('create_orders', day('2027-05-01'), limit=2)

        self.assertEqual(run.done_count, 2)
        self.assertEqual([len(self._get_children(one)) for one in (first, second)], [1, 1])

    def test_all_of_a_day_get_their_turn(self):
        subscriptions = self._sell_many(7, self._create_program(1))

        with patch.object(continuity_job_run, 'BATCH_SIZE', 2):
            for expected in (3, 3, 1, 0):
                self.assertCounts(self._run_job('create_orders', limit=3), done=expected)

        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [1] * 7)

    def test_skipped_ones_do_not_eat_it(self):
        program = self._create_program(1)
        skipped = self._sell_many(3, program)
        skipped.payment_method = 'token'
        good = self._sell_many(3, program)

        with patch.object(continuity_job_run, 'BATCH_SIZE', 2):
            run = self._run_job('create_orders', limit=2)

        self.assertCounts(run, done=2, skipped=3)
        self.assertIssuesAddUp(run)
        self.assertEqual(len(self._get_children(good)), 2)

    def test_failed_and_parked_ones_do_not_eat_it(self):
        program = self._create_program(1)
        bad = self._sell_many(3, program)
        good = self._sell_many(5, program)

        with self._raising_for(bad, UserError("No.")), patch.object(continuity_job_run, 'BATCH_SIZE', 2):
            self.assertCounts(self._run_job('create_orders', limit=2), done=2, failed=3)
            self.assertCounts(self._run_job('create_orders', limit=2), done=2)

        self.assertEqual(len(self._get_children(good)), 4)

    def test_a_run_by_hand_has_no_limit_of_its_own(self):
        self.company.continuity_orders_per_run = 1
        self._sell_many(3, self._create_program(1))

        self.assertCounts(self._run_job('create_orders'), done=3)

    def test_more_than_a_batch_without_a_limit(self):
        subscriptions = self._sell_many(5)

        with patch.object(continuity_job_run, 'BATCH_SIZE', 2):
            self.assertCounts(self._run_job('create_orders', day('2027-03-01')), done=15)

        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [3] * 5)

    def test_skipped_ones_of_a_full_batch_hold_nobody_up(self):
        program = self._create_program(3)
        skipped = self._sell_many(4, program)
        skipped.payment_method = 'token'
        good = self._sell_many(3, program)

        with patch.object(continuity_job_run, 'BATCH_SIZE', 2):
            run = self._run_job('create_orders', day('2027-03-01'))

        self.assertCounts(run, done=9, skipped=12)
        self.assertEqual(len(self._get_children(good)), 9)


@tagged('post_install', '-at_install')
class TestCron(EngineCase):
    def setUp(self):
        super().setUp()
        self.company.continuity_orders_per_run = 0
        freezer = freeze_time('2027-01-01 12:00:00')
        freezer.start()
        self.addCleanup(freezer.stop)

    def test_it_makes_what_is_due_and_commits_its_progress(self):
        subscriptions = self._sell_many(3)

        with patch.object(continuity_job_run, 'BATCH_SIZE', 2):
            run = self._trigger()

        self.assertCounts(run, done=3)
        self.assertRecordValues(run, [{'state': 'done', 'is_scheduled': True, 'job': 'create_orders', 'as_of': False}])
        self.assertEqual(len(self._get_children(subscriptions)), 3)
        cron = self.env.ref('continuity_program.ir_cron_create_orders')
        progress = self.env['ir.cron.progress'].search([('cron_id', '=', cron.id)], order='id desc', limit=1)
        self.assertRecordValues(progress, [{'done': 3, 'remaining': 0}])

    def test_a_run_that_finds_nothing_is_not_written(self):
        self.assertFalse(self._trigger())

    def test_all_bad_data_is_no_failure_of_the_scheduled_action(self):
        subscriptions = self._sell_many(3)

        with self._raising_for(subscriptions, UserError("No.")):
            run = self._trigger()

        self.assertCounts(run, failed=3)
        self.assertEqual(run.state, 'done')
        self.assertEqual(subscriptions.mapped('is_parked'), [True] * 3)
        self.assertFalse(self._trigger())

    def test_only_skipped_ones_are_no_failure_either(self):
        subscriptions = self._sell_many(3)
        subscriptions.payment_method = 'token'

        self.assertCounts(self._trigger(), skipped=3)

    def test_repeated_calls_go_on_with_one_run(self):
        subscriptions = self._sell_many(5)
        calls = []
        original = self.env.registry['ir.cron']._commit_progress

        def without_time(cron, processed=0, **kwargs):
            original(cron, processed, **kwargs)
            calls.append(processed)
            return 0

        with (
            patch.object(continuity_job_run, 'BATCH_SIZE', 2),
            patch.object(self.env.registry['ir.cron'], '_commit_progress', without_time),
        ):
            run = self._trigger()

        self.assertEqual(len(run), 1)
        self.assertCounts(run, done=5)
        self.assertEqual(run.state, 'done')
        self.assertEqual([processed for processed in calls if processed], [2, 2, 1])
        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [1] * 5)

    def test_the_next_scheduled_time_goes_on_with_a_run_that_time_cut_off(self):
        subscriptions = self._sell_many(3)
        engine = self.env['continuity.job.run']
        waiting = engine._engine()._create_run('create_orders', engine._engine().env, is_scheduled=True)
        waiting.write(
            {
                'state': 'waiting',
                'selected_count': 7,
                'done_count': 7,
                'progress': {str(self.company.id): {'after': ['2026-12-01', 1], 'done': 7}},
            }
        )

        self.assertFalse(self._trigger())

        self.assertCounts(waiting, done=10)
        self.assertEqual(waiting.state, 'done')
        self.assertEqual(len(self._get_children(subscriptions)), 3)

    def test_what_was_held_is_met_again_when_nothing_else_is_left(self):
        subscriptions = self._sell_many(3)
        engine = self.env['continuity.job.run']
        waiting = engine._engine()._create_run('create_orders', engine._engine().env, is_scheduled=True)
        place = {'after': [False, max(subscriptions.ids)], 'done': 0, 'held': subscriptions.ids}
        waiting.write({'state': 'waiting', 'progress': {str(self.company.id): place}})

        self.assertFalse(self._trigger())

        self.assertCounts(waiting, done=3)
        self.assertEqual(waiting.progress[str(self.company.id)]['after'], place['after'])
        self.assertEqual(len(self._get_children(subscriptions)), 3)

    def test_what_a_killed_run_left_for_afterwards_is_done_by_the_next_one(self):
        """Without a commit of its own in a run that does not commit: goods are reserved for the order that was made."""
        warehouse = self.env['stock.warehouse'].search([('company_id', '=', self.company.id)], limit=1)
        self.env['stock.quant']._update_available_quantity(self.books[0], warehouse.lot_stock_id, 5.0)
        subscription = self._sell_many(1)
        self._run_job('create_orders')
        move = self._get_children(subscription).picking_ids.move_ids
        engine = self.env['continuity.job.run']._engine()
        for commit in (True, False):
            move._do_unreserve()
            killed = engine._create_run('create_orders', engine.env, is_scheduled=commit)
            killed.progress = {str(self.company.id): {'after': [False, subscription.id], 'afterwards': move.ids}}
            self.env.flush_all()
            self.env.cr.execute("UPDATE continuity_job_run SET write_date = write_date - interval '2 hours'")
            self.env.invalidate_all()

            if commit:
                self._trigger()
            else:
                with patch.object(type(self.env['ir.cron']), '_commit_progress', side_effect=AssertionError):
                    self._run_job('create_orders')

            self.assertEqual((killed.state, move.state), ('stopped', 'assigned'))
            self.assertEqual(killed.progress[str(self.company.id)]['afterwards'], [])

    def test_a_killed_run_is_closed_as_stopped(self):
        engine = self.env['continuity.job.run']
        killed = engine._engine()._create_run('create_orders', engine._engine().env, is_scheduled=True)
        other_job = engine._engine()._create_run('extend', engine._engine().env, is_scheduled=True)
        by_hand = engine._engine()._create_run('create_orders', engine._engine().env)
        self.env.flush_all()
        self.env.cr.execute("UPDATE continuity_job_run SET write_date = '2027-01-01 11:59:00'")
        self.env.invalidate_all()
        subscriptions = self._sell_many(2)

        run = self._trigger()

        self.assertCounts(run, done=2)
        self.assertEqual(killed.state, 'stopped')
        self.assertTrue(killed.date_end)
        self.assertEqual((other_job.state, by_hand.state), ('running', 'running'))
        self.assertEqual(len(self._get_children(subscriptions)), 2)

    def test_a_killed_run_is_closed_although_nothing_is_due(self):
        engine = self.env['continuity.job.run']
        killed = engine._engine()._create_run('create_orders', engine._engine().env, is_scheduled=True)

        self.assertFalse(self._trigger())

        self.assertEqual(killed.state, 'stopped')

    def test_a_killed_run_by_hand_is_closed_by_the_next_one(self):
        run = self.env['continuity.job.run']._engine()._create_run('create_orders', self.env)
        self.env.flush_all()
        self.env.cr.execute(
            "UPDATE continuity_job_run SET write_date = write_date - interval '2 hours' WHERE id = %s", [run.id]
        )
        self.env.invalidate_all()

        self._run_job('create_orders')

        self.assertEqual(run.state, 'stopped')

    def test_the_limit_is_of_one_scheduled_run(self):
        self.company.continuity_orders_per_run = 2
        subscriptions = self._sell_many(5, self._create_program(1))

        with patch.object(continuity_job_run, 'BATCH_SIZE', 1):
            for expected in (2, 2, 1):
                self.assertCounts(self._trigger(), done=expected)

        self.assertFalse(self._trigger())
        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [1] * 5)

    def test_what_the_limit_leaves_waits_for_the_next_scheduled_time(self):
        self.company.continuity_orders_per_run = 2
        self._sell_many(5, self._create_program(1))
        cron = self.env.ref('continuity_program.ir_cron_create_orders')

        self._trigger()

        self.assertFalse(self.env['ir.cron.trigger'].search([('cron_id', '=', cron.id)]))

    def test_the_limit_is_not_begun_again_by_repeated_calls(self):
        self.company.continuity_orders_per_run = 3
        self._sell_many(5, self._create_program(1))
        original = self.env.registry['ir.cron']._commit_progress

        def without_time(cron, processed=0, **kwargs):
            original(cron, processed, **kwargs)
            return 0

        with (
            patch.object(continuity_job_run, 'BATCH_SIZE', 1),
            patch.object(self.env.registry['ir.cron'], '_commit_progress', without_time),
        ):
            self.assertCounts(self._trigger(), done=3)

    def _refusing_times(self, times, error, poisoned=None):
        """Let the database refuse child orders so many times, of the poisoned subscription only."""
        model = self.env.registry['continuity.subscription']
        original = model._create_child_orders
        tries = []

        def refusing(records, shipments):
            subscriptions = [lines.subscription_id for lines in shipments]
            if (not poisoned or poisoned in subscriptions) and len(tries) < times:
                tries.append(subscriptions)
                raise error
            return original(records, shipments)

        return patch.object(model, '_create_child_orders', refusing)

    def test_a_serialization_failure_is_tried_again_and_nothing_is_parked(self):
        subscriptions = self._sell_many(3)

        with self._refusing_times(3, errors.SerializationFailure("could not serialize access")):
            run = self._trigger()

        self.assertCounts(run, done=3)
        self.assertFalse(subscriptions.filtered('is_parked'))
        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [1] * 3)

    def test_a_lock_that_stays_leaves_it_to_the_next_run(self):
        subscriptions = self._sell_many(3)

        with self._refusing_times(1000, errors.LockNotAvailable("could not obtain lock")):
            run = self._trigger()

        self.assertCounts(run, skipped=3)
        self.assertEqual(run.issue_ids.mapped('kind'), ['locked'] * 3)
        self.assertFalse(subscriptions.filtered('is_parked'))
        self.assertCounts(self._trigger(), done=3)

    def test_a_lock_that_stays_costs_only_the_record_it_is_on(self):
        subscriptions = self._sell_many(3)

        with self._refusing_times(1000, errors.LockNotAvailable("could not obtain lock"), subscriptions[1]):
            run = self._trigger()

        self.assertCounts(run, done=2, skipped=1)
        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [1, 0, 1])

    def test_outside_commit_mode_an_operational_error_is_the_callers(self):
        self._sell_many(2)

        with (
            self._refusing_times(1, errors.LockNotAvailable("could not obtain lock")),
            self.assertRaises(errors.LockNotAvailable),
        ):
            self._run_job('create_orders')

    def test_a_locked_record_is_skipped_and_counted_in_shipments(self):
        subscriptions = self._sell_many(2)
        model = self.env.registry['continuity.subscription']
        original = model.try_lock_for_update

        def locked_elsewhere(records, **kwargs):
            return original(records - subscriptions[0].with_env(records.env), **kwargs)

        with patch.object(model, 'try_lock_for_update', locked_elsewhere):
            run = self._run_job('create_orders', day('2027-02-01'))

        self.assertCounts(run, done=2, skipped=2)
        self.assertEqual(run.issue_ids.kind, 'locked')
        self.assertEqual(self._run_job('create_orders', day('2027-02-01')).done_count, 2)

    def test_what_another_run_has_done_meanwhile_is_not_done_again(self):
        """The due condition is read again once the lock is held."""
        subscriptions = self._sell_many(2)
        model = self.env.registry['continuity.subscription']
        original = model.try_lock_for_update

        def after_the_other_run(records, **kwargs):
            locked = original(records, **kwargs)
            subscriptions[0]._create_child_orders([subscriptions[0].line_ids[0]])
            return locked

        with patch.object(model, 'try_lock_for_update', after_the_other_run):
            run = self._run_job('create_orders')

        self.assertEqual(run.done_count, 1)
        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [1, 1])

    def test_extend_and_update_events_are_scheduled_too(self):
        subscription = self._sell(self._create_program([{'repeat_forever': True}]))
        program = self._create_program([{'start_date': '2026-12-01'}, {'start_date': '2027-02-01'}])
        self._trigger()

        self.assertCounts(self._trigger('extend'), done=1)
        self.assertEqual(len(subscription.line_ids), 13)
        self.assertEqual(self._trigger('update_events').state, 'done')
        self.assertRecordValues(program, [{'current_event': 1, 'last_checked': day('2027-01-01')}])
        self.assertFalse(self._trigger('update_events'))
        self.assertFalse(self._trigger('extend'))


@tagged('post_install', '-at_install')
class TestDay(EngineCase):
    def test_as_of_counts_for_the_superuser_only(self):
        company = self.company.with_context(continuity_as_of='2031-05-05')
        self.assertEqual(company.sudo()._get_continuity_today(), day('2031-05-05'))

        with freeze_time('2027-01-01 12:00:00'):
            self.assertEqual(company.with_user(self.responsible)._get_continuity_today(), day('2027-01-01'))

    def test_as_of_in_a_users_context_moves_no_plan(self):
        program = self._create_program(1)
        product = self._create_parent_product(program)

        with freeze_time('2027-01-01 12:00:00'):
            order = (
                self.env['sale.order']
                .with_user(self.salesperson)
                .with_context(continuity_as_of='2031-05-05')
                .create({'partner_id': self.customer.id, 'order_line': [Command.create({'product_id': product.id})]})
            )
            order.action_confirm()

        self.assertEqual(order.sudo().continuity_subscription_ids.line_ids.date_planned, day('2027-01-01'))
        self.assertEqual(order.date_order.year, 2027)

    def test_as_of_in_a_users_context_moves_no_run(self):
        subscription = self._sell(self._create_program(3))

        Run = self.env['continuity.job.run'].with_user(self.responsible)
        with freeze_time('2027-01-01 12:00:00'):
            with self.assertRaisesRegex(UserError, "is to come"):
                Run.with_context(continuity_as_of='2031-05-05')._execute('create_orders')
            run = Run.with_context(continuity_as_of='2026-05-05')._execute('create_orders')

        self.assertEqual(run.done_count, 1)
        self.assertEqual(len(self._get_children(subscription)), 1)

    def _create_company(self, name, timezone):
        company = self.env['res.company'].create({'name': name, 'currency_id': self.company.currency_id.id})
        company.partner_id.tz = timezone
        self.env.user.company_ids += company
        return company

    def _sell_in(self, company):
        """Sell in a company a program with a book of its own taxes."""
        env = self.env(context={**self.env.context, 'allowed_company_ids': company.ids})
        own_tax = self.books[0].sudo().taxes_id.filtered(lambda tax: tax.company_id == company)
        tax = own_tax or env['account.tax'].create(
            {
                'name': f"Tax of {company.name}",
                'amount': 5.0,
                'type_tax_use': 'sale',
                'company_id': company.id,
                'tax_group_id': env['account.tax.group']
                .create({'name': "Group", 'company_id': company.id, 'country_id': company.country_id.id})
                .id,
                'country_id': company.country_id.id or self.env.ref('base.us').id,
            }
        )
        book = self.books[0]
        book.sudo().taxes_id += tax
        program = env['continuity.program'].create(
            {'name': company.name, 'company_id': company.id, 'line_ids': [Command.create({'product_id': book.id})]}
        )
        product = self._create_parent_product(program)
        order = (
            self._as_of()['sale.order']
            .with_company(company)
            .create(
                {
                    'partner_id': self.customer.id,
                    'company_id': company.id,
                    'order_line': [Command.create({'product_id': product.id})],
                }
            )
        )
        order.continuity_subscription_ids.start_date = '2027-01-02'
        order.action_confirm()
        return order.continuity_subscription_ids

    def test_the_same_instant_is_another_day_in_another_company(self):
        auckland = self._create_company("Auckland Books", 'Pacific/Auckland')
        honolulu = self._create_company("Honolulu Books", 'Pacific/Honolulu')
        east, west = self._sell_in(auckland), self._sell_in(honolulu)
        for company in auckland | honolulu:
            self.assertEqual(self._sell_in(company).line_ids.date_planned, day('2027-01-02'))
        domain = [('id', 'in', (east | west).ids)]

        with freeze_time('2027-01-01 18:00:00'):  # 2 January in Auckland, 1 January in Honolulu
            run = self.env['continuity.job.run']._execute('create_orders', domain=domain)
        self.assertEqual(run.done_count, 1)
        self.assertEqual((len(self._get_children(east)), len(self._get_children(west))), (1, 0))

        with freeze_time('2027-01-02 09:59:00'):
            run = self.env['continuity.job.run']._execute('create_orders', domain=domain)
        self.assertEqual(run.done_count, 0)
        with freeze_time('2027-01-02 10:00:00'):
            run = self.env['continuity.job.run']._execute('create_orders', domain=domain)
        self.assertEqual(run.done_count, 1)

    def test_each_child_is_made_in_its_own_company(self):
        other = self._create_company("Other Books", 'UTC')
        self.env['ir.sequence'].create(
            {'name': "Orders", 'code': 'sale.order', 'prefix': "OTHER", 'company_id': other.id}
        )
        here, there = self._sell_in(self.company), self._sell_in(other)
        batches = []
        model = self.env.registry['continuity.subscription']
        original = model._job_create_orders_process

        def spying(records, batch):
            batches.append((records.company_id, records.env.company, records.env.companies))
            return original(records, batch)

        with patch.object(model, '_job_create_orders_process', spying):
            run = self._run_job('create_orders', day('2027-01-02'))

        self.assertEqual(run.done_count, 2)
        self.assertCountEqual(batches, [(company, company, company) for company in (self.company, other)])
        child_here, child_there = self._get_children(here), self._get_children(there)
        self.assertEqual((child_here.company_id, child_there.company_id), (self.company, other))
        self.assertTrue(child_there.name.startswith("OTHER"))
        self.assertFalse(child_here.name.startswith("OTHER"))
        for child in (child_here, child_there):
            self.assertEqual(child.warehouse_id.company_id, child.company_id)
            self.assertEqual(child.picking_ids.company_id, child.company_id)
            self.assertEqual(len(child.order_line.tax_ids), 1)
            self.assertEqual(child.order_line.tax_ids.company_id, child.company_id)

    def test_a_user_runs_it_in_the_chosen_companies_only(self):
        other = self._create_company("Other Books", 'UTC')
        here, there = self._sell_in(self.company), self._sell_in(other)
        self.responsible.company_ids += other
        job_run = self.env['continuity.job.run'].with_user(self.responsible)

        with freeze_time('2027-01-02 12:00:00'):
            run = job_run.with_context(allowed_company_ids=other.ids)._execute('create_orders', as_of='2027-01-02')

        self.assertEqual(run.company_ids, other)
        self.assertEqual((len(self._get_children(here)), len(self._get_children(there))), (0, 1))
        here_only = job_run.with_context(allowed_company_ids=self.company.ids)
        preview = here_only._preview('create_orders', as_of='2027-01-02')
        self.assertEqual([row['subscription_id'] for row in preview], here.ids)

    def test_a_killed_run_waits_for_one_of_all_its_companies(self):
        """The next run of other companies could not do what it left."""
        other = self._create_company("Other Books", 'UTC')
        self.responsible.company_ids += other
        job_run = self.env['continuity.job.run']
        by_both = job_run.with_user(self.responsible).with_context(allowed_company_ids=(self.company + other).ids)
        killed = job_run._engine()._create_run('create_orders', by_both.env)
        killed.progress = {str(other.id): {'after': None, 'afterwards': [7]}}
        self.env.flush_all()
        self.env.cr.execute("UPDATE continuity_job_run SET write_date = write_date - interval '2 hours'")
        self.env.invalidate_all()

        by_both.with_context(allowed_company_ids=self.company.ids)._execute('create_orders')
        self.assertEqual(killed.state, 'running')

        engine = job_run._engine()
        run = engine._create_run('create_orders', by_both.env)
        self.assertEqual(killed.state, 'stopped')
        self.assertEqual(run._get_place(other)['afterwards'], [7])

    def test_names_are_in_the_customers_language_whoever_runs_it(self):
        for lang in ('fr_FR', 'nl_NL'):
            self.env['res.lang']._activate_lang(lang)
        self.books[0].with_context(lang='fr_FR').name = "Livre 1"
        self.books[0].with_context(lang='nl_NL').name = "Boek 1"
        self.customer.lang = 'fr_FR'
        self.responsible.lang = 'nl_NL'
        subscription = self._sell(self._create_program(1))

        in_dutch = self.env['continuity.job.run'].with_user(self.responsible).with_context(lang='nl_NL')
        with freeze_time('2027-01-01 12:00:00'):
            in_dutch._execute('create_orders', as_of='2027-01-01')

        self.assertEqual(self._get_children(subscription).order_line.name, "Livre 1")

    def test_another_time_zone_midway_doubles_nothing(self):
        self.company.partner_id.tz = 'Pacific/Auckland'
        subscription = self._sell(self._create_program([{'repeat_count': 5, 'interval_unit': 'day'}]))
        for hour in range(24 * 7):
            if hour == 50:
                self.company.partner_id.tz = 'Pacific/Honolulu'
            with freeze_time(f'2027-01-{1 + hour // 24:02} {hour % 24:02}:30:00'):
                self.env['continuity.job.run']._execute('create_orders')

        children = self._get_children(subscription)
        self.assertEqual(len(children), 5)
        self.assertEqual(len(children.order_line.continuity_line_id), 5)

    def test_every_day_over_a_change_of_the_clocks_once(self):
        self.company.partner_id.tz = 'Europe/Brussels'
        self.company.continuity_repeat_threshold = 60
        program = self._create_program([{'repeat_count': 20, 'interval_unit': 'day'}])
        subscription = self._sell(program, on=day('2027-03-20'), start_date='2027-03-20')
        for number in range(25):
            self._run_job('create_orders', fields.Date.add(day('2027-03-20'), days=number))

        self.assertEqual(
            [self.company._get_continuity_day(child.commitment_date) for child in self._get_children(subscription)],
            [fields.Date.add(day('2027-03-20'), days=number) for number in range(20)],
        )


@tagged('post_install', '-at_install')
class TestPreview(EngineCase):
    def _count_everything(self):
        self.env.flush_all()
        others = ('sale.order', 'sale.order.line', 'mail.message', 'mail.activity')
        tables = [
            model._table
            for name, model in self.env.registry.items()
            if (name.startswith('continuity.') or name in others) and model._auto and not model._abstract
        ]
        counts = {}
        for table in tables:
            self.env.cr.execute(f'SELECT count(*), max(write_date) FROM "{table}"')
            counts[table] = self.env.cr.fetchone()
        self.assertIn('continuity_line', counts)
        return counts

    def _preview(self, job, on, **kwargs):
        before, queries = self._count_everything(), []
        original = type(self.env.cr).execute

        def spying(cursor, query, *args, **kw):
            queries.append(str(query).strip().split(None, 1)[0].upper())
            return original(cursor, query, *args, **kw)

        with patch.object(type(self.env.cr), 'execute', spying):
            rows = self.env['continuity.job.run']._preview(job, as_of=on, **kwargs)
            self.env.flush_all()
        self.assertEqual(self._count_everything(), before)
        self.assertFalse({'INSERT', 'UPDATE', 'DELETE'} & set(queries))
        return rows

    def assertPreviewIsRun(self, subscriptions, on):
        """Compare what the preview of child orders says with the child orders that the run makes."""
        domain = [('id', 'in', subscriptions.ids)]
        rows = self._preview('create_orders', on, domain=domain)
        run = self._run_job('create_orders', on, domain=domain)
        made = [row for row in rows if not row['skipped']]
        self.assertEqual(run.done_count, len(made))
        self.assertEqual(run.skipped_count, len(rows) - len(made))
        children = self._get_children(subscriptions)
        self.assertEqual(
            sorted((row['order_id'], str(row['date']), round(row['amount'], 2), row['line_ids']) for row in made),
            sorted(
                (
                    child.continuity_parent_id.id,
                    str(child.commitment_date.date()),
                    round(child.amount_total, 2),
                    child.order_line.continuity_line_id.sorted('id').ids,
                )
                for child in children
            ),
        )
        return rows

    def test_create_orders(self):
        program = self._create_program([{'event_number': 1}, {'event_number': 1, 'quantity': 3, 'discount': 5}, {}])
        subscriptions = self._sell_many(3, program)
        subscriptions[1].payment_method = 'token'

        rows = self.assertPreviewIsRun(subscriptions, day('2027-02-15'))

        self.assertEqual(len(rows), 6)
        self.assertEqual([row['skipped'] for row in rows].count("No usable card."), 2)

    def test_create_orders_at_the_price_of_the_day(self):
        subscription = self._sell(self._create_program(2, price_policy='current'))
        self.books[0].list_price = 99.0

        self.assertPreviewIsRun(subscription, day('2027-02-15'))

    def test_create_orders_with_taxed_shipping(self):
        shipping = self._create_product("Shipping", type='service', is_storable=False)
        program = self._create_program(
            2, shipping_policy='fixed', shipping_product_id=shipping.id, shipping_amount=2.95
        )

        self.assertPreviewIsRun(self._sell(program), day('2027-02-15'))

    def test_create_orders_sent_where_other_taxes_apply(self):
        belgium = self.env.ref('base.be')
        position = self.env['account.fiscal.position'].create(
            {'name': "Belgium", 'auto_apply': True, 'country_id': belgium.id}
        )
        self.env['account.tax'].create(
            {
                'name': "Tax 6%",
                'amount': 6.0,
                'type_tax_use': 'sale',
                'fiscal_position_ids': [Command.set(position.ids)],
                'original_tax_ids': [Command.set(self.tax.ids)],
            }
        )
        self.customer.country_id = self.env.ref('base.us')
        subscription = self._sell(self._create_program(2))
        subscription.line_ids[0].partner_shipping_id = self.env['res.partner'].create(
            {'name': "Aunt", 'country_id': belgium.id}
        )

        self.assertPreviewIsRun(subscription, day('2027-02-15'))

    def test_create_orders_paid_in_advance(self):
        self.assertPreviewIsRun(self._sell(self._create_program(2, bill_upfront=True)), day('2027-02-15'))

    def test_create_orders_rounds_like_the_order(self):
        program = self._create_program(
            [{'event_number': 1, 'price_overridden': True, 'price_unit': 0.33} for _number in range(5)]
        )

        self.assertPreviewIsRun(self._sell(program), day('2027-01-01'))

    def test_parked_ones_are_not_in_it(self):
        subscriptions = self._sell_many(2)
        with self._raising_for(subscriptions[0], UserError("No.")):
            self._run_job('create_orders')

        rows = self._preview('create_orders', day('2027-02-01'))

        self.assertEqual([row['subscription_id'] for row in rows], subscriptions[1].ids)

    def test_extend(self):
        program = self._create_program([{'event_number': 1}, {'event_number': 1}, {'repeat_forever': True}])
        subscription = self._sell(program)
        self._run_job('create_orders', day('2027-04-01'))
        before = subscription.line_ids

        rows = self._preview('extend', day('2027-04-01'))
        self._run_job('extend', day('2027-04-01'))

        added = subscription.line_ids - before
        self.assertEqual(len(added), 3)
        self.assertEqual(
            [(row['subscription_id'], row['date'], round(row['amount'], 2)) for row in rows],
            [(subscription.id, line.date_planned, round(line.price_total, 2)) for line in added.sorted('date_planned')],
        )

    def test_update_events(self):
        program = self._create_program([{'start_date': f'2027-{month:02}-01'} for month in range(1, 5)])

        rows = self._preview('update_events', day('2027-03-15'), domain=[('id', '=', program.id)])

        self.assertEqual(len(rows), 1)
        self.assertIn("0 → 3", rows[0]['change'])
        self.assertEqual(program.current_event, 0)
        self._run_job('update_events', day('2027-03-15'), domain=[('id', '=', program.id)])
        self.assertEqual(program.current_event, 3)

    def test_an_error_in_one_record_does_not_hide_the_others(self):
        subscriptions = self._sell_many(3)

        with self._raising_for(subscriptions[1], UserError("No."), '_get_child_refusal'):
            rows = self.env['continuity.job.run']._preview('create_orders', as_of=self.today)

        self.assertEqual(
            [row['subscription_id'] for row in rows if not row.get('skipped')],
            [subscriptions[0].id, subscriptions[2].id],
        )


@tagged('post_install', '-at_install')
class TestLog(EngineCase):
    def test_an_unknown_job_is_refused(self):
        job_run = self.env['continuity.job.run']
        text = "There is no continuity job make_coffee. The jobs are: .*create_orders"
        for call in (job_run._execute, job_run._preview):
            with self.assertRaisesRegex(UserError, text):
                call('make_coffee')
        self.assertFalse(job_run.search([]))

    def test_the_run_tells_what_it_worked_for(self):
        subscriptions = self._sell_many(2)

        run = self._run_job('create_orders', day('2027-01-05'), domain=[('id', '=', subscriptions[0].id)])

        self.assertCounts(run, done=1)
        self.assertRecordValues(run, [{'as_of': day('2027-01-05'), 'is_scheduled': False, 'user_id': self.env.uid}])
        self.assertIn(str(subscriptions[0].id), run.criteria)
        self.assertEqual(run.display_name, "Create child orders 01/05/2027")
        self.assertTrue(run.date_end)

    def test_each_issue_leads_to_its_record(self):
        subscription = self._sell_many(1)
        subscription.payment_method = 'token'

        issue = self._run_job('create_orders').issue_ids

        self.assertEqual(issue.res_name, subscription.display_name)
        action = issue.action_open_record()
        self.assertEqual((action['res_model'], action['res_id']), (subscription._name, subscription.id))

    def test_an_issue_of_a_record_that_is_gone_still_shows(self):
        program = self._create_program(1)
        run = self._run_job('create_orders')
        issue = (
            self.env['continuity.job.issue']
            .sudo()
            .create(
                {'run_id': run.id, 'kind': 'failed', 'res_model': program._name, 'res_id': program.id, 'reason': "No."}
            )
        )
        program.unlink()

        self.assertFalse(issue.res_name)

    def test_a_run_by_hand_that_finds_nothing_is_written(self):
        self.assertCounts(self._run_job('create_orders'))

    def test_old_runs_are_removed(self):
        """With what they alone told; what a later run met again stays."""
        lasting, over = self._sell_many(2)
        (lasting + over).payment_method = 'token'
        old = self._run_job('create_orders')
        over.payment_method = 'on_account'
        recent = self._run_job('create_orders')
        issues = old.issue_ids.sorted('res_id')
        old.sudo().date_start = fields.Datetime.subtract(fields.Datetime.now(), days=181)
        recent.sudo().date_start = fields.Datetime.subtract(fields.Datetime.now(), days=179)

        self.env['continuity.job.run'].sudo()._gc_runs()

        self.assertFalse(old.exists())
        self.assertTrue(recent.exists())
        self.assertEqual(issues.exists().mapped('res_id'), lasting.ids)
        self.assertEqual(recent.issue_ids, issues.exists())

    def test_a_sales_manager_runs_and_previews_by_the_wizard(self):
        subscriptions = self._sell_many(2)
        wizard = (
            self.env['continuity.job.wizard']
            .with_user(self.responsible)
            .create(
                {'job': 'create_orders', 'as_of': '2027-02-01', 'subscription_ids': [Command.set(subscriptions[0].ids)]}
            )
        )

        wizard.action_preview()
        self.assertEqual(wizard.preview_count, 2)
        self.assertFalse(self._get_children(subscriptions))
        with freeze_time('2027-02-01 12:00:00'):
            action = wizard._run(commit=False)

        run = self.env['continuity.job.run'].browse(action['res_id'])
        self.assertCounts(run, done=2)
        self.assertEqual(run.user_id, self.responsible)
        self.assertEqual(self._get_children(subscriptions).continuity_parent_id, subscriptions[0].order_id)

    @freeze_time('2027-01-01 12:00:00')
    def test_the_wizard_keeps_to_program_customer_and_limit(self):
        program = self._create_program(1)
        subscriptions = self._sell_many(2, program) + self._sell_many(2)
        wizard = self.env['continuity.job.wizard'].with_user(self.responsible)

        wizard.create({'as_of': '2027-01-01', 'program_ids': [Command.set(program.ids)], 'limit': 1})._run(commit=False)
        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [1, 0, 0, 0])
        wizard.create({'as_of': '2027-01-01', 'partner_ids': [Command.set(subscriptions[3].partner_id.ids)]})._run(
            commit=False
        )
        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [1, 0, 0, 1])
