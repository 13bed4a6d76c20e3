from odoo.exceptions import UserError
from odoo.tests import HttpCase, tagged

from .common import ContinuityCase, day
from .common_announcement import AnnouncementCase


@tagged('post_install', '-at_install')
class TestStaleClicks(ContinuityCase):
    """The form's button brings along what the form showed: pressed twice, it does its work once."""

    def setUp(self):
        super().setUp()
        self.subscription = self._sell(self._create_program([{}, {}, {}, {}, {}]))
        self._run_job('create_orders')
        self.form = self._read_form()

    def _read_form(self):
        """Return the subscription as the office sees it now, on 10 January."""
        subscription = self.subscription.with_env(self._as_of(day('2027-01-10')))
        return subscription.with_context(continuity_seen=subscription.seen_key)

    def _assert_stale(self, text, call):
        before = self._get_plan(self.subscription), self.subscription.state
        with self.assertRaisesRegex(UserError, f"has changed in the meantime: {text}.*Nothing more was done"):
            call()
        self.assertEqual((self._get_plan(self.subscription), self.subscription.state), before)

    def test_skip_next(self):
        self.form.action_skip_next()
        self._assert_stale("shipment 2 is skipped already", self.form.action_skip_next)
        self.assertEqual([line.state for line in self.subscription.line_ids].count('skipped'), 1)

        self._read_form().action_skip_next()
        self.assertEqual([line.state for line in self.subscription.line_ids].count('skipped'), 2)

    def test_postpone(self):
        self.form.action_postpone()
        self._assert_stale("shipment 2 is planned for 03/01/2027 now", self.form.action_postpone)
        self.assertEqual(self.subscription.next_date, day('2027-03-01'))

    def test_ship_now(self):
        self.form.action_ship_now()
        self._assert_stale("shipment 2 is planned for 01/10/2027 now", self.form.action_ship_now)
        self._run_job('create_orders', on=day('2027-01-10'))
        self._assert_stale("shipment 2 is ordered already", self.form.action_ship_now)
        self.assertEqual(len(self.subscription.child_order_ids), 2)

    def test_one_after_another(self):
        self.form.action_skip_next()
        for call in (self.form.action_postpone, self.form.action_ship_now, self.form.action_resume):
            self._assert_stale("shipment 2 is skipped already", call)

    def test_pause_and_stop(self):
        pause, stop = (
            self.env[model].with_env(self.form.env).create({'subscription_id': self.subscription.id, **vals})
            for model, vals in (
                ('continuity.pause', {'seen_key': self.form.seen_key}),
                ('continuity.stop', {'seen_key': self.form.seen_key}),
            )
        )
        self.assertEqual(self.form.action_pause()['context']['default_seen_key'], self.form.seen_key)
        self.assertEqual(self.form.action_stop()['context']['default_seen_key'], self.form.seen_key)
        pause.action_pause()
        for call in (pause.action_pause, stop.action_stop, self.form.action_skip_next):
            self._assert_stale("it is paused", call)
        paused = self._read_form()
        paused.action_resume()
        self._assert_stale("it is running", paused.action_resume)

    def test_by_rpc_without_what_was_seen(self):
        for _time in range(2):
            self.form.with_context(continuity_seen=None).action_skip_next()
        self.assertEqual([line.state for line in self.subscription.line_ids].count('skipped'), 2)

    def test_junk_is_a_changed_page(self):
        for seen in ('', 'running', 5, ['x'], f'running/{self.subscription.id}'):
            with self.subTest(seen=seen), self.assertRaisesRegex(UserError, "has changed in the meantime"):
                self.form.with_context(continuity_seen=seen).action_skip_next()

    def test_every_button_about_the_next_shipment_says_what_was_seen(self):
        view = self.env['continuity.subscription'].get_view(
            self.env.ref('continuity_program.continuity_subscription_view_form').id
        )['arch']
        for name in ('skip_next', 'postpone', 'ship_now', 'pause', 'resume', 'stop'):
            self.assertRegex(view, f'name="action_{name}"[^>]*continuity_seen')


@tagged('post_install', '-at_install')
class TestDeclineAndSkip(AnnouncementCase, HttpCase):
    def setUp(self):
        self.today = self.company._get_continuity_today()
        super().setUp()
        self._run_job('create_orders')
        self.line = self.lines[1]
        self.line._unguarded().write({'date_planned': self.today})
        self._run_job('announce')
        self.path = f'/continuity/announcement/{self.line.id}/{self.line._get_announcement_signature()}'

    def test_declined_by_link_and_skipped_on_an_old_form(self):
        form = self.subscription.with_context(continuity_seen=self.subscription.seen_key)
        page = self.url_open(self.path)
        token = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]

        declined = self.url_open(f'{self.path}/decline', data={'csrf_token': token})
        self.assertIn("You have declined this shipment", declined.text)
        self.env.invalidate_all()

        with self.assertRaisesRegex(UserError, "shipment 2 is skipped already"):
            form.action_skip_next()
        self.assertEqual([line.state for line in self.lines].count('skipped'), 1)

    def test_skipped_and_declined_on_an_old_page(self):
        page = self.url_open(self.path)
        token = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        self.line.subscription_id._unguarded()._skip(self.line, "No.")

        self.url_open(f'{self.path}/decline', data={'csrf_token': token})

        self.assertEqual([line.state for line in self.lines].count('skipped'), 1)


@tagged('post_install', '-at_install')
class TestLinks(AnnouncementCase, HttpCase):
    """No address of ours ends in a server error, whatever is put into it."""

    JUNK = ('0', '9' * 12, '9' * 30, 'é', '..', "'", '²', '-1', 'None')

    def setUp(self):
        self.today = self.company._get_continuity_today()
        super().setUp()
        self._run_job('create_orders')
        self.lines[1]._unguarded().write({'date_planned': self.today})
        self._run_job('announce')
        self.subscription._portal_ensure_token()

    def _assert_no_error(self, path, **kwargs):
        with self.subTest(path=path, **kwargs):
            answer = self.url_open(path, **kwargs)
            self.assertLess(answer.status_code, 500)
        return answer

    def test_announcements(self):
        good = self.lines[1]._get_announcement_signature()
        for junk in self.JUNK:
            self._assert_no_error(f'/continuity/announcement/{junk}/{good}')
            page = self._assert_no_error(f'/continuity/announcement/{self.lines[1].id}/{junk}%00')
            self.assertEqual(page.status_code, 404)
        page = self.url_open(f'/continuity/announcement/{self.lines[1].id}/{good[:-1]}é')
        self.assertEqual(page.status_code, 404)
        self.assertIn("This link has expired", page.text)

    def test_pages_behind_tokens_are_kept_private(self):
        link = f'/continuity/announcement/{self.lines[1].id}/{self.lines[1]._get_announcement_signature()}'
        for path in (link, link[:-1] + 'x', self.subscription.get_portal_url()):
            answer = self.url_open(path)
            with self.subTest(path):
                self.assertEqual(answer.headers['Referrer-Policy'], 'no-referrer')
                self.assertIn('no-store', answer.headers['Cache-Control'])

    def test_portal(self):
        self._create_user('ann-portal', 'base.group_portal', partner_id=self.customer.id)
        own = f'/my/continuity/{self.subscription.id}'
        for login in (None, 'ann-portal'):
            self.authenticate(login, login)
            token = self.url_open(own).text.partition('csrf_token: "')[2].partition('"')[0]
            for junk in self.JUNK:
                for path in (
                    f'/my/continuity?page={junk}&sortby={junk}&filterby={junk}',
                    f'/my/continuity/page/{junk}',
                    f'/my/continuity/{junk}',
                    f'{own}?access_token={junk}',
                    f'{own}?change={junk}',
                ):
                    self._assert_no_error(path)
            for change in ('skip', 'postpone', 'swap', 'pause', 'resume', 'address', 'card', 'cancel', 'é'):
                for junk in (self.JUNK[2], 'é', '0999-01-01', '9999-12-31'):
                    names = ('shipment', 'line_id', 'product_id', 'until', 'address_id', 'token_id', 'reason_id')
                    data = {'csrf_token': token, **dict.fromkeys(names, junk)}
                    self._assert_no_error(f'{own}/change/{change}', data=data)
                    self._assert_no_error(f'/my/continuity/{self.JUNK[2]}/change/{change}', data=data)
        self.assertEqual(self.subscription.state, 'running')
