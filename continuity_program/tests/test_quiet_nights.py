from odoo.tests import tagged

from .common import ContinuityCase, day


@tagged('post_install', '-at_install')
class TestQuietNights(ContinuityCase):
    """Nobody at work is mailed about what went right; who is responsible follows the documents all the same."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.email = 'ann@example.com'
        cls.seller = cls._create_user(
            'seller', 'sales_team.group_sale_salesman_all_leads', 'account.group_account_invoice'
        )
        cls.team = cls.env['crm.team'].create({'name': "Phone", 'user_id': cls.seller.id})
        cls.payer = cls.env['res.partner'].create({'name': "Paula Payer", 'email': 'paula@example.com'})
        cls.token = cls._create_token(cls.payer, demo_simulated_state='done')

    def setUp(self):
        super().setUp()
        self.sold = self._sell_every_kind()
        self.before = self.env['mail.message'].search([], order='id desc', limit=1).id

    def _sell_every_kind(self):
        """Return plans of the salesperson: per shipment, billed in advance, by card, and without end."""
        order = {'user_id': self.seller.id, 'team_id': self.team.id}
        per_shipment = self._create_program(6)
        self._create_parent_product(per_shipment, continuity_event_count=3)
        return {
            'per shipment': self._sell(per_shipment, order=order),
            'in advance': self._sell(self._create_program(3, bill_upfront=True), order=order),
            'by card': self._sell(
                per_shipment,
                order={**order, 'partner_id': self.payer.id},
                payment_method='token',
                payment_token_id=self.token.id,
            ),
            'without end': self._sell(self._create_program([{'repeat_forever': True}]), order=order),
        }

    def _get_told(self):
        """Return the messages since the plans were sold that somebody at work was notified of or mailed."""
        messages = self.env['mail.message'].search([('id', '>', self.before)])
        notified = self.env['mail.notification'].search([('mail_message_id', 'in', messages.ids)])
        at_work = notified.filtered(lambda note: note.res_partner_id.user_ids.filtered(lambda user: not user.share))
        mails = self.env['mail.mail'].search([('mail_message_id', 'in', messages.ids)])
        mailed = mails.filtered(
            lambda mail: mail.recipient_ids & self.seller.partner_id or 'seller' in (mail.email_to or '')
        )
        return at_work.mail_message_id | mailed.mail_message_id

    def _assert_nobody_told(self):
        told = self._get_told()
        self.assertEqual([(message.model, message.subject, message.body) for message in told], [])

    def _live_through(self, *days):
        """Run every job in the order of a night, and deliver what was made, on each of the days."""
        failed = []
        for on in days:
            for job in self.env['continuity.job.run']._get_jobs():
                run = self._run_job(job, day(on))
                failed += run.issue_ids.filtered(lambda issue: issue.kind == 'failed').mapped('reason')
            for subscription in self.sold.values():
                children = subscription.order_id.continuity_child_ids
                self._deliver(children.with_context(continuity_as_of=on))
            self._run_job('process_payments', day(on))
        return failed

    def test_nights_of_every_kind(self):
        self.sold['per shipment'].program_id.line_ids[1].product_id = self.books[5]

        failed = self._live_through('2027-01-01', '2027-02-01', '2027-03-01', '2027-03-02', '2027-05-01')

        self.assertEqual(failed, [])
        orders = self.env['sale.order'].union(*(plan.order_id for plan in self.sold.values()))
        bills = (orders | orders.continuity_child_ids).invoice_ids
        self.assertGreater(len(bills), 8)
        self.assertEqual(set(bills.mapped('state')), {'posted'})
        self.assertEqual(self.sold['by card'].payment_ids.mapped('state'), ['paid'] * 3)
        self._assert_nobody_told()
        mails = self.env['mail.mail'].search([('mail_message_id', '>', self.before)])
        self.assertTrue(mails)

    def test_who_is_responsible_follows(self):
        self._live_through('2027-01-01')

        for name, subscription in self.sold.items():
            children = subscription.order_id.continuity_child_ids
            bills = (subscription.order_id | children).invoice_ids
            with self.subTest(name):
                self.assertEqual(len(children), 1)
                self.assertEqual(len(bills), 1)
                for document in (children, bills):
                    self.assertIn(self.seller.partner_id, document.message_partner_ids)

    def test_credits_renewals_and_stops(self):
        self._live_through('2027-01-01')
        child = self.sold['per shipment'].order_id.continuity_child_ids

        note = self.sold['per shipment']._credit_shipment(child)
        renewal = self.sold['per shipment']._renew()
        self.sold['in advance']._cancel()
        self.sold['without end']._pause()
        self.sold['without end']._resume()
        self.sold['by card']._skip_next()

        credited = self.sold['in advance'].order_id.invoice_ids.filtered(lambda move: move.move_type == 'out_refund')
        self.assertEqual(credited.state, 'draft')
        for document in (note, renewal, credited):
            self.assertIn(self.seller.partner_id, document.message_partner_ids)
        self._assert_nobody_told()

    def test_what_went_wrong_is_told(self):
        self.books[0].action_archive()

        failed = self._live_through('2027-01-01')

        self.assertTrue(failed)
        self.assertEqual(set(self._get_told().mapped('model')), {'continuity.subscription'})
        self.assertTrue(self.sold['per shipment'].activity_ids)
