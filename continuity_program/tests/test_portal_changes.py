from freezegun import freeze_time
from lxml import html

from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import day
from .common_portal import PAGE, PortalCase


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
