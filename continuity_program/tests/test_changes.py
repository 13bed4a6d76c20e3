from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import ContinuityCase, day


class ChangeCase(ContinuityCase):
    def _on(self, subscription, on):
        """Return the subscription as it is handled on a day."""
        return subscription.with_env(self._as_of(day(on)))


@tagged('post_install', '-at_install')
class TestSkip(ChangeCase):
    def test_skipped_box_does_not_count_as_bought(self):
        program = self._create_program(6)
        product = self._create_parent_product(program, continuity_event_count=4)
        subscription = self._sell(program, product=product)
        self._run_job('create_orders')

        self._on(subscription, '2027-01-10')._skip_next()
        self._run_job('extend', day('2027-01-10'))

        self.assertEqual(
            self._get_plan(subscription),
            [
                (1, '2027-01-01', "Book 1", 'ordered'),
                (2, '2027-02-01', "Book 2", 'skipped'),
                (3, '2027-03-01', "Book 3", 'planned'),
                (4, '2027-04-01', "Book 4", 'planned'),
                (5, '2027-05-01', "Book 5", 'planned'),
            ],
        )
        self.assertEqual(subscription.shipment_count, 4)
        self._run_job('create_orders', day('2027-12-31'))
        self.assertEqual(len(subscription.child_order_ids), 4)

    def test_skip_in_a_whole_program_sends_one_less(self):
        subscription = self._sell(self._create_program(3))

        self._on(subscription, '2026-12-31')._skip_next()

        self.assertEqual((subscription.occurrences_left, subscription.shipment_count), (0, 2))

    def test_what_is_skipped_of_a_program_that_gets_more_events_is_waited_for(self):
        program = self._create_program(3, open_ended=True)
        product = self._create_parent_product(program, continuity_event_count=3)
        subscription = self._sell(program, product=product)
        self._on(subscription, '2026-12-31')._skip_next()

        self._run_job('create_orders', day('2027-03-01'))

        self.assertEqual((subscription.missing_event_count, subscription.is_waiting), (1, True))
        program.line_ids = [Command.create({'product_id': self.books[3].id})]
        self._run_job('sync', day('2027-03-02'))
        self.assertEqual(self._get_plan(subscription)[3:], [(4, '2027-04-01', "Book 4", 'planned')])

    def test_skip_in_an_endless_plan_moves_nothing(self):
        self.company.continuity_repeat_threshold = 3
        subscription = self._sell(self._create_program([{'repeat_forever': True}]))
        self._run_job('create_orders')

        self._on(subscription, '2027-01-10')._skip_next()
        self._run_job('extend', day('2027-01-10'))

        self.assertEqual(
            [line[1:2] + line[3:] for line in self._get_plan(subscription)],
            [
                ('2027-01-01', 'ordered'),
                ('2027-02-01', 'skipped'),
                ('2027-03-01', 'planned'),
                ('2027-04-01', 'planned'),
                ('2027-05-01', 'planned'),
            ],
        )

    def test_refused_where_it_makes_no_sense(self):
        prepaid = self._sell(self._create_program(2, bill_upfront=True))
        with self.assertRaisesRegex(UserError, "paid in advance"):
            self._on(prepaid, '2026-12-31')._skip_next()
        subscription = self._sell(self._create_program(1))
        self.company.continuity_lead_days = 3
        with self.assertRaisesRegex(UserError, "being prepared: it could be changed until before 12/29/2026"):
            self._on(subscription, '2026-12-29')._skip_next()
        self._on(subscription, '2026-12-28')._skip_next()
        with self.assertRaisesRegex(UserError, "no shipment to come"):
            self._on(subscription, '2026-12-28')._skip_next()
        subscription._cancel()
        with self.assertRaisesRegex(UserError, "Cancelled"):
            subscription._skip_next()


@tagged('post_install', '-at_install')
class TestPostpone(ChangeCase):
    def test_next_and_all_behind_it_move_by_its_interval(self):
        subscription = self._sell(self._create_program(4), on=day('2027-01-31'))
        self._run_job('create_orders', day('2027-01-31'))

        self._on(subscription, '2027-02-10')._postpone()

        self.assertEqual(self._get_dates(subscription), ['2027-01-31', '2027-03-31', '2027-04-30', '2027-05-31'])

    def test_first_shipment_is_postponed(self):
        subscription = self._sell(self._create_program([{'interval_unit': 'week'}, {}]), start_date=day('2027-01-10'))

        self._on(subscription, '2027-01-05')._postpone()

        self.assertEqual(self._get_dates(subscription), ['2027-01-17', '2027-02-17'])

    def test_extension_keeps_the_new_rhythm(self):
        self.company.continuity_repeat_threshold = 2
        subscription = self._sell(self._create_program([{'repeat_forever': True}]))
        self._run_job('create_orders')
        self._on(subscription, '2027-01-10')._postpone()

        self._run_job('extend', day('2027-01-10'))
        self._run_job('create_orders', day('2027-04-01'))
        self._run_job('extend', day('2027-04-01'))

        self.assertEqual(
            self._get_dates(subscription), ['2027-01-01', '2027-03-01', '2027-04-01', '2027-05-01', '2027-06-01']
        )

    def test_behind_a_fixed_date_it_moves_by_its_own_rhythm(self):
        program = self._create_program([{}, {'start_date': day('2027-02-14')}, {}, {}])
        subscription = self._sell(program)
        self._run_job('create_orders', day('2027-02-14'))

        self._on(subscription, '2027-02-15')._postpone()

        self.assertEqual(self._get_dates(subscription)[2:], ['2027-04-14', '2027-05-14'])

    def test_dates_changed_by_hand_and_added_products_move_too(self):
        subscription = self._sell(self._create_program(3), start_date=day('2027-01-10'))
        subscription.line_ids[1].date_planned = day('2027-02-20')
        added = self.env['continuity.line'].create(
            {
                'subscription_id': subscription.id,
                'event_number': 3,
                'product_id': self.books[9].id,
                'date_planned': day('2027-03-10'),
            }
        )

        self._on(subscription, '2027-01-05')._postpone()

        self.assertEqual(self._get_dates(subscription)[:3], ['2027-02-10', '2027-03-20', '2027-04-10'])
        self.assertEqual(added.date_planned, day('2027-04-10'))

    def test_refused_where_it_makes_no_sense(self):
        calendar = self._sell(self._create_program([{'start_date': day('2027-01-05')}, {}]))
        with self.assertRaisesRegex(UserError, "fixed calendar"):
            calendar._postpone()
        fixed = self._sell(self._create_program([{}, {'start_date': day('2027-02-14')}]))
        self._run_job('create_orders', domain=[('id', '=', fixed.id)])
        with self.assertRaisesRegex(UserError, "no rhythm of its own"):
            self._on(fixed, '2027-01-02')._postpone()
        late = self._sell(self._create_program(2))
        with self.assertRaisesRegex(UserError, "being prepared"):
            self._on(late, '2027-01-01')._postpone()
        late._pause()
        with self.assertRaisesRegex(UserError, "Paused"):
            late._postpone()


@tagged('post_install', '-at_install')
class TestShipNowAndSwap(ChangeCase):
    def test_ship_now_moves_nothing_else(self):
        subscription = self._sell(self._create_program(3))
        self._run_job('create_orders')

        self._on(subscription, '2027-01-10')._ship_now()
        self._run_job('create_orders', day('2027-01-10'))

        self.assertEqual(
            [line[1:2] + line[3:] for line in self._get_plan(subscription)],
            [('2027-01-01', 'ordered'), ('2027-01-10', 'ordered'), ('2027-03-01', 'planned')],
        )
        with self.assertRaisesRegex(UserError, "no shipment to come|due already"):
            self._on(subscription, '2027-03-01')._ship_now()

    def test_swap_prices_the_new_product(self):
        subscription = self._sell(self._create_program(3))
        line = subscription.line_ids[1]

        self._on(subscription, '2027-01-10')._swap(line, self.books[9])

        self.assertEqual((line.product_id, line.price_unit, line.is_substituted), (self.books[9], 29.0, True))
        self.assertIn("Book 2 → Book 10", str(subscription.message_ids[0].body))

    def test_swap_is_refused_where_it_makes_no_sense(self):
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')
        ordered, planned = subscription.line_ids
        parent = subscription.product_id
        with self.assertRaisesRegex(UserError, "ordered"):
            self._on(subscription, '2027-01-10')._swap(ordered, self.books[9])
        with self.assertRaisesRegex(UserError, "being prepared"):
            self._on(subscription, '2027-02-01')._swap(planned, self.books[9])
        with self.assertRaisesRegex(UserError, "cannot be sent"):
            self._on(subscription, '2027-01-10')._swap(planned, parent)
        other = self._sell(self._create_program(2))
        with self.assertRaisesRegex(UserError, "not part of"):
            self._on(subscription, '2027-01-10')._swap(other.line_ids[1], self.books[9])
        prepaid = self._sell(self._create_program(2, bill_upfront=True))
        with self.assertRaisesRegex(UserError, "paid in advance"):
            self._on(prepaid, '2026-12-10')._swap(prepaid.line_ids[1], self.books[9])


@tagged('post_install', '-at_install')
class TestStopAfter(ChangeCase):
    def test_ends_with_the_shipment(self):
        reason = self.env['continuity.cancel.reason'].create({'name': "Too many books"})
        subscription = self._sell(self._create_program(5))
        self._run_job('create_orders')

        subscription._stop_after(3, reason)

        self.assertEqual(subscription.state, 'running')
        self.assertEqual(subscription.cancel_reason_id, reason)
        self.assertEqual(
            [line[3] for line in self._get_plan(subscription)],
            ['ordered', 'planned', 'planned', 'cancelled', 'cancelled'],
        )
        self.assertEqual(subscription.shipment_count, 3)
        self._run_job('extend', day('2027-06-01'))
        self._run_job('create_orders', day('2027-12-31'))
        self.assertEqual(len(subscription.child_order_ids), 3)

    def test_endless_plan_is_extended_up_to_its_last_shipment(self):
        self.company.continuity_repeat_threshold = 2
        subscription = self._sell(self._create_program([{'repeat_forever': True}]))

        subscription._stop_after(4)
        for month in range(1, 9):
            self._run_job('extend', day(f'2027-{month:02}-01'))
            self._run_job('create_orders', day(f'2027-{month:02}-01'))

        self.assertEqual(len(subscription.child_order_ids), 4)
        self.assertEqual((subscription.occurrences_left, subscription.shipment_count), (0, 4))

    def test_skipping_does_not_send_one_more_behind_the_end(self):
        product = self._create_parent_product(self._create_program(6), continuity_event_count=5)
        subscription = self._sell(product.continuity_program_id, product=product)
        subscription._stop_after(3)

        self._on(subscription, '2026-12-01')._skip_next()

        self.assertEqual(subscription.occurrences_left, 0)

    def test_prepaid_is_settled_by_value(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True))
        self._run_job('process_payments')
        self._run_job('create_orders')

        subscription._stop_after(2)

        note = subscription.order_id.invoice_ids.filtered(lambda move: move.move_type == 'out_refund')
        self.assertEqual((note.state, note.amount_total), ('draft', 24.2))

    def test_agreed_again_for_a_later_shipment(self):
        program = self._create_program(6)
        subscription = self._sell(program)
        self._run_job('create_orders')
        subscription._stop_after(2)
        program.line_ids[2].product_id = self.books[9]
        self._run_job('sync')
        self._on(subscription, '2027-01-20')._postpone()

        self._on(subscription, '2027-01-20')._stop_after(4)

        self.assertEqual(
            self._get_plan(subscription),
            [
                (1, '2027-01-01', "Book 1", 'ordered'),
                (2, '2027-03-01', "Book 2", 'planned'),
                (3, '2027-04-01', "Book 10", 'planned'),
                (4, '2027-05-01', "Book 4", 'planned'),
                (5, '2027-05-01', "Book 5", 'cancelled'),
                (6, '2027-06-01', "Book 6", 'cancelled'),
            ],
        )
        self.assertEqual((subscription.occurrences_left, subscription.shipment_count), (0, 4))

    def test_of_an_endless_plan_agreed_again_for_a_later_shipment(self):
        self.company.continuity_repeat_threshold = 2
        subscription = self._sell(self._create_program([{'repeat_forever': True}]))
        subscription._stop_after(1)

        subscription._stop_after(4)
        for month in range(1, 9):
            self._run_job('extend', day(f'2027-{month:02}-01'))
            self._run_job('create_orders', day(f'2027-{month:02}-01'))

        self.assertEqual(len(subscription.child_order_ids), 4)

    def test_paid_in_advance_it_ends_earlier_but_not_later(self):
        subscription = self._sell(self._create_program(4, bill_upfront=True))
        self._run_job('process_payments')
        subscription._stop_after(3)

        with self.assertRaisesRegex(UserError, "ends with shipment 3, and what follows has been settled"):
            subscription._stop_after(4)
        subscription._stop_after(2)

        notes = subscription.order_id.invoice_ids.filtered(lambda move: move.move_type == 'out_refund')
        self.assertEqual(notes.sorted('id').mapped('amount_total'), [25.3, 24.2])

    def test_refused_behind_what_was_sent(self):
        subscription = self._sell(self._create_program(5))
        self._run_job('create_orders', day('2027-03-01'))
        with self.assertRaisesRegex(UserError, "has sent shipment 3 already"):
            subscription._stop_after(2)

    def test_dialog_ends_it_later_and_tells_of_the_minimum(self):
        subscription = self._sell(self._create_program(5, minimum_shipments=4))
        self._run_job('create_orders')
        wizard = self.env['continuity.stop'].create({'subscription_id': subscription.id})
        self.assertIn("committed to 4 shipments", wizard.commitment_warning)
        self.assertEqual((wizard.planned_count, wizard.last_number), (4, 0))

        wizard.moment = 'after'
        self.assertEqual((wizard.last_number, wizard.planned_count), (2, 3))
        wizard.last_number = 4
        self.assertFalse(wizard.commitment_warning)
        wizard.action_stop()

        self.assertEqual((subscription.state, subscription.cancel_after_event), ('running', 4))


@tagged('post_install', '-at_install')
class TestAddress(ChangeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.home = cls.env['res.partner'].create({'name': "Home", 'parent_id': cls.customer.id, 'type': 'other'})

    def test_what_is_not_packed_goes_to_the_new_address(self):
        subscription = self._sell(self._create_program(4))
        self._run_job('create_orders', day('2027-03-01'))
        sent, packed, waiting = subscription.child_order_ids.sorted('commitment_date')
        self._deliver(sent.with_env(self._as_of(day('2027-03-01'))))
        packed.picking_ids.move_ids.write({'quantity': 1.0, 'picked': True})

        subscription.partner_shipping_id = self.home

        self.assertEqual((sent | packed).partner_shipping_id, self.customer)
        self.assertEqual(waiting.partner_shipping_id, self.home)
        self.assertEqual(waiting.picking_ids.partner_id, self.home)
        self.assertFalse(waiting.picking_ids.activity_ids)
        self._run_job('create_orders', day('2027-04-01'))
        self.assertEqual((subscription.child_order_ids - sent - packed - waiting).partner_shipping_id, self.home)

    def test_a_one_off_address_stays(self):
        friend = self.env['res.partner'].create({'name': "Friend"})
        subscription = self._sell(self._create_program(2))
        subscription.line_ids[0].partner_shipping_id = friend
        self._run_job('create_orders')

        subscription.partner_shipping_id = self.home

        self.assertEqual(subscription.child_order_ids.partner_shipping_id, friend)

    def test_other_taxes_at_the_new_address_are_told(self):
        self.customer.country_id = self.env.ref('base.be')
        abroad = self.env['res.partner'].create(
            {
                'name': "Abroad",
                'parent_id': self.customer.id,
                'type': 'other',
                'country_id': self.env.ref('base.jp').id,
            }
        )
        self.env['account.fiscal.position'].create(
            {'name': "Japan", 'auto_apply': True, 'country_id': self.env.ref('base.jp').id}
        )
        subscription = self._sell(self._create_program(2))
        self._run_job('create_orders')

        subscription.partner_shipping_id = abroad

        self.assertEqual(subscription.child_order_ids.partner_shipping_id, self.customer)
        notes = [str(message.body) for message in subscription.message_ids]
        self.assertTrue([note for note in notes if "would have other taxes" in note])
