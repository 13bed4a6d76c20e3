"""What is one box and what is not, and which boxes come back by hand."""

from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import ContinuityCase

#: Two books in the first box, one in the second.
TWO_IN_ONE = [{'event_number': 1}, {'event_number': 1}, {'event_number': 2}]


@tagged('post_install', '-at_install')
class TestOneBox(ContinuityCase):
    def _get_states(self, subscription):
        return [(line.product_id.name, line.state) for line in subscription.line_ids.sorted('id')]

    def test_what_goes_to_another_address_is_a_box_of_its_own(self):
        subscription = self._sell(self._create_program(TWO_IN_ONE))
        first, second, _third = subscription.line_ids
        second.partner_shipping_id = self.env['res.partner'].create({'name': "Bob", 'parent_id': self.customer.id})

        first._cancel_box()

        self.assertEqual(
            self._get_states(subscription), [("Book 1", 'cancelled'), ("Book 2", 'planned'), ("Book 3", 'planned')]
        )

    def test_what_is_sent_again_is_no_box_with_what_is_planned(self):
        """A book is added to a shipment that has left, and what had left is sent again: two boxes of one number."""
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        lost = subscription.line_ids[0]
        added = self.env['continuity.line'].create(
            {
                'subscription_id': subscription.id,
                'product_id': self.books[5].id,
                'event_number': 1,
                'quantity': 1.0,
                'date_planned': '2027-01-10',
            }
        )
        replacement = lost.with_context(continuity_as_of='2027-01-05')._send_again()
        self.assertEqual((replacement.event_number, added.event_number), (1, 1))

        replacement._cancel_box()

        self.assertEqual((replacement.state, added.state, lost.state), ('cancelled', 'planned', 'delivered'))


@tagged('post_install', '-at_install')
class TestNotByHand(ContinuityCase):
    def assertNotByHand(self, line):
        self.assertFalse(line.can_plan_again)
        with self.assertRaisesRegex(UserError, "by itself, and does not come back by hand"):
            line._plan_again()

    def test_what_the_agreed_end_took_away_does_not_come_back_by_hand(self):
        subscription = self._sell(self._create_program(3))
        subscription._stop_after(2)

        self.assertEqual(subscription.line_ids[2].state, 'cancelled')
        self.assertNotByHand(subscription.line_ids[2])

    def test_what_was_skipped_does_not_come_back_by_hand(self):
        subscription = self._sell(self._create_program(3))
        self._run_job('create_orders')
        subscription._skip_next()

        self.assertEqual(subscription.line_ids[1].state, 'skipped')
        self.assertNotByHand(subscription.line_ids[1])

    def test_what_left_the_program_does_not_come_back_by_hand(self):
        subscription = self._sell(self._create_program(3))
        subscription.line_ids[1].program_line_id.action = 'skip'
        self._run_job('sync')

        self.assertEqual(subscription.line_ids[1].state, 'cancelled')
        self.assertNotByHand(subscription.line_ids[1])
