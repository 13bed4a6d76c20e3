from freezegun import freeze_time
from lxml import html

from odoo.tests import tagged

from odoo.addons.continuity_program.controllers.continuity_portal import ContinuityPortal
from odoo.addons.continuity_program.models.subscription.portal import PORTAL_RULES

from .common import day
from .common_portal import PAGE, PortalCase


@tagged('post_install', '-at_install')
class TestPages(PortalCase):
    def setUp(self):
        super().setUp()
        self.authenticate('ann-portal', 'ann-portal')

    def _get_listed(self, query=''):
        """Return the names of the subscriptions that the list shows."""
        page = html.fromstring(self.url_open(f'{PAGE}{query}').text)
        return [' '.join(cell.text_content().split()).split()[-1] for cell in page.xpath('//tbody/tr/td[1]')]

    def test_list_shows_own_sorted_and_filtered(self):
        first = self.subscription
        later = self._sell_plan(start_date='2027-03-01')
        ended = self._sell_plan()
        ended._cancel()
        self._sell(self.program, confirm=False)
        self._sell_plan(order={'partner_id': self.other_user.partner_id.id})

        self.assertEqual(self._get_listed(), [first.name, later.name, ended.name])
        self.assertEqual(self._get_listed('?sortby=newest'), [ended.name, later.name, first.name])
        self.assertEqual(self._get_listed('?filterby=running'), [first.name, later.name])
        self.assertEqual(self._get_listed('?filterby=ended'), [ended.name])
        self.assertEqual(self._get_listed('?filterby=paused'), [])
        self.assertEqual(self._get_listed('?sortby=nonsense&filterby=nonsense'), [first.name, later.name, ended.name])

    def test_each_sorting_and_filter_works(self):
        for query in ('sortby=next', 'sortby=newest', 'sortby=program', 'sortby=state', 'filterby=all'):
            with self.subTest(query):
                self.assertEqual(self._get_listed(f'?{query}'), [self.subscription.name])

    def test_long_list_has_pages(self):
        later = self._sell_plan(start_date='2027-03-01')
        self.patch(ContinuityPortal, '_items_per_page', 1)

        self.assertEqual(self._get_listed(), [self.subscription.name])
        self.assertEqual(self._get_listed('/page/2'), [later.name])

    def test_empty_list_says_so(self):
        self.authenticate('bob-portal', 'bob-portal')

        self.assertIn("You have no subscriptions yet.", self.url_open(PAGE).text)

    def test_home_counts_own(self):
        counters = {'params': {'counters': ['continuity_count']}}
        self.assertEqual(self.url_open('/my/counters', json=counters).json()['result']['continuity_count'], 1)
        self.assertIn(f'href="{PAGE}"', self.url_open('/my').text)

        self.authenticate('bob-portal', 'bob-portal')
        self.assertEqual(self.url_open('/my/counters', json=counters).json()['result']['continuity_count'], 0)

    def test_page_tells_what_comes_what_came_and_what_is_paid(self):
        child = self.subscription.child_order_ids
        page = self._open()

        self.assertEqual(page.xpath('//h1')[0].text, "Book Club")
        self.assertEqual(
            self._get_text(page, 'continuity_summary'),
            "6 boxes, first 1 Jan 2027, last 1 Jun 2027 · $ 22.00 to $ 27.50 each · in all $ 148.50 incl. taxes",
        )
        to_come = [
            ["02/01/2027", "Book 2", "$ 23.10"],
            ["03/01/2027", "Book 3", "$ 24.20"],
            ["04/01/2027", "Book 4", "$ 25.30"],
            ["05/01/2027", "Book 5", "$ 26.40"],
            ["06/01/2027", "Book 6", "$ 27.50"],
        ]
        self.assertEqual(self._get_rows(page, 'to_come'), to_come)
        self.assertEqual(self._get_rows(page, 'past'), [["01/01/2027", "Book 1", f"Ordered {child.name}"]])
        self.assertEqual(
            self._get_rows(page, 'payments'),
            [
                ["when shipped", child.name, "$ 22.00", "Scheduled"],
                *(
                    [f"about {date}", f"Shipment {number}", amount, "Planned"]
                    for number, (date, _book, amount) in enumerate(to_come, start=2)
                ),
            ],
        )
        link = page.xpath(f"//a[text()='{child.name}']/@href")[0]
        self.assertIn(child.name, self.url_open(link).text)

    def test_delivered_and_paid_is_told(self):
        self._deliver(self.subscription.child_order_ids)
        self._run_job('process_payments', on=day('2027-01-10'))
        self._pay(self.subscription.payment_ids)
        page = self._open()

        child = self.subscription.child_order_ids
        self.assertEqual(self._get_rows(page, 'past'), [["01/01/2027", "Book 1", f"Delivered {child.name}"]])
        self.assertEqual(self._get_rows(page, 'payments')[0], ["01/10/2027", child.name, "$ 22.00", "Paid"])

    def test_plan_paid_in_advance_shows_its_instalments(self):
        program = self._create_program(2, bill_upfront=True)
        subscription = self._sell_plan(program, payment_term_id=self._create_schedule("Halves", (50, 0), (50, 30)).id)
        order = subscription.order_id
        page = self._open(subscription=subscription)

        self.assertEqual(self._get_rows(page, 'to_come'), [["02/01/2027", "Book 2"]])
        self.assertEqual(
            self._get_rows(page, 'payments'),
            [
                ["01/01/2027", order.name, "$ 22.55", "Scheduled"],
                ["01/31/2027", order.name, "$ 22.55", "Scheduled"],
            ],
        )
        self.assertIn("is paid in advance: postpone or pause it instead", self._get_text(page, 'continuity_skip'))

    def test_endless_plan_shows_the_next_twelve(self):
        subscription = self._sell_plan(self._create_program([{'repeat_forever': True}]))
        self._run_job('extend', on=day('2027-01-10'))
        self.assertEqual(len(self._get_rows(self._open(subscription=subscription), 'to_come')), 12)

    def test_running_plan_offers_what_the_program_allows(self):
        self.assertEqual(self._get_offered(self._open()), ['skip', 'postpone', 'pause', 'address', 'cancel'])

        self.program.write(
            {'portal_skip': False, 'portal_postpone': False, 'portal_pause': False, 'portal_address': False}
        )
        self.assertEqual(self._get_offered(self._open()), ['cancel'])
        self.program.write({'portal_cancel': False, 'portal_card': False})
        page = self._open()
        self.assertEqual(self._get_offered(page), [])
        self.assertEqual(self._get_text(page, 'continuity_changes_title'), "")

    def test_paused_plan_offers_to_resume(self):
        self.subscription._pause(until='2027-04-01')
        page = self._open()

        self.assertEqual(self._get_offered(page), ['resume', 'address', 'cancel'])
        self.assertEqual(
            [row[0] for row in self._get_rows(page, 'to_come')],
            ["after the pause", "after the pause", "04/01/2027", "05/01/2027", "06/01/2027"],
        )
        self.assertEqual(
            [row[0] for row in self._get_rows(page, 'payments')[1:4]],
            ["after the pause", "after the pause", "about 04/01/2027"],
        )

    def test_paused_plan_has_no_cut_off(self):
        self.program.portal_swap_product_ids = self.books[9]
        self.subscription._pause()
        with freeze_time('2027-02-20 12:00:00'):
            self.assertEqual(self._get_offered(self._open()), ['resume', 'swap', 'address', 'cancel'])
            self.assertEqual(self._change('swap'), "You will get Book 10.")

    def test_ended_plan_offers_nothing(self):
        self.subscription._cancel()
        cancelled = self._open()
        self.subscription._unguarded().state = 'done'
        done = self._open()

        for page in (cancelled, done):
            self.assertEqual(page.xpath("//*[@id='continuity_changes_title']"), [])
            self.assertEqual(self._get_offered(page), [])
            self.assertEqual(len(self._get_rows(page, 'past')), 1)

    def test_refused_is_told_in_place_of_the_button(self):
        self.company.continuity_lead_days = 30
        self.program.minimum_shipments = 3
        page = self._open()

        self.assertEqual(self._get_offered(page), ['pause', 'address'])
        self.assertIn("could be changed until before 01/02/2027", self._get_text(page, 'continuity_skip'))
        self.assertIn("could be changed until before 01/02/2027", self._get_text(page, 'continuity_postpone'))
        self.assertIn("paid on account, not by card", self._get_text(page, 'continuity_card'))
        self.assertIn("has committed to 3 shipments", self._get_text(page, 'continuity_cancel'))

    def test_everything_ordered(self):
        subscription = self._sell_plan(self._create_program(1))
        page = self._open(subscription=subscription)

        self.assertIn("Everything has been ordered.", page.text_content())
        self.assertIn("has no shipment to come", self._get_text(page, 'continuity_skip'))
        self.assertEqual(self._get_offered(page), ['pause', 'address', 'cancel'])
        subscription.program_id.open_ended = True
        self.assertIn("Nothing is planned yet", self._open(subscription=subscription).text_content())
        subscription._pause()
        self.assertEqual(self._get_offered(self._open(subscription=subscription)), ['resume', 'address', 'cancel'])

    def test_last_day_to_change_is_told(self):
        self.company.continuity_lead_days = 5

        self.assertIn("Possible until 01/26/2027.", self._get_text(self._open(), 'continuity_skip'))


@tagged('post_install', '-at_install')
class TestPortalAccess(PortalCase):
    """Nobody sees or changes what is another's; a token shows, and changes nothing."""

    def assertNotShown(self, query='', subscription=None):
        response = self.url_open(f'{PAGE}/{(subscription or self.subscription).id}{query}')
        self.assertNotIn("Book Club", response.text)
        self.assertNotIn('/my/continuity/', response.url)

    def assertNotChanged(self):
        self.env.invalidate_all()
        self.assertEqual(self.subscription.state, 'running')
        self.assertEqual(self.subscription.partner_shipping_id, self.customer)
        self.assertEqual(len(self.subscription.line_ids.filtered(lambda line: line.state == 'planned')), 5)
        self.assertEqual(self.subscription.next_date, day('2027-02-01'))

    def _try_everything(self, query='', csrf_token=''):
        """Send every change for the subscription, each with values that would be good; return the last answer."""
        values = {
            'shipment': self.subscription._get_shipment_key(),
            'until': '2027-03-01',
            'address_id': self.other_user.partner_id.id,
            'reason_id': self.env.ref('continuity_program.continuity_cancel_reason_other').id,
            'token_id': self._create_token().id,
            'line_id': self.subscription._get_next_shipment().id,
            'product_id': self.books[9].id,
        }
        self.program.portal_swap_product_ids = self.books[9]
        for change in PORTAL_RULES:
            yield self.url_open(
                f'{PAGE}/{self.subscription.id}/change/{change}{query}',
                data={**values, 'csrf_token': csrf_token},
                allow_redirects=False,
            )

    def test_another_customer_sees_nothing(self):
        token = self.subscription._portal_ensure_token()
        theirs = self._sell_plan(order={'partner_id': self.other_user.partner_id.id})
        self.authenticate('bob-portal', 'bob-portal')

        self.assertNotShown()
        self.assertNotShown('?access_token=wrong')
        self.assertNotShown(f'?access_token={theirs._portal_ensure_token()}')
        self.assertEqual(self._open(subscription=theirs).xpath('//h1')[0].text, "Book Club")
        page = self._open(f'?access_token={token}')
        self.assertEqual(self._get_offered(page), [])
        self.assertIn("Sign in to change your plan", page.text_content())
        self.assertIn(self.subscription.child_order_ids.name, page.text_content())
        self.assertEqual([link for link in page.xpath('//a/@href') if '/my/orders/' in link], [])

    def test_another_customer_changes_nothing(self):
        token = self.subscription._portal_ensure_token()
        self.authenticate('bob-portal', 'bob-portal')
        csrf_token = self._get_csrf()

        for query in ('', f'?access_token={token}'):
            for response in self._try_everything(query, csrf_token):
                self.assertEqual((response.status_code, response.headers['Location'].rsplit('/', 1)[1]), (303, 'my'))
        self.assertNotChanged()

    def test_nobody_logged_in_changes_nothing(self):
        token = self.subscription._portal_ensure_token()
        self.authenticate(None, None)
        page = self._open(f'?access_token={token}')
        self.assertEqual(self._get_offered(page), [])
        csrf_token = page.xpath("//script[contains(text(), 'csrf_token')]")[0].text.split('csrf_token: "')[1]

        for response in self._try_everything(f'?access_token={token}', csrf_token.split('"')[0]):
            self.assertEqual(response.status_code, 303)
            self.assertIn('/web/login', response.headers['Location'])
        self.assertNotChanged()

    def test_nothing_is_changed_without_csrf_token(self):
        self.authenticate('ann-portal', 'ann-portal')

        for csrf_token in ('', 'wrong'):
            self.assertEqual({answer.status_code for answer in self._try_everything(csrf_token=csrf_token)}, {400})
        for change in PORTAL_RULES:
            self.assertEqual(self.url_open(f'{PAGE}/{self.subscription.id}/change/{change}').status_code, 405)
        self.assertNotChanged()

    def test_public_visitor_needs_a_good_token(self):
        token = self.subscription._portal_ensure_token()
        self.authenticate(None, None)

        self.assertNotShown()
        self.assertNotShown(f'?access_token={token[:-1]}')
        self.assertNotShown('?access_token=')
        self.assertEqual(self._open(f'?access_token={token}').xpath('//h1')[0].text, "Book Club")

    def test_draft_is_not_shown(self):
        draft = self._sell(self.program, confirm=False)
        token = draft._portal_ensure_token()
        self.authenticate('ann-portal', 'ann-portal')

        self.assertNotShown(subscription=draft)
        self.assertNotShown(f'?access_token={token}', subscription=draft)

    def test_what_does_not_exist_leads_home(self):
        self.authenticate('ann-portal', 'ann-portal')
        self.assertTrue(self.url_open(f'{PAGE}/{self.subscription.id + 999}').url.endswith('/my'))
        csrf_token = self._get_csrf()
        url = f'{PAGE}/{self.subscription.id}/change/destroy'
        self.assertEqual(self.url_open(url, data={'csrf_token': csrf_token}).status_code, 404)

    def test_colleague_of_the_same_company_may_change_it(self):
        company = self.env['res.partner'].create({'name': "Bookworms Ltd", 'is_company': True})
        (self.customer | self.other_user.partner_id).parent_id = company
        self.authenticate('bob-portal', 'bob-portal')

        self.assertEqual(self._change('skip'), "The shipment is skipped.")
        self.assertEqual(self.subscription.next_date, day('2027-03-01'))

    def test_staff_preview_it_and_change_nothing(self):
        staff = self._create_user('staff-portal', 'sales_team.group_sale_salesman_all_leads')
        staff.password = 'staff-portal'
        self.authenticate('staff-portal', 'staff-portal')
        action = self.subscription.with_user(staff).action_preview_portal()
        page = html.fromstring(self.url_open(action['url']).text)

        self.assertIn("This is a preview of the customer portal.", page.text_content())
        self.assertEqual(self._get_offered(page), ['skip', 'postpone', 'pause', 'address', 'cancel'])
        self.assertEqual(len(page.xpath("//form[contains(@action, '/change/')]/fieldset[@disabled]")), 5)
        for response in self._try_everything(csrf_token=self._get_csrf()):
            self.assertEqual(response.status_code, 303)
        self.assertNotChanged()
