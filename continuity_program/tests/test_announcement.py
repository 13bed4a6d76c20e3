from unittest.mock import patch

from odoo.exceptions import UserError, ValidationError
from odoo.tests import HttpCase, tagged

from .common import day
from .common_announcement import AnnouncementCase

SUBSCRIPTION = 'odoo.addons.continuity_program.models.subscription.actions.ContinuitySubscription'


@tagged('post_install', '-at_install')
class TestAnnouncement(AnnouncementCase):
    # === TELLING === #

    def test_announced_in_time_and_made_after_the_reply_time(self):
        self._run_job('create_orders')
        self.assertEqual(self._announce('2027-01-17').selected_count, 0)

        run = self._announce('2027-01-18')

        self.assertEqual(run.done_count, 1)
        self.assertRecordValues(
            self.lines[1],
            [
                {
                    'announced_date': day('2027-01-18'),
                    'decline_until': day('2027-01-28'),
                    'date_planned': day('2027-02-01'),
                    'state': 'planned',
                }
            ],
        )
        self.assertFalse(self.lines[2].announced_date)
        mail = self._get_mails()
        self.assertEqual(mail.recipient_ids, self.customer)
        self.assertEqual(mail.res_id, self.lines[1].id)
        self.assertIn("Book 2", mail.body_html)
        self.assertIn("01/28/2027", mail.body_html)
        self.assertIn(self.lines[1]._get_announcement_url(), mail.body_html)
        self.assertEqual(self._run_job('create_orders', on=day('2027-01-31')).selected_count, 0)
        self.assertEqual(self._run_job('create_orders', on=day('2027-02-01')).done_count, 1)
        self.assertEqual(self.lines[1].child_order_id.commitment_date.date(), day('2027-02-01'))

    def test_told_with_what_it_costs(self):
        shipping = self._create_product("Shipping", 0.0, type='service', is_storable=False)
        program = self._create_program(
            2, announce_days=14, shipping_policy='fixed', shipping_product_id=shipping.id, shipping_amount=3.0
        )
        subscription = self._sell(program, order={'partner_id': self.customer.copy().id})
        line = subscription.line_ids.sorted('event_number')[1]

        self._run_job('announce', on=day('2027-01-18'), domain=[('id', '=', subscription.id)])

        # Book 2 for 21.00 and 3.00 for sending it, with 10 % tax.
        mail = self.env['mail.mail'].search([('model', '=', line._name), ('res_id', '=', line.id)])
        self.assertIn("23.10", mail.body_html)
        self.assertIn("3.30", mail.body_html)

    def test_announced_once(self):
        self._announce('2027-01-18')

        self.assertEqual(self._announce('2027-01-18').selected_count, 0)
        self.assertEqual(self._announce('2027-01-19').selected_count, 0)

        self.assertEqual(len(self._get_mails()), 1)

    def test_late_announcement_moves_the_shipment_and_no_other(self):
        self._run_job('create_orders')

        self._announce('2027-01-30')

        self.assertEqual(self.lines[1].decline_until, day('2027-02-09'))
        self.assertEqual(self._get_dates(self.subscription), ['2027-01-01', '2027-02-10', '2027-03-01'])
        self.assertEqual(self._run_job('create_orders', on=day('2027-02-09')).selected_count, 0)
        self.assertEqual(self._run_job('create_orders', on=day('2027-02-10')).done_count, 1)

    def test_shipment_never_announced_is_announced_and_not_sent(self):
        self._run_job('create_orders')

        run = self._run_job('create_orders', on=day('2027-02-03'))

        self.assertRecordValues(run.issue_ids, [{'kind': 'not_announced', 'reason': "Not announced yet.", 'count': 1}])
        self.assertFalse(self.lines[1].child_order_id)
        self._announce('2027-02-03')
        self.assertEqual(self.lines[1].date_planned, day('2027-02-14'))
        self.assertEqual(self._run_job('create_orders', on=day('2027-02-14')).done_count, 1)

    def test_first_shipment_is_announced_by_the_order(self):
        self.assertRecordValues(self.lines[0], [{'announced_date': day('2027-01-01'), 'decline_until': False}])
        self.assertEqual(self._announce('2027-01-01').selected_count, 0)

        self.assertEqual(self._run_job('create_orders').done_count, 1)

    def test_first_shipment_long_after_the_order_is_announced(self):
        later = self._sell(self.program, start_date=day('2027-06-01'), order={'partner_id': self.customer.copy().id})
        self.assertFalse(later.line_ids[0].announced_date)

        self._run_job('announce', on=day('2027-05-18'), domain=[('id', '=', later.id)])

        self.assertEqual(later.line_ids[0].announced_date, day('2027-05-18'))

    def test_reply_time_and_lead_days_are_taken_into_account(self):
        self.program.announce_days = 5
        self.company.continuity_lead_days = 4

        # 10 days to reply, and the child order is due on 28 January.
        self.assertEqual(self._announce('2027-01-16').selected_count, 0)
        self._announce('2027-01-17')

        self.assertEqual(self.lines[1].decline_until, day('2027-01-27'))
        self.assertEqual(self.lines[1].date_planned, day('2027-02-01'))

    def test_told_without_a_choice(self):
        self.program.reply_days = 0

        self._announce('2027-01-31')

        self.assertRecordValues(
            self.lines[1],
            [{'announced_date': day('2027-01-31'), 'decline_until': False, 'date_planned': day('2027-02-01')}],
        )
        self.assertNotIn('/continuity/announcement', self._get_mails().body_html)

    def test_programs_that_announce_nothing(self):
        self.program.announce_days = 0

        self.assertEqual(self._announce('2027-02-01').selected_count, 0)
        self.assertEqual(self._run_job('create_orders', on=day('2027-02-01')).done_count, 2)

    def test_paid_in_advance_is_told_and_cannot_be_declined(self):
        self.books.taxes_id = self.tax
        program = self._create_program(3, announce_days=14, bill_upfront=True)
        subscription = self._sell(program)
        line = subscription.line_ids.sorted('event_number')[1]

        self._run_job('announce', on=day('2027-01-30'), domain=[('id', '=', subscription.id)])

        self.assertRecordValues(
            line, [{'announced_date': day('2027-01-30'), 'decline_until': False, 'date_planned': day('2027-02-01')}]
        )
        with self.assertRaisesRegex(UserError, "was not announced to be declined"):
            subscription.with_env(self._as_of(day('2027-01-30')))._decline(line)

    def test_customer_without_email(self):
        self._run_job('create_orders')
        self.customer.email = False

        run = self._announce('2027-01-30')

        self.assertRecordValues(run.issue_ids, [{'kind': 'no_email', 'count': 1}])
        self.assertIn("no email address", run.issue_ids.reason)
        self.assertFalse(self.lines[1].announced_date)
        self._run_job('create_orders', on=day('2027-02-02'))
        self.assertFalse(self.lines[1].child_order_id)
        # The agent has asked the customer.
        self._on('2027-02-02')._ship_now()
        self._run_job('create_orders', on=day('2027-02-02'))
        self.assertTrue(self.lines[1].child_order_id)

    def test_ship_now_ends_the_reply_time(self):
        self._announce('2027-01-18')

        self.subscription.line_ids[0]._unguarded().is_cancelled = True
        self._on('2027-01-20')._ship_now()

        self.assertRecordValues(self.lines[1], [{'date_planned': day('2027-01-20'), 'decline_until': False}])
        self.assertEqual(self._run_job('create_orders', on=day('2027-01-20')).done_count, 1)

    def test_what_was_asked_for_is_not_announced(self):
        self._run_job('create_orders')
        self._deliver(self.lines[0].child_order_id)
        self.lines[0].with_env(self._as_of(day('2027-01-20')))._send_again()
        extra = self.env['continuity.line'].create(
            {
                'subscription_id': self.subscription.id,
                'product_id': self.books[5].id,
                'date_planned': day('2027-01-20'),
                'event_number': 9,
            }
        )

        self.assertEqual(self._run_job('create_orders', on=day('2027-01-20')).done_count, 2)

        self.assertEqual(extra.state, 'ordered')

    def test_announced_anew_when_moved(self):
        self._run_job('create_orders')
        self._announce('2027-01-18')

        self._on('2027-01-19')._postpone()

        self.assertRecordValues(
            self.lines[1], [{'date_planned': day('2027-03-01'), 'announced_date': False, 'decline_until': False}]
        )
        self.assertEqual(self._announce('2027-02-14').selected_count, 0)
        self._announce('2027-02-15')
        self.assertEqual(self.lines[1].decline_until, day('2027-02-25'))

    def test_moved_a_little_keeps_its_announcement(self):
        self._announce('2027-01-18')

        self.lines[1].with_env(self._as_of(day('2027-01-19'))).date_planned = day('2027-02-02')

        self.assertEqual(self.lines[1].decline_until, day('2027-01-28'))

    def test_other_product_by_the_program_is_announced_anew(self):
        self._run_job('create_orders')
        self._announce('2027-01-18')

        self.program.line_ids[1].product_id = self.books[7]
        self._run_job('sync', on=day('2027-01-25'))
        self.assertFalse(self.lines[1].announced_date)
        self._announce('2027-01-25')

        self.assertRecordValues(
            self.lines[1],
            [
                {
                    'product_id': self.books[7].id,
                    'decline_until': day('2027-02-04'),
                    'date_planned': day('2027-02-05'),
                }
            ],
        )
        self.assertEqual(len(self._get_mails()), 2)

    def test_swap_wanted_by_the_customer_keeps_the_announcement(self):
        self._run_job('create_orders')
        self._announce('2027-01-18')

        self._on('2027-01-20')._swap(self.lines[1], self.books[7])

        self.assertEqual(self.lines[1].decline_until, day('2027-01-28'))

    def test_paused_is_not_announced(self):
        self._run_job('create_orders')
        self._on('2027-01-10')._pause()

        self.assertEqual(self._announce('2027-01-20').selected_count, 0)

    def test_in_the_language_of_the_customer(self):
        self.env['res.lang']._activate_lang('fr_FR')
        self.customer.lang = 'fr_FR'

        self._announce('2027-01-18')

        self.assertIn("28/01/2027", self._get_mails().body_html)

    def test_preview_shows_who_would_be_told_what(self):
        self._run_job('create_orders')

        rows = self.env['continuity.job.run']._preview('announce', as_of=day('2027-01-30'))

        self.assertEqual(
            [(row['subscription_id'], row['change'], row['date'], row['skipped']) for row in rows],
            [
                (
                    self.subscription.id,
                    "Book 2: announced, may be declined until 02/09/2027",
                    day('2027-02-10'),
                    False,
                )
            ],
        )
        self.assertFalse(self.lines[1].announced_date)
        self.assertFalse(self._get_mails())

    def test_negative_days_are_refused(self):
        with self.assertRaisesRegex(ValidationError, "must be from 0 to 3,650"):
            self.program.reply_days = -1

    # === WHEN SOMETHING FAILS === #

    def test_told_once_after_a_crash(self):
        self._run_job('create_orders')
        with patch(f'{SUBSCRIPTION}._log_change', side_effect=RuntimeError("Crash.")):
            run = self._announce('2027-01-18')

        self.assertEqual(run.failed_count, 1)
        self.assertFalse(self.lines[1].announced_date)
        self.assertFalse(self._get_mails())
        self.subscription._retry()
        self._announce('2027-01-20')
        self.assertEqual(self.lines[1].decline_until, day('2027-01-30'))
        self.assertEqual(len(self._get_mails()), 1)

    def test_mail_that_cannot_be_made_announces_nothing(self):
        self._run_job('create_orders')
        self.env.ref('continuity_program.mail_template_announcement').subject = "{{ 1 / (object.event_number - 2) }}"

        run = self._announce('2027-01-18')

        self.assertEqual(run.failed_count, 1)
        self.assertRecordValues(self.subscription, [{'is_parked': True, 'park_job': 'announce'}])
        self.assertFalse(self.lines[1].announced_date)

    def test_failing_mail_server_stops_nothing(self):
        with patch.object(type(self.env['ir.mail_server']), '_connect__', side_effect=OSError("Mail server is down.")):
            self.assertEqual(self._announce('2027-01-18').done_count, 1)
            mail = self._get_mails()
            mail.send(raise_exception=False)

        self.assertEqual(mail.state, 'exception')
        self.assertEqual(self.lines[1].decline_until, day('2027-01-28'))

    # === DECLINING === #

    def test_declining_skips_the_shipment(self):
        self._run_job('create_orders')
        self._announce('2027-01-18')

        self._on('2027-01-28')._decline(self.lines[1])

        self.assertRecordValues(self.lines[1], [{'state': 'skipped', 'is_declined': True, 'skip_reason': "Declined"}])
        self.assertEqual(self._run_job('create_orders', on=day('2027-02-01')).selected_count, 0)
        self.assertEqual(self.subscription.next_date, day('2027-03-01'))
        with self.assertRaisesRegex(UserError, "declined already"):
            self._on('2027-01-28')._decline(self.lines[1])

    def test_declining_counts_as_not_bought(self):
        product = self._create_parent_product(self.program, continuity_event_count=2)
        subscription = self._sell(self.program, product=product, order={'partner_id': self.customer.copy().id})
        self._run_job('create_orders')
        self._run_job('announce', on=day('2027-01-18'), domain=[('id', '=', subscription.id)])

        lines = subscription.line_ids.sorted('event_number')
        subscription.with_env(self._as_of(day('2027-01-20')))._decline(lines[1])
        self._run_job('extend', on=day('2027-01-21'))

        self.assertEqual(
            self._get_plan(subscription),
            [
                (1, '2027-01-01', "Book 1", 'ordered'),
                (2, '2027-02-01', "Book 2", 'skipped'),
                (3, '2027-03-01', "Book 3", 'planned'),
            ],
        )
        with self.assertRaisesRegex(UserError, "has taken the place"):
            subscription.with_env(self._as_of(day('2027-01-22')))._take_back_decline(lines[1])

    def test_declined_until_the_deadline_only(self):
        self._run_job('create_orders')
        self._announce('2027-01-18')

        with self.assertRaisesRegex(UserError, "could be declined until 01/28/2027"):
            self._on('2027-01-29')._decline(self.lines[1])

        self.assertEqual(self.lines[1].state, 'planned')

    def test_declined_is_sent_after_all(self):
        self._run_job('create_orders')
        self._announce('2027-01-18')
        self._on('2027-01-20')._decline(self.lines[1])

        self._on('2027-01-28')._take_back_decline(self.lines[1])

        self.assertRecordValues(self.lines[1], [{'state': 'planned', 'is_declined': False, 'skip_reason': False}])
        self.assertEqual(self.subscription.occurrences_left, 0)
        self.assertEqual(self._run_job('create_orders', on=day('2027-02-01')).done_count, 1)
        with self.assertRaisesRegex(UserError, "has not been declined"):
            self._on('2027-01-28')._take_back_decline(self.lines[1])

    def test_declined_stays_declined_after_the_deadline(self):
        self._announce('2027-01-18')
        self._on('2027-01-20')._decline(self.lines[1])

        with self.assertRaisesRegex(UserError, "until 01/28/2027"):
            self._on('2027-01-29')._take_back_decline(self.lines[1])

    def test_ordered_shipment_is_not_declined(self):
        self._run_job('create_orders')
        self.lines[0]._unguarded().decline_until = day('2027-01-28')

        with self.assertRaisesRegex(UserError, "on its way already"):
            self._on('2027-01-02')._decline(self.lines[0])


@tagged('post_install', '-at_install')
class TestAnnouncementLink(AnnouncementCase, HttpCase):
    """The page is opened on the real day, so that the plan begins with it."""

    def setUp(self):
        self.today = self.company._get_continuity_today()
        super().setUp()
        self._run_job('create_orders')
        self.line = self.lines[1]
        self.line._unguarded().write({'date_planned': self.today})
        self._run_job('announce')
        self.path = f'/continuity/announcement/{self.line.id}/{self.line._get_announcement_signature()}'

    def _open(self, path=None):
        return self.url_open(path or self.path)

    def _choose(self, choice, path=None, with_token=True):
        """Post the form of the page, as a browser does."""
        token = self._open().text.partition('name="csrf_token" value="')[2].partition('"')[0]
        return self.url_open(f'{path or self.path}/{choice}', data={'csrf_token': token} if with_token else {'x': '1'})

    def test_looking_at_it_changes_nothing(self):
        page = self._open()

        self.assertEqual(page.status_code, 200)
        self.assertIn("Book 2", page.text)
        self.assertIn("Decline this shipment", page.text)
        self.assertEqual(self.url_open(f'{self.path}/decline').status_code, 405)
        self.url_open(self.path, method='HEAD')
        self.assertRecordValues(self.line, [{'state': 'planned', 'is_declined': False}])

    def test_it_tells_what_it_costs(self):
        self.line._unguarded().shipping_amount = 4.56

        page = self._open()

        self.assertIn("23.10", page.text)
        self.assertRegex(page.text, r"Shipping:\s+<span[^>]*>.*4\.56")

    def test_declining_and_taking_it_back(self):
        page = self._choose('decline')

        self.assertIn("You have declined this shipment", page.text)
        self.assertRecordValues(self.line, [{'state': 'skipped', 'is_declined': True}])
        message = self.subscription.message_ids.sorted('id')[-1]
        self.assertIn("declined by the customer", message.body)
        self.assertEqual(message.author_id, self.customer)

        page = self._choose('keep')

        self.assertIn("Decline this shipment", page.text)
        self.assertRecordValues(self.line, [{'state': 'planned', 'is_declined': False}])

    def test_declined_already(self):
        self._choose('decline')

        page = self._choose('decline')

        self.assertIn("has been declined already", page.text)
        self.assertEqual(self.line.state, 'skipped')

    def test_tampered_link(self):
        other = self.lines[2]
        for path in (
            f'{self.path[:-1]}x',
            self.path.replace(f'/{self.line.id}/', f'/{other.id}/'),
            '/continuity/announcement/0/x',
        ):
            with self.subTest(path):
                page = self._open(path)
                self.assertEqual(page.status_code, 404)
                self.assertIn("This link has expired", page.text)
                self.assertNotIn("Book", page.text)
                self.assertEqual(self._choose('decline', path=path).status_code, 404)
        self.assertEqual((self.line | other).mapped('state'), ['planned', 'planned'])

    def test_without_the_form(self):
        self.assertEqual(self._choose('decline', with_token=False).status_code, 400)

        self.assertEqual(self.line.state, 'planned')

    def test_after_the_deadline(self):
        self.line._unguarded().decline_until = day('2020-01-10')
        self.path = f'/continuity/announcement/{self.line.id}/{self.line._get_announcement_signature()}'

        page = self._open()

        self.assertEqual(page.status_code, 200)
        self.assertIn("could be declined until 01/10/2020", page.text)
        self.assertNotIn("Decline this shipment", page.text)
        self.line._unguarded().decline_until = self.today
        # A form that was opened in time and sent too late.
        self.path = f'/continuity/announcement/{self.line.id}/{self.line._get_announcement_signature()}'
        token = self._open().text.partition('name="csrf_token" value="')[2].partition('"')[0]
        self.line._unguarded().decline_until = day('2020-01-10')
        self.path = f'/continuity/announcement/{self.line.id}/{self.line._get_announcement_signature()}'
        page = self.url_open(f'{self.path}/decline', data={'csrf_token': token})
        self.assertIn("could be declined until 01/10/2020", page.text)
        self.assertEqual(self.line.state, 'planned')

    def test_link_of_an_earlier_announcement(self):
        self.line._forget_announcements()

        self.assertEqual(self._open().status_code, 404)

    def test_page_in_the_language_of_the_customer(self):
        self.env['res.lang']._activate_lang('fr_FR')
        self.customer.lang = 'fr_FR'

        self.assertIn(self.line.decline_until.strftime('%d/%m/%Y'), self._open().text)
