"""What counts as bought, whatever becomes of the program: nobody gets a box more, or less, than was bought."""

from odoo.fields import Command
from odoo.tests import tagged

from .common import ContinuityCase, day


class BoughtCase(ContinuityCase):
    def _sell_boxes(self, program, count, on=None):
        """Sell a product that buys ``count`` of the program's events, and make its first child order."""
        product = self._create_parent_product(program, continuity_event_count=count)
        subscription = self._sell(program, product=product, on=on)
        self._run_job('create_orders', on or self.today)
        return subscription

    def _get_event(self, program, name):
        """Return the program line that sends a product."""
        return program.line_ids.filtered(lambda line: line.product_id.name == name)

    def _send_all(self, subscription):
        """Let the jobs work until long after the last box; return the products sent, in the order of their days."""
        for on in ('2027-02-28', '2027-04-30', '2027-06-30', '2027-12-31'):
            for job in ('sync', 'extend', 'create_orders'):
                self._run_job(job, day(on), domain=[('id', '=', subscription.id)])
        children = subscription.child_order_ids.filtered(lambda child: child.state != 'cancel')
        return [line.product_id.name for line in children.sorted('commitment_date').order_line]


@tagged('post_install', '-at_install')
class TestBoughtCount(BoughtCase):
    def test_a_sent_event_that_left_the_program_counts(self):
        program = self._create_program(6)
        subscription = self._sell_boxes(program, 3)

        self._get_event(program, "Book 1").unlink()

        self.assertEqual(self._send_all(subscription), ["Book 1", "Book 2", "Book 3"])
        self.assertEqual((subscription.occurrences_left, subscription.missing_event_count), (0, 0))

    def test_two_sent_events_that_left_the_program_count(self):
        program = self._create_program(8)
        subscription = self._sell_boxes(program, 4)
        self._run_job('create_orders', day('2027-02-01'))

        (self._get_event(program, "Book 1") | self._get_event(program, "Book 2")).unlink()

        self.assertEqual(self._send_all(subscription), ["Book 1", "Book 2", "Book 3", "Book 4"])

    def test_a_sent_event_that_left_counts_for_what_is_planned_later_too(self):
        self.company.continuity_repeat_threshold = 2
        program = self._create_program([{}, {'repeat_forever': True}])
        subscription = self._sell_boxes(program, 5)
        self.assertEqual(subscription.occurrences_left, 2)

        self._get_event(program, "Book 1").unlink()

        self.assertEqual(self._send_all(subscription), ["Book 1", "Book 2", "Book 2", "Book 2", "Book 2"])

    def test_a_box_of_which_one_product_left_the_program_counts_once(self):
        program = self._create_program([{'event_number': 1}, {'event_number': 1}, {}, {}, {}, {}])
        subscription = self._sell_boxes(program, 3)

        self._get_event(program, "Book 2").unlink()

        self.assertEqual(self._send_all(subscription), ["Book 1", "Book 2", "Book 3", "Book 4"])
        self.assertEqual(len(subscription.child_order_ids), 3)

    def test_a_box_of_which_both_products_left_the_program_counts_once(self):
        program = self._create_program([{'event_number': 1}, {'event_number': 1}, {}, {}, {}, {}])
        subscription = self._sell_boxes(program, 3)

        (self._get_event(program, "Book 1") | self._get_event(program, "Book 2")).unlink()

        self.assertEqual(self._send_all(subscription), ["Book 1", "Book 2", "Book 3", "Book 4"])
        self.assertEqual(len(subscription.child_order_ids), 3)

    def test_events_sent_together_that_left_the_program_count_each(self):
        program = self._create_program([{'start_date': f'2026-{month}-15'} for month in ('11', '12')] + [{}] * 5)
        subscription = self._sell_boxes(program, 4)
        self.assertEqual(subscription.child_order_ids.order_line.product_id.mapped('name'), ["Book 1", "Book 2"])

        (self._get_event(program, "Book 1") | self._get_event(program, "Book 2")).unlink()

        self.assertEqual(self._send_all(subscription), ["Book 1", "Book 2", "Book 3", "Book 4"])

    def test_an_event_taken_out_and_put_back_counts_once_it_is_sent(self):
        program = self._create_program(6)
        subscription = self._sell_boxes(program, 3)
        event = self._get_event(program, "Book 2")
        event.action = 'skip'
        self._run_job('sync')
        event.action = 'normal'

        self.assertEqual(self._send_all(subscription), ["Book 1", "Book 2", "Book 3"])

    def test_an_event_that_is_put_back_is_planned_for_no_reason_but_the_program(self):
        """What brought it back leaves nothing of what took it away: it can be taken away again."""
        program = self._create_program(4)
        subscription = self._sell(program)
        line = subscription.line_ids[1]
        for _time in range(2):
            line.program_line_id.action = 'skip'
            self._run_job('sync')
            self.assertEqual((line.state, line.cancel_cause), ('cancelled', 'program'))
            line.program_line_id.action = 'normal'
            self._run_job('sync')
            self.assertEqual((line.state, line.cancel_cause, line.skip_reason), ('planned', False, False))

    def test_an_event_that_is_put_back_leaves_by_itself_although_it_was_put_into_another_shipment(self):
        program = self._create_program(4)
        subscription = self._sell(program)
        line = subscription.line_ids[2]
        line.event_number = 2
        self.assertTrue(line.shipment_overridden)
        line.program_line_id.action = 'skip'
        self._run_job('sync')
        line.program_line_id.action = 'normal'
        self._run_job('sync')

        self.assertEqual((line.state, line.event_number, line.shipment_overridden), ('planned', 3, False))
        self.assertEqual(self._send_all(subscription), ["Book 1", "Book 2", "Book 3", "Book 4"])
        self.assertEqual(len(subscription.child_order_ids), 4)

    def test_a_box_cancelled_by_hand_counts_and_a_skipped_one_does_not(self):
        program = self._create_program(8)
        subscription = self._sell_boxes(program, 4)
        subscription.line_ids[1]._cancel_box()
        subscription._skip_next()

        self.assertEqual(self._send_all(subscription), ["Book 1", "Book 4", "Book 5"])


@tagged('post_install', '-at_install')
class TestAgreedLastShipment(BoughtCase):
    def test_the_last_shipment_agreed_is_sent_and_none_after_it(self):
        for number in (1, 2, 3):
            with self.subTest(number=number):
                program = self._create_program(5)
                subscription = self._sell(program)
                subscription._stop_after(number)
                self._get_event(program, "Book 5").product_id = self.books[8]
                program.line_ids = [Command.create({'product_id': self.books[9].id})]

                self.assertEqual(self._send_all(subscription), [f"Book {n}" for n in range(1, number + 1)])
                self.assertTrue(subscription.is_end_planned)

    def test_agreed_again_for_a_later_one(self):
        subscription = self._sell(self._create_program(5))
        subscription._stop_after(2)

        subscription._stop_after(4)

        self.assertEqual(self._send_all(subscription), [f"Book {number}" for number in range(1, 5)])

    def test_agreed_for_one_that_is_not_planned_yet(self):
        self.company.continuity_repeat_threshold = 2
        subscription = self._sell(self._create_program([{'repeat_forever': True}]))

        subscription._stop_after(5)

        self.assertEqual((subscription.occurrences_left, subscription.is_end_planned), (3, False))
        self.assertEqual(self._send_all(subscription), ["Book 1"] * 5)
        self.assertEqual((subscription.occurrences_left, subscription.is_end_planned), (0, True))
