from freezegun import freeze_time
from lxml import html

from odoo.exceptions import UserError
from odoo.tests import HttpCase, new_test_user, tagged

from odoo.addons.continuity_program.controllers.continuity_portal import ContinuityPortal
from odoo.addons.continuity_program.models.subscription.portal import PORTAL_RULES

from .common import ContinuityCase, day

PAGE = '/my/continuity'


class PortalCase(HttpCase, ContinuityCase):
    """Ann Archer has six monthly books from 1 January 2027 on; the first has been ordered, and it is 10 January."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = new_test_user(
            cls.env, 'ann-portal', groups='base.group_portal', name="Ann Archer", partner_id=cls.customer.id
        )
        cls.other_user = new_test_user(cls.env, 'bob-portal', groups='base.group_portal')
        cls.program = cls._create_program(6)

    def setUp(self):
        super().setUp()
        frozen = freeze_time('2027-01-10 12:00:00')
        frozen.start()
        self.addCleanup(frozen.stop)
        self.subscription = self._sell_plan()

    def _sell_plan(self, program=None, **kwargs):
        subscription = self._sell(program or self.program, **kwargs)
        self._run_job('create_orders', domain=[('id', '=', subscription.id)])
        return subscription.with_env(self.env)

    def _open(self, path='', subscription=None):
        """Return the page of the subscription, as parsed HTML."""
        response = self.url_open(f'{PAGE}/{(subscription or self.subscription).id}{path}')
        self.assertEqual(response.status_code, 200)
        return html.fromstring(response.text)

    def _change(self, change, subscription=None, on_page=None, **values):
        """Fill in the form of a change on the page and send it; return the text that the page shows then."""
        subscription = subscription or self.subscription
        page = self._open(subscription=subscription) if on_page is None else on_page
        forms = page.xpath(f"//*[starts-with(@id, 'continuity_{change}')]//form[contains(@action, '/change/')]")
        self.assertTrue(forms, f"no form for {change}")
        fields = {**dict(forms[0].form_values()), **values}
        return self._post(f'{PAGE}/{subscription.id}/change/{change}', fields)

    def _post(self, url, fields):
        response = self.url_open(url, data=fields)
        self.assertEqual(response.status_code, 200)
        self.env.invalidate_all()
        return self._get_text(html.fromstring(response.text), 'continuity_notice')

    def _get_csrf(self):
        """Return a token of the session, as any form of the portal has one."""
        return html.fromstring(self.url_open('/my/security').text).xpath("//input[@name='csrf_token']/@value")[0]

    def _send(self, change, subscription=None, **values):
        """Send a change past its form, with a good CSRF token; return the text that the page shows then."""
        subscription = subscription or self.subscription
        return self._post(f'{PAGE}/{subscription.id}/change/{change}', {'csrf_token': self._get_csrf(), **values})

    def _get_text(self, page, element_id):
        return ' '.join(''.join(page.xpath(f"//*[@id='{element_id}']//text()")).split())

    def _get_offered(self, page):
        """Return the changes that the page has a form for."""
        return [action.rsplit('/', 1)[1] for action in page.xpath("//form/@action") if '/change/' in action]

    def _get_rows(self, page, section):
        """Return the table of a section as a list of rows of texts."""
        rows = page.xpath(f"//section[@aria-labelledby='continuity_{section}_title']//tbody/tr")
        return [[' '.join(cell.text_content().split()) for cell in row.xpath('./td')] for row in rows]


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
        self.subscription._planning().state = 'done'
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


@tagged('post_install', '-at_install')
class TestPortalChanges(PortalCase):
    def setUp(self):
        super().setUp()
        self.authenticate('ann-portal', 'ann-portal')

    def test_skip(self):
        page = self._open()
        self.assertEqual(self._change('skip', on_page=page), "The shipment is skipped.")
        self.assertEqual(self.subscription.next_date, day('2027-03-01'))
        self.assertEqual(self._get_rows(self._open(), 'past')[0], ["02/01/2027", "Book 2", "Skipped"])
        self.assertIn(self.customer, self.subscription.message_ids.author_id)

        # The button of the old page, pressed once more
        self.assertIn("has changed in the meantime", self._change('skip', on_page=page))
        self.assertEqual(self.subscription.next_date, day('2027-03-01'))

    def test_skip_is_refused_past_the_cut_off(self):
        page = self._open()
        self.company.continuity_lead_days = 30

        self.assertIn("is being prepared", self._change('skip', on_page=page))
        self.assertEqual(self.subscription.next_date, day('2027-02-01'))

    def test_postpone(self):
        page = self._open()
        self.assertEqual(self._change('postpone', on_page=page), "The shipment is postponed.")
        self.assertEqual(
            self._get_dates(self.subscription),
            ['2027-01-01', '2027-03-01', '2027-04-01', '2027-05-01', '2027-06-01', '2027-07-01'],
        )
        self.assertIn("has changed in the meantime", self._change('postpone', on_page=page))
        self.assertEqual(self.subscription.next_date, day('2027-03-01'))

    def test_postpone_is_refused_on_a_calendar(self):
        program = self._create_program([{'start_date': f'2027-0{month}-01'} for month in (1, 2, 3)])
        subscription = self._sell_plan(program)

        self.assertIn(
            "has a fixed calendar", self._get_text(self._open(subscription=subscription), 'continuity_postpone')
        )
        self.assertIn("has a fixed calendar", self._send('postpone', subscription))
        self.assertEqual(subscription.next_date, day('2027-02-01'))

    def test_pause_until_a_day_and_resume(self):
        self.assertEqual(self._change('pause', until='2027-04-01'), "Your plan is paused.")
        self.assertEqual((self.subscription.state, self.subscription.resume_date), ('paused', day('2027-04-01')))

        self.assertEqual(self._change('resume'), "Your plan goes on.")
        self.assertEqual(self.subscription.state, 'running')
        self.assertEqual(self.subscription.next_date, day('2027-02-01'))

    def test_pause_without_a_day(self):
        self.assertEqual(self._change('pause', until=''), "Your plan is paused.")
        self.assertEqual((self.subscription.state, self.subscription.resume_date), ('paused', False))

    def test_pause_is_refused_for_a_day_that_is_not_to_come(self):
        for until, text in (
            ('2027-01-10', "only be paused until a day to come"),
            ('2020-01-01', "only be paused until a day to come"),
            ('soon', "Please enter a date"),
            ('2027-02-31', "Please enter a date"),
        ):
            with self.subTest(until):
                self.assertIn(text, self._change('pause', until=until))
                self.assertEqual(self.subscription.state, 'running')

    def test_odd_input_is_refused_in_words(self):
        self.program.portal_swap_product_ids = self.books
        csrf = self._get_csrf()
        names = {
            'skip': 'shipment',
            'postpone': 'shipment',
            'swap': 'product_id',
            'pause': 'until',
            'address': 'address_id',
            'card': 'token_id',
            'cancel': 'reason_id',
        }
        for change, field in names.items():
            for value in ('9' * 30, '\x00', '2027-02-30'):
                with self.subTest(change=change, value=value):
                    url = f'{PAGE}/{self.subscription.id}/change/{change}'
                    response = self.url_open(url, {'csrf_token': csrf, field: value}, allow_redirects=False)
                    self.assertTrue(response.headers['Location'].endswith(f'?change={change}'))
        self.env.invalidate_all()
        self.assertEqual((self.subscription.state, self.subscription.next_date), ('running', day('2027-02-01')))

    def test_form_of_what_was_refused_stays_open(self):
        fields = {'csrf_token': self._get_csrf(), 'until': 'soon'}
        response = self.url_open(f'{PAGE}/{self.subscription.id}/change/pause', data=fields)

        self.assertTrue(html.fromstring(response.text).xpath("//details[@id='continuity_pause'][@open]"))

    def test_resume_is_refused_to_a_running_plan(self):
        self.assertIn("cannot be changed so online", self._send('resume'))

    def test_swap(self):
        self.program.portal_swap_product_ids = self.books[8:10]
        option = self._open().xpath("//*[starts-with(@id, 'continuity_swap')]//option")[0]
        self.assertEqual(' '.join(option.text_content().split()), "Book 10 · $ 31.90")

        self.assertEqual(self._change('swap', product_id=str(self.books[9].id)), "You will get Book 10.")
        line = self.subscription._get_next_shipment()
        self.assertEqual((line.product_id, line.price_total), (self.books[9], 31.9))

    def test_swap_keeps_a_price_given_by_hand(self):
        self.subscription._get_next_shipment().price_unit = 10.0
        self.program.portal_swap_product_ids = self.books[9]
        option = self._open().xpath("//*[starts-with(@id, 'continuity_swap')]//option")[0]
        self.assertEqual(' '.join(option.text_content().split()), "Book 10 · $ 11.00")

        self._change('swap')

        self.assertEqual(self.subscription._get_next_shipment().price_total, 11.0)

    def test_swap_is_refused_for_what_the_program_does_not_list(self):
        line, other = self.subscription._get_next_shipment(), self._sell_plan()._get_next_shipment()
        self.assertIn("cannot be changed so online", self._send('swap', line_id=line.id, product_id=self.books[9].id))

        self.program.portal_swap_product_ids = self.books[8]
        for line_id, product_id in (
            (line.id, self.books[9].id),
            (other.id, self.books[8].id),
            (self.subscription.line_ids[3].id, self.books[8].id),
            ('x', ''),
        ):
            self.assertIn("choose a product of the list", self._send('swap', line_id=line_id, product_id=product_id))
        self.assertEqual((line | other).product_id, self.books[1])

    def test_swap_of_a_plan_paid_in_advance_is_refused(self):
        program = self._create_program(3, bill_upfront=True, portal_swap_product_ids=self.books[9])
        subscription = self._sell_plan(program)

        self.assertIn("paid in advance", self._get_text(self._open(subscription=subscription), 'continuity_swap'))
        line = subscription._get_next_shipment()
        self.assertIn("paid in advance", self._send('swap', subscription, line_id=line.id, product_id=self.books[9].id))
        self.assertEqual(line.product_id, self.books[1])

    def test_change_of_address(self):
        summer = self.env['res.partner'].create(
            {'name': "Summer House", 'type': 'delivery', 'parent_id': self.customer.id, 'street': "2 Beach"}
        )

        self.assertEqual(self._change('address', address_id=str(summer.id)), "Your plan is sent to the new address.")
        self.assertEqual(self.subscription.partner_shipping_id, summer)
        self.assertEqual(self.subscription.child_order_ids.partner_shipping_id, summer)
        tracked = self.subscription.message_ids.tracking_value_ids.filtered(
            lambda value: value.field_id.name == 'partner_shipping_id'
        )
        self.assertEqual(tracked.mail_message_id.author_id, self.customer)

    def test_address_of_another_is_refused(self):
        for address_id in (self.other_user.partner_id.id, self.company.partner_id.id, 0, 'x'):
            self.assertIn("choose one of your addresses", self._send('address', address_id=address_id))
        self.assertEqual(self.subscription.partner_shipping_id, self.customer)

    def test_new_address_by_odoos_own_page(self):
        link = self._open().xpath("//*[@id='continuity_address']//a/@href")[0]
        page = html.fromstring(self.url_open(link).text)
        fields = dict(page.xpath("//form[.//input[@name='street']]")[0].form_values())
        country = self.env.ref('base.be')
        answer = self.url_open(
            '/my/address/submit',
            data={
                **fields,
                'name': "Work",
                'email': "ann@example.com",
                'phone': "+32 470 12 34 56",
                'street': "3 Office Park",
                'city': "Bruges",
                'zip': "8000",
                'country_id': country.id,
            },
        ).json()

        self.assertEqual(answer, {'redirectUrl': f'{PAGE}/{self.subscription.id}?change=address'})
        work = self.customer.child_ids.filtered(lambda partner: partner.name == "Work")
        page = html.fromstring(self.url_open(answer['redirectUrl']).text)
        self.assertTrue(page.xpath("//details[@id='continuity_address'][@open]"))
        self._change('address', on_page=page, address_id=str(work.id))
        self.assertEqual(self.subscription.partner_shipping_id, work)

    def test_cancel(self):
        reason = self.env.ref('continuity_program.continuity_cancel_reason_moved')
        page = self._open()
        self.assertIn("Still to be paid: $ 22.00.", self._get_text(page, 'continuity_cancel'))
        self.assertEqual(self._change('cancel', on_page=page, reason_id=str(reason.id)), "Your plan is cancelled.")

        self.assertEqual((self.subscription.state, self.subscription.cancel_reason_id), ('cancelled', reason))
        # What was ordered already still goes out.
        self.assertEqual(self.subscription.child_order_ids.state, 'sale')
        self.assertIn("cannot be changed so online", self._change('cancel', on_page=page, reason_id=str(reason.id)))

    def test_cancel_asks_why(self):
        unpaid = self.env.ref('continuity_program.continuity_cancel_reason_unpaid')
        for reason_id in ('', 'x', unpaid.id):
            self.assertIn("choose why you cancel", self._send('cancel', reason_id=reason_id))
        self.assertEqual(self.subscription.state, 'running')

    def test_cancel_is_refused_below_the_minimum(self):
        self.program.minimum_shipments = 2
        reason = self.env.ref('continuity_program.continuity_cancel_reason_moved')

        self.assertIn("committed to 2 shipments", self._send('cancel', reason_id=reason.id))
        self.assertEqual(self.subscription.state, 'running')

    def test_refused_by_the_program_is_refused_past_the_page(self):
        page = self._open()
        self.program.write(
            {'portal_skip': False, 'portal_postpone': False, 'portal_pause': False, 'portal_address': False}
        )
        for change in ('skip', 'postpone', 'pause', 'address'):
            with self.subTest(change):
                self.assertIn("cannot be changed so online", self._change(change, on_page=page))
        self.assertEqual(self.subscription.state, 'running')
        self.assertEqual(self.subscription.next_date, day('2027-02-01'))

    def test_nothing_is_half_written(self):
        skip_next = self.env.registry['continuity.subscription']._skip_next

        def skip_and_fail(subscription):
            skip_next(subscription)
            raise UserError("Not today.")

        self.patch(self.env.registry['continuity.subscription'], '_skip_next', skip_and_fail)

        self.assertEqual(self._change('skip'), "Not today.")
        self.assertEqual(self.subscription.next_date, day('2027-02-01'))
        self.assertNotIn('skipped', self.subscription.line_ids.mapped('state'))


@tagged('post_install', '-at_install')
class TestPortalPaying(PortalCase):
    """Paying by card: with the demo provider, whose card does what it is told to do."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.card = cls._create_token(demo_simulated_state='done')
        cls.card.provider_id.is_published = True

    def setUp(self):
        super().setUp()
        self.authenticate('ann-portal', 'ann-portal')

    def _sell_declined(self):
        """Return a subscription whose first payment was declined."""
        self.card.demo_simulated_state = 'error'
        subscription = self._sell_plan()
        self._deliver(subscription.child_order_ids)
        self._run_job('process_payments', on=day('2027-01-10'))
        self.assertEqual(subscription.payment_ids.state, 'declined')
        return subscription

    def test_declined_instalment_has_a_link_to_pay_it(self):
        subscription = self._sell_declined()
        page = self._open(subscription=subscription)
        row = self._get_rows(page, 'payments')[0]

        self.assertEqual(row[2:], ["$ 22.00", "Declined Pay now"])
        bill = html.fromstring(self.url_open(page.xpath("//a[text()='Pay now']/@href")[0]).text)
        self.assertIn(subscription.payment_ids.invoice_id.name, bill.text_content())
        self.assertTrue(bill.xpath("//form[@id='o_payment_form']"))

    def test_nothing_to_pay_before_it_is_due(self):
        subscription = self._sell_plan()
        self.assertEqual(self._open(subscription=subscription).xpath("//a[text()='Pay now']"), [])

        self._deliver(subscription.child_order_ids)
        self._run_job('process_payments', on=day('2027-01-10'))
        self.assertEqual(subscription.payment_ids.state, 'paid')
        self.assertEqual(self._open(subscription=subscription).xpath("//a[text()='Pay now']"), [])

    def test_bill_on_account_is_paid_from_its_due_date_on(self):
        term = self._create_schedule("In ten days", (100, 10))
        self.company.continuity_bill_lead_days = 5
        subscription = self._sell_plan(payment_method='on_account', payment_term_id=term.id)
        self._deliver(subscription.child_order_ids)
        self._run_job('process_payments', on=day('2027-01-10'))
        self.assertEqual(
            (subscription.payment_ids.state, subscription.payment_ids.due_date), ('billed', day('2027-01-11'))
        )

        self.assertEqual(self._open(subscription=subscription).xpath("//a[text()='Pay now']"), [])
        with freeze_time('2027-01-11 12:00:00'):
            self.assertEqual(len(self._open(subscription=subscription).xpath("//a[text()='Pay now']")), 1)

    def test_saved_card_is_chosen(self):
        subscription = self._sell_declined()
        second = self._create_token(payment_details="1111", demo_simulated_state='done')

        text = self._change('card', subscription, token_id=str(second.id))

        self.assertEqual(text, "Your plan is paid with this card from now on.")
        self.assertEqual(subscription.payment_token_id, second)
        self._run_job('process_payments', on=day('2027-01-10'))
        self.assertEqual(subscription.payment_ids.state, 'paid')

    def test_card_of_another_is_refused(self):
        subscription = self._sell_plan()
        theirs = self._create_token(self.other_user.partner_id)
        archived = self._create_token(active=False)

        for token_id in (theirs.id, archived.id, 0, 'x'):
            self.assertIn("choose one of your cards", self._send('card', subscription, token_id=token_id))
        self.assertEqual(subscription.payment_token_id, self.card)

    def _save_card(self, subscription):
        """Ask for the transaction that saves a new card, as Odoo's payment form does; return the answer."""
        params = {
            'provider_id': self.card.provider_id.id,
            'payment_method_id': self.card.payment_method_id.id,
            'token_id': None,
            'amount': None,
            'flow': 'direct',
            'tokenization_requested': True,
            'landing_route': subscription.access_url,
            'is_validation': True,
            'access_token': None,
        }
        return self.url_open(f'{PAGE}/{subscription.id}/card', json={'params': params}).json()

    def test_new_card_is_taken_by_this_subscription_alone(self):
        subscription, other = self._sell_plan(), self._sell_plan()
        reference = self._save_card(subscription)['result']['reference']
        transaction = self.env['payment.transaction'].search([('reference', '=', reference)])
        self.assertEqual(transaction.continuity_subscription_id, subscription)
        self.assertEqual((transaction.operation, transaction.amount), ('validation', 0.0))

        transaction._process('demo', {'simulated_state': 'done', 'payment_details': "1234", 'reference': reference})
        transaction._post_process()

        self.assertEqual(subscription.payment_token_id.payment_details, "1234")
        self.assertEqual(other.payment_token_id, self.card)

    def test_no_card_is_saved_for_another(self):
        subscription = self._sell_plan()
        self.authenticate('bob-portal', 'bob-portal')
        self.assertIn('error', self._save_card(subscription))
        self.authenticate(None, None)
        self.assertIn('error', self._save_card(subscription))
        self.assertFalse(self.env['payment.transaction'].search([('continuity_subscription_id', '!=', False)]))

    def test_no_card_is_saved_where_the_program_does_not_let_it_be_changed(self):
        subscription = self._sell_plan()
        self.program.portal_card = False

        self.assertIn("cannot be changed so online", self._save_card(subscription)['error']['data']['message'])
