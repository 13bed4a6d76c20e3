from datetime import date, timedelta
from unittest import TestCase

from domain import gate
from domain.gate import Card, Credit, Installment, Overdue, Refusal
from hypothesis import given
from hypothesis import strategies as st

TODAY = date(2027, 1, 20)
DAY = timedelta(days=1)


class TestUnpaid(TestCase):
    def assertCode(self, credit, overdue, code):
        refusal = gate.get_unpaid_refusal(credit, overdue, TODAY)
        self.assertEqual(refusal and refusal.code, code)

    def test_count_beyond_what_is_accepted(self):
        credit = Credit('hold', max_count=2)
        self.assertCode(credit, Overdue(2, TODAY - DAY), None)
        self.assertCode(credit, Overdue(3, TODAY - DAY), 'unpaid_count')

    def test_days_beyond_what_is_accepted(self):
        credit = Credit('stop', max_days=10)
        self.assertCode(credit, Overdue(1, TODAY - 10 * DAY), None)
        self.assertCode(credit, Overdue(1, TODAY - 11 * DAY), 'unpaid_days')

    def test_the_sentence_gets_its_values(self):
        refusal = gate.get_unpaid_refusal(Credit('hold', max_days=10), Overdue(1, TODAY - 11 * DAY), TODAY)
        self.assertEqual(refusal, Refusal('unpaid_days', {'date': date(2027, 1, 9), 'days': 11, 'accepted': 10}))
        refusal = gate.get_unpaid_refusal(Credit('hold', 1, 10), Overdue(2, TODAY - 11 * DAY), TODAY)
        self.assertEqual(refusal, Refusal('unpaid_count', {'count': 2, 'accepted': 1}))

    def test_no_limit_accepts_all(self):
        self.assertCode(Credit('hold'), Overdue(9, TODAY - 900 * DAY), None)

    def test_shipping_all_the_same_accepts_all(self):
        self.assertCode(Credit('ship', 1, 1), Overdue(9, TODAY - 900 * DAY), None)

    def test_who_owes_nothing_is_not_refused(self):
        self.assertCode(Credit('hold', 1, 1), Overdue(0, None), None)
        self.assertCode(Credit('hold', 1, 1), Overdue(0, TODAY - 2 * DAY), None)


class TestCard(TestCase):
    def test_usable_until_its_last_day(self):
        self.assertIsNone(gate.get_card_refusal(Card(True), TODAY))
        self.assertIsNone(gate.get_card_refusal(Card(True, TODAY), TODAY))
        self.assertEqual(
            gate.get_card_refusal(Card(True, TODAY - DAY), TODAY), Refusal('card_expired', {'date': TODAY - DAY})
        )

    def test_none_that_works(self):
        self.assertEqual(gate.get_card_refusal(Card(False, TODAY + DAY), TODAY), Refusal('no_token'))


class TestWindow(TestCase):
    def test_first_day(self):
        planned = TODAY + 3 * DAY
        self.assertIsNone(gate.get_window_refusal(planned, 3, TODAY))
        self.assertEqual(
            gate.get_window_refusal(planned, 2, TODAY),
            Refusal('too_early', {'planned': planned, 'first_day': TODAY + DAY}),
        )

    @given(st.integers(0, 400), st.integers(0, 400))
    def test_late_is_always_allowed(self, late, delivery_days):
        self.assertIsNone(gate.get_window_refusal(TODAY - late * DAY, delivery_days, TODAY))


class TestPayment(TestCase):
    def get_code(self, *installments, is_prepaid=False):
        refusal = gate.get_payment_refusal(installments, is_prepaid, TODAY)
        return refusal and refusal.code

    def test_charged_when_ordered_waits_until_it_is_paid(self):
        for state in ('scheduled', 'processing', 'declined', 'billed'):
            self.assertEqual(self.get_code(Installment(1, 'token', state, TODAY)), 'to_be_paid')
        self.assertIsNone(self.get_code(Installment(1, 'token', 'paid', TODAY)))

    def test_charged_when_shipped_waits_for_nothing(self):
        self.assertIsNone(self.get_code(Installment(1, 'token', 'declined')))

    def test_failed_installment_that_is_due(self):
        for due, code in ((TODAY, 'instalment'), (TODAY + DAY, None)):
            self.assertEqual(self.get_code(Installment(2, 'token', 'declined', due, has_schedule=True)), code)
            self.assertEqual(self.get_code(Installment(2, 'token', 'scheduled', due, True, on_hold=True)), code)

    def test_installment_that_is_due_and_has_not_failed(self):
        self.assertIsNone(self.get_code(Installment(1, 'token', 'scheduled', TODAY, has_schedule=True)))
        self.assertIsNone(self.get_code(Installment(1, 'token', 'paid', TODAY, True, on_hold=True)))

    def test_cancelled_or_on_account_keeps_nothing_back(self):
        self.assertIsNone(self.get_code(Installment(1, 'token', 'cancelled', TODAY)))
        self.assertIsNone(self.get_code(Installment(1, 'on_account', 'declined', TODAY, has_schedule=True)))

    def test_paid_in_advance_without_schedule_is_delivered(self):
        self.assertIsNone(self.get_code(Installment(1, 'token', 'declined', TODAY), is_prepaid=True))

    def test_the_first_that_fails_is_named(self):
        failing = [Installment(number, 'token', 'declined', TODAY, has_schedule=True) for number in (2, 3)]
        paid = Installment(1, 'token', 'paid', TODAY, has_schedule=True)
        refusal = gate.get_payment_refusal([paid, *failing], True, TODAY)
        self.assertEqual(refusal, Refusal('instalment', {'number': 2, 'date': TODAY, 'on_hold': False}))
