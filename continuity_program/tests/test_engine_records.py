from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import day
from .common_engine import ENGINE, EngineCase

PARKING = 'odoo.addons.continuity_program.models.job.parking'


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
