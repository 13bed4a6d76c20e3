from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tests import tagged

from .common_engine import EngineCase

MONEY = ('declined', 'no_card', 'paid_twice', 'refund')


@tagged('post_install', '-at_install')
class TestMending(EngineCase):
    """Mending closes what it mended, and nothing else."""

    def setUp(self):
        super().setUp()
        self.subscription = self._sell_many(1)
        self.customer = self.subscription.partner_id
        with self._raising_for(self.subscription, UserError("No.")):
            self._run_job('create_orders')
        for subject in (*MONEY, 'extend', 'process_payments.no_token'):
            self.subscription._notify_responsible(subject, subject, "Money.")

    def _get_subjects(self):
        return sorted(self.subscription.activity_ids.mapped('continuity_job'))

    def test_each_way_to_mend_closes_the_activity_of_the_job_alone(self):
        others = sorted((*MONEY, 'extend', 'process_payments.no_token'))
        address = self.env['res.partner'].create({'name': "Uncle", 'street': "2 Short Street"})
        for what, mend in {
            'retry': self.subscription.action_retry,
            'address': lambda: self.subscription.write({'partner_shipping_id': address.id}),
            'phone': lambda: self.customer.write({'phone': "+32 9 1"}),
            'product': lambda: self.books[0].write({'sale_ok': True}),
            'program': self.subscription.program_id._bump_revision,
        }.items():
            with self.subTest(what):
                self.subscription._park('create_orders', "No.")
                self.assertEqual(self._get_subjects(), sorted([*others, 'create_orders']))
                mend()
                self.subscription._unpark()
                self.assertFalse(self.subscription.is_parked)
                self.assertEqual(self._get_subjects(), others)

    def test_a_phone_number_closes_nothing_where_nothing_failed(self):
        self.subscription._unpark()
        before = self._get_subjects()

        self.customer.phone = "+32 9 2"

        self.assertEqual(self._get_subjects(), before)

    def test_each_job_it_is_left_out_of_is_mended(self):
        self.subscription._park('extend', "No.")
        self.assertEqual(self.subscription.park_job, 'create_orders,extend')

        self.subscription._retry()

        self.assertFalse(self.subscription.park_job)
        self.assertEqual(self._get_subjects(), sorted((*MONEY, 'process_payments.no_token')))

    def test_another_card_ends_that_there_is_none(self):
        subscription = self._sell(self._create_program(1, bill_upfront=True))
        subscription.payment_method = 'token'
        self._run_job('process_payments')
        payment = subscription.payment_ids
        payment._notify_responsible('refund', "Pay back", "Money.")
        self.assertEqual(sorted(payment.activity_ids.mapped('continuity_job')), ['no_card', 'refund'])

        subscription.payment_token_id = self._create_token(subscription.partner_id, active=False)
        self.assertEqual(sorted(payment.activity_ids.mapped('continuity_job')), ['no_card', 'refund'])
        subscription.payment_token_id = self._create_token(subscription.partner_id)

        self.assertEqual(payment.activity_ids.mapped('continuity_job'), ['refund'])


@tagged('post_install', '-at_install')
class TestCodes(EngineCase):
    def test_a_code_within_another_is_another(self):
        """Looked for in the database and in memory alike; an underscore is no placeholder."""
        subscription = self._sell_many(1)
        model = self.env['continuity.subscription']
        for parked, free in {
            'extend_loyalty': ['extend', 'loyalty', 'extend-loyalty', 'create_orders'],
            'extend': ['extend_loyalty', 'xtend'],
            'create_orders,extend_loyalty': ['extend', 'orders', 'createxorders'],
            False: ['extend'],
        }.items():
            subscription._unguarded().park_job = parked
            for job in [*free, *(parked or '').split(',')]:
                with self.subTest(parked=parked, job=job):
                    domain = model._get_unparked_domain(job)
                    expected = subscription if job in free or not job else model
                    self.assertEqual(subscription.filtered_domain(domain), expected)
                    self.assertEqual(model.search(domain & Domain('id', '=', subscription.id)), expected)

    def test_who_fails_in_a_job_is_taken_by_the_one_whose_code_is_part_of_it(self):
        subscription = self._sell(self._create_program([{'repeat_forever': True}]))
        subscription._park('extend_loyalty', "No.")
        self.company.continuity_repeat_threshold = 20

        self.assertCounts(self._run_job('extend'), done=1)

        subscription._park('extend', "No.")
        self.company.continuity_repeat_threshold = 30
        self.assertCounts(self._run_job('extend'))
        self.assertEqual(subscription.park_job, 'extend,extend_loyalty')
