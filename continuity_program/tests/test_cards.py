from odoo.tests import tagged

from .common import day
from .common_orders import CreateOrdersCase


@tagged('post_install', '-at_install')
class TestSkippedByCard(CreateOrdersCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.token = cls._create_token()

    def _sell_by_card(self, events=2, **values):
        subscription = self._sell(self._create_program(events), **values)
        self.assertEqual((subscription.payment_method, subscription.payment_token_id), ('token', self.token))
        return subscription

    def assertSkipped(self, run, subscription, kind, count, reason):
        self.assertRecordValues(
            run,
            [{'selected_count': count, 'done_count': 0, 'skipped_count': count, 'failed_count': 0}],
        )
        self.assertRecordValues(
            run.issue_ids,
            [{'kind': kind, 'res_model': subscription._name, 'res_id': subscription.id, 'count': count}],
        )
        self.assertIn(reason, run.issue_ids.reason)
        self.assertFalse(self._get_children(subscription))
        self.assertFalse(subscription.is_parked)

    def test_usable_card_is_no_obstacle(self):
        subscription = self._sell_by_card()
        self.token.continuity_expiry_date = day('2027-01-01')

        self.assertTrue(self._create_child(subscription))

    def test_expired_card_is_skipped_and_counted_in_shipments(self):
        subscription = self._sell_by_card()
        self.token.continuity_expiry_date = day('2026-12-31')

        run = self._run_job('create_orders', day('2027-02-01'))

        self.assertSkipped(run, subscription, 'card_expired', 2, "The card expired on 12/31/2026")

    def test_card_that_expires_before_a_later_shipment_stops_that_one_only(self):
        self.company.continuity_lead_days = 40
        subscription = self._sell_by_card()
        self.token.continuity_expiry_date = day('2027-01-15')

        run = self._run_job('create_orders')

        self.assertRecordValues(run, [{'selected_count': 2, 'done_count': 1, 'skipped_count': 1}])
        self.assertEqual(self._get_children(subscription).order_line.product_id.name, "Book 1")

    def test_archived_card_is_skipped(self):
        subscription = self._sell_by_card()
        self.token.active = False

        run = self._run_job('create_orders')

        self.assertSkipped(run, subscription, 'no_token', 1, "No usable card")

    def test_disabled_provider_is_skipped(self):
        subscription = self._sell_by_card()
        self.token.provider_id.state = 'disabled'

        run = self._run_job('create_orders')

        self.assertSkipped(run, subscription, 'no_token', 1, "No usable card")

    def test_missing_card_is_skipped(self):
        subscription = self._sell_by_card()
        subscription.payment_token_id = False

        run = self._run_job('create_orders')

        self.assertSkipped(run, subscription, 'no_token', 1, "No usable card")

    def test_the_next_run_takes_what_was_skipped_once_there_is_a_card(self):
        subscription = self._sell_by_card()
        self.token.continuity_expiry_date = day('2026-12-31')
        self._run_job('create_orders')

        subscription.payment_token_id = self._create_token(continuity_expiry_date='2030-12-31')

        self.assertEqual(self._run_job('create_orders').done_count, 1)

    def test_a_plan_paid_in_advance_needs_no_card(self):
        subscription = self._sell(self._create_program(1, bill_upfront=True))
        self.token.active = False

        self.assertTrue(self._create_child(subscription))
