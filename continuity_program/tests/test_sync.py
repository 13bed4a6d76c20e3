from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_sync import SyncCase


@tagged('post_install', '-at_install')
class TestSync(SyncCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = cls._create_program(4)

    def test_new_event_at_the_end(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')
        self.program.line_ids = [Command.create({'product_id': self.books[8].id})]
        self.assertTrue(self.program.sync_pending)

        run = self._sync(subscription)

        self.assertEqual(self._get_plan(subscription)[-1], (5, '2027-05-01', "Book 9", 'planned'))
        self.assertEqual(subscription.shipment_count, 5)
        self.assertFalse(self.program.sync_pending)
        self.assertEqual(run.change_ids.order_id, subscription.order_id)
        self.assertIn("Added: shipment 5, 05/01/2027, 1 × Book 9", run.change_ids.description)
        self.assertIn("Added: shipment 5", str(subscription.message_ids[0].body))

    def test_new_event_in_between_moves_what_follows(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')
        self._add_event(self.program, 3, product_id=self.books[8].id)

        self._sync(subscription)

        self.assertEqual(
            self._get_plan(subscription),
            [
                (1, '2027-01-01', "Book 1", 'ordered'),
                (2, '2027-02-01', "Book 2", 'planned'),
                (3, '2027-03-01', "Book 9", 'planned'),
                (4, '2027-04-01', "Book 3", 'planned'),
                (5, '2027-05-01', "Book 4", 'planned'),
            ],
        )

    def test_new_event_behind_the_customers_back_is_not_sent(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders', day('2027-02-01'))
        self._add_event(self.program, 2, product_id=self.books[8].id)

        self._sync(subscription, day('2027-02-01'))

        self.assertEqual(
            self._get_plan(subscription)[1:],
            [
                (2, '2027-02-01', "Book 2", 'ordered'),
                (3, '2027-03-01', "Book 3", 'planned'),
                (4, '2027-04-01', "Book 4", 'planned'),
            ],
        )

    def test_removed_event_is_cancelled_and_what_follows_moves_up(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')
        self.program.line_ids.filtered(lambda line: line.event_number == 3).unlink()

        run = self._sync(subscription)

        self.assertEqual(
            self._get_plan(subscription),
            [
                (1, '2027-01-01', "Book 1", 'ordered'),
                (2, '2027-02-01', "Book 2", 'planned'),
                (3, '2027-03-01', "Book 3", 'cancelled'),
                (4, '2027-03-01', "Book 4", 'planned'),
            ],
        )
        self.assertIn("Removed: shipment 3", run.change_ids.description)

    def test_removed_event_that_was_sent_moves_nothing(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders', day('2027-02-01'))
        self.program.line_ids.filtered(lambda line: line.event_number == 2).unlink()

        self._sync(subscription, day('2027-02-01'))

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-03-01', '2027-04-01'])

    def test_event_passed_over_and_taken_back(self):
        subscription = self._sell(self.program)
        event = self.program.line_ids[2]
        event.action = 'skip'
        self._sync(subscription)
        self.assertEqual(
            [line[3] for line in self._get_plan(subscription)], ['planned', 'planned', 'cancelled', 'planned']
        )

        event.action = 'normal'
        run = self._sync(subscription)

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-03-01', '2027-04-01'])
        self.assertEqual(set(subscription.line_ids.mapped('state')), {'planned'})
        self.assertIn("Back in the program", run.change_ids.description)

    def test_event_taken_back_behind_a_sent_one_that_left_the_program(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders', day('2027-02-01'))
        event = self.program.line_ids[2]
        event.action = 'skip'
        self.program.line_ids[1].unlink()
        self._sync(subscription, day('2027-02-01'))

        event.action = 'normal'
        self._sync(subscription, day('2027-02-01'))

        self.assertEqual(
            self._get_plan(subscription)[2:],
            [(3, '2027-03-01', "Book 3", 'planned'), (4, '2027-04-01', "Book 4", 'planned')],
        )

    def test_end_is_respected(self):
        subscription = self._sell(self.program)
        self.program.line_ids[1].action = 'end'

        self._sync(subscription)

        self.assertEqual(
            [line[3] for line in self._get_plan(subscription)], ['planned', 'planned', 'cancelled', 'cancelled']
        )

    def test_bought_count_is_filled_up_after_a_removal(self):
        product = self._create_parent_product(self.program, continuity_event_count=3)
        subscription = self._sell(self.program, product=product)
        self._run_job('create_orders')
        self.program.line_ids[1].unlink()

        self._sync(subscription)

        live = subscription.line_ids._filtered_active()
        self.assertEqual(live.mapped('product_id.name'), ["Book 1", "Book 3", "Book 4"])
        self.assertEqual(live.mapped(lambda line: str(line.date_planned)), ['2027-01-01', '2027-02-01', '2027-03-01'])

    def test_new_events_do_not_exceed_the_bought_count(self):
        product = self._create_parent_product(self.program, continuity_event_count=3)
        subscription = self._sell(self.program, product=product)
        self._add_event(self.program, 2, product_id=self.books[8].id)

        self._sync(subscription)

        live = subscription.line_ids._filtered_active()
        self.assertEqual(live.sorted('event_number').mapped('product_id.name'), ["Book 1", "Book 9", "Book 2"])

    def test_open_ended_program_fills_up_what_was_missing(self):
        program = self._create_program(2, open_ended=True)
        product = self._create_parent_product(program, continuity_event_count=3)
        subscription = self._sell(program, product=product)
        self.assertEqual(subscription.missing_event_count, 1)
        self._run_job('create_orders', day('2027-02-01'))
        self.assertTrue(subscription.is_waiting)

        program.line_ids = [Command.create({'product_id': self.books[index].id}) for index in (4, 5)]
        self._sync(subscription, day('2027-02-01'))

        self.assertEqual(self._get_plan(subscription)[2:], [(3, '2027-03-01', "Book 5", 'planned')])
        self.assertEqual((subscription.missing_event_count, subscription.is_waiting), (0, False))

    def test_product_quantity_carrier_and_term_follow(self):
        subscription = self._sell(self.program, quantity=2)
        self._run_job('create_orders')
        carrier = self.env['delivery.carrier'].create(
            {'name': "Bike", 'product_id': self._create_product("Bike", type='service', is_storable=False).id}
        )
        term = self._create_schedule("Half", (50, 0), (50, 30))
        event = self.program.line_ids[1]
        event.write(
            {'product_id': self.books[9].id, 'quantity': 3, 'carrier_id': carrier.id, 'payment_term_id': term.id}
        )
        ordered = subscription.line_ids[0].read()

        self._sync(subscription)

        line = subscription.line_ids[1]
        self.assertEqual(
            (line.product_id, line.quantity, line.carrier_id, line.payment_term_id, line.price_unit),
            (self.books[9], 6.0, carrier, term, 29.0),
        )
        self.assertEqual(subscription.line_ids[0].read(), ordered)

    def test_a_second_product_of_an_event_joins_its_shipment(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')
        self.program.line_ids = [
            Command.create({'event_number': number, 'product_id': self.books[9].id}) for number in (1, 2)
        ]

        self._sync(subscription)

        added = subscription.line_ids.filtered(lambda line: line.product_id == self.books[9])
        self.assertEqual((added.event_number, added.date_planned), (2, day('2027-02-01')))

    def test_timing_goes_on_from_the_last_shipment(self):
        subscription = self._sell(self.program, on=day('2027-01-31'))
        self._run_job('create_orders', day('2027-02-28'))
        self.program.line_ids.write({'interval_number': 2})

        self._sync(subscription, day('2027-03-01'))

        self.assertEqual(self._get_dates(subscription), ['2027-01-31', '2027-02-28', '2027-04-30', '2027-06-30'])

    def test_timing_before_the_first_shipment_counts_from_the_anchor(self):
        subscription = self._sell(self.program)
        self.program.line_ids.write({'interval_number': 2, 'interval_unit': 'week'})

        self._sync(subscription)

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-01-15', '2027-01-29', '2027-02-12'])

    def test_extend_agrees_with_the_timing_of_the_sync(self):
        self.company.continuity_repeat_threshold = 2
        program = self._create_program([{'repeat_forever': True}])
        subscription = self._sell(program)
        self._run_job('create_orders')
        program.line_ids.write({'interval_number': 1, 'interval_unit': 'week'})

        self._sync(subscription)
        self._run_job('extend')
        self._run_job('create_orders', day('2027-01-15'))
        self._run_job('extend', day('2027-01-15'))

        self.assertEqual(
            self._get_dates(subscription), ['2027-01-01', '2027-01-08', '2027-01-15', '2027-01-22', '2027-01-29']
        )

    def test_calendar_dates_follow(self):
        program = self._create_program([{'start_date': day('2027-01-10')}, {'start_date': day('2027-02-10')}, {}])
        subscription = self._sell(program)
        self._run_job('create_orders', day('2027-01-10'))
        program.line_ids[1].start_date = day('2027-02-20')

        self._sync(subscription, day('2027-01-11'))

        self.assertEqual(self._get_dates(subscription), ['2027-01-10', '2027-02-20', '2027-03-20'])

    def test_hand_changes_survive_and_are_told(self):
        subscription = self._sell(self.program)
        first, second, third, fourth = subscription.line_ids
        first.price_unit = 5.0
        second.date_planned = day('2027-02-11')
        third.product_id = self.books[10]
        fourth.quantity = 7
        self.program.line_ids.write({'price_unit': 50.0, 'price_overridden': True, 'interval_number': 2, 'quantity': 2})
        self.program.line_ids[2].product_id = self.books[9]
        rows = self.env['continuity.job.run']._preview('sync')
        kept = [row for row in rows if row['skipped'] == "Changed by hand"]
        self.assertEqual([row for row in rows if "changed by hand and stays" in row['change']], kept)

        run = self._sync(subscription)

        self.assertEqual((first.price_unit, first.quantity), (5.0, 2.0))
        self.assertEqual((second.date_planned, second.price_unit), (day('2027-02-11'), 50.0))
        self.assertEqual((third.product_id, third.price_unit, third.quantity), (self.books[10], 30.0, 2.0))
        self.assertEqual((fourth.quantity, fourth.date_planned), (7.0, day('2027-07-01')))
        self.assertIn("Ship On was changed by hand and stays", run.change_ids.description)

    def test_carrier_schedule_and_shipment_changed_by_hand_stay(self):
        bike, van = self.env['delivery.carrier'].create(
            [
                {'name': name, 'product_id': self._create_product(name, type='service', is_storable=False).id}
                for name in ("Bike", "Van")
            ]
        )
        halves = self._create_schedule("Halves", (50, 0), (50, 30))
        thirds = self._create_schedule("Thirds", (34, 0), (33, 30), (33, 60))
        subscription = self._sell(self.program)
        first, second, third, fourth = subscription.line_ids
        second.carrier_id = bike
        third.payment_term_id = halves
        fourth.event_number = 3
        self.program.line_ids.write({'carrier_id': van.id, 'payment_term_id': thirds.id})
        self._add_event(self.program, 2, product_id=self.books[8].id)

        run = self._sync(subscription)

        added = subscription.line_ids.filtered(lambda line: line.product_id == self.books[8])
        lines = first | added | second | third | fourth
        self.assertEqual(
            [(line.event_number, str(line.date_planned), line.product_id.name) for line in lines],
            [
                (1, '2027-01-01', "Book 1"),
                (2, '2027-02-01', "Book 9"),
                (3, '2027-03-01', "Book 2"),
                (4, '2027-04-01', "Book 3"),
                (4, '2027-04-01', "Book 4"),
            ],
        )
        none = self.env['delivery.carrier']
        self.assertEqual([line.carrier_id for line in lines], [van, none, bike, van, van])
        self.assertEqual(
            lines.mapped(lambda line: line.payment_term_id.name or ''), ["Thirds", '', "Thirds", "Halves", "Thirds"]
        )
        for kept in ("Book 2: Carrier was changed by hand and stays", "Book 3: Payment Term was changed by hand"):
            self.assertIn(kept, run.change_ids.description)

    def test_start_event_is_respected(self):
        subscription = self._sell(self.program, start_event=3)
        self.assertEqual(self._get_plan(subscription)[0], (1, '2027-01-01', "Book 3", 'planned'))
        self._add_event(self.program, 2, product_id=self.books[8].id)
        self.program.line_ids[0].interval_number = 2

        self._sync(subscription)

        self.assertEqual(
            self._get_plan(subscription),
            [(1, '2027-01-01', "Book 3", 'planned'), (2, '2027-02-01', "Book 4", 'planned')],
        )
        self._add_event(self.program, 5, product_id=self.books[9].id)

        self._sync(subscription)

        self.assertEqual(
            self._get_plan(subscription),
            [
                (1, '2027-01-01', "Book 3", 'planned'),
                (2, '2027-02-01', "Book 10", 'planned'),
                (3, '2027-03-01', "Book 4", 'planned'),
            ],
        )

    def test_a_price_list_changed_since_is_no_change_of_the_program(self):
        subscription = self._sell(self.program)
        self.books[:4].list_price = 99.0
        self.program.line_ids[3].interval_number = 2

        self._sync(subscription)

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 21.0, 22.0, 23.0])

    def test_an_events_own_price_is_followed_and_given_up(self):
        subscription = self._sell(self.program)
        event = self.program.line_ids[1]
        event.price_unit, event.price_overridden = 15.0, True
        self._sync(subscription)
        self.assertEqual(subscription.line_ids[1].price_unit, 15.0)

        event.price_overridden = False
        self._sync(subscription)

        self.assertEqual(subscription.line_ids[1].price_unit, 21.0)

    def test_price_rise_from_a_day_on(self):
        subscription = self._sell(self.program)
        subscription.line_ids[3].price_unit = 5.0
        for line, price in zip(self.program.line_ids, (30.0, 31.0, 32.0, 33.0), strict=True):
            line.write({'price_unit': price, 'price_overridden': True})
        self.program.new_price_date = day('2027-03-01')

        self._sync(subscription)

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 21.0, 32.0, 5.0])

    def _raise_price_list(self):
        """Let the customer's price list ask for 10 % more from 1 March on."""
        self.env['product.pricelist.item'].create(
            {
                'pricelist_id': self.customer.property_product_pricelist.id,
                'applied_on': '3_global',
                'compute_price': 'percentage',
                'percent_price': -10.0,
                'date_start': '2027-03-01',
            }
        )
        self.program.new_price_date = day('2027-03-01')

    def test_price_rise_of_the_price_list_from_a_day_on(self):
        self.customer.property_product_pricelist = self.env['product.pricelist'].create({'name': "Members"})
        subscription = self._sell(self.program)
        self._raise_price_list()

        self._sync(subscription)

        self.assertEqual(
            [round(price, 2) for price in subscription.line_ids.mapped('price_unit')], [20.0, 21.0, 24.2, 25.3]
        )

    def test_who_orders_before_the_day_of_a_price_rise_has_it_from_that_day_on(self):
        self.customer.property_product_pricelist = self.env['product.pricelist'].create({'name': "Members"})
        self._raise_price_list()
        subscription = self._sell(self.program)
        prices = [round(price, 2) for price in subscription.line_ids.mapped('price_unit')]
        self.assertEqual(prices, [20.0, 21.0, 24.2, 25.3])
        prepaid = self._sell(self.program, bill_upfront=True)
        self.assertEqual(prepaid.line_ids.mapped('price_unit'), [20.0, 21.0, 22.0, 23.0])

    def test_price_rise_is_taken_once(self):
        subscription = self._sell(self.program)
        self.books[:4].write({'list_price': 50.0})
        self.program.new_price_date = day('2027-03-01')
        self._sync(subscription)
        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 21.0, 50.0, 50.0])

        # Another rise, for new customers only, and another change of the program.
        self.books[:4].write({'list_price': 80.0})
        self.program.line_ids[3].carrier_id = self.env.ref('delivery.free_delivery_carrier')
        newer = self._sell(self.program)
        self._sync(subscription)
        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 21.0, 50.0, 50.0])
        self.assertEqual(subscription.line_ids[3].carrier_id, self.program.line_ids[3].carrier_id)
        self.assertEqual(newer.line_ids.mapped('price_unit'), [80.0] * 4)

        self.program.new_price_date = day('2027-04-01')
        self._sync(subscription)
        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 21.0, 50.0, 80.0])

    def test_an_events_own_price_is_followed_behind_the_day_of_new_prices(self):
        subscription = self._sell(self.program)
        for line, price in zip(self.program.line_ids, (30.0, 31.0, 32.0, 33.0), strict=True):
            line.write({'price_unit': price, 'price_overridden': True})
        self.program.new_price_date = day('2027-03-01')
        self._sync(subscription)

        self.program.line_ids.write({'price_unit': 40.0})
        self._sync(subscription)

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 21.0, 40.0, 40.0])

    def test_extension_takes_the_new_price(self):
        self.company.continuity_repeat_threshold = 2
        program = self._create_program([{'repeat_forever': True, 'price_unit': 10.0, 'price_overridden': True}])
        subscription = self._sell(program)
        program.line_ids.price_unit = 12.0
        program.new_price_date = day('2027-03-01')
        self._sync(subscription)
        self.assertEqual(subscription.line_ids.mapped('price_unit'), [10.0, 10.0])

        self._run_job('create_orders')
        self._run_job('extend')

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [10.0, 10.0, 12.0])

    def test_prepaid_follows_product_carrier_and_date_only(self):
        program = self._create_program(4, bill_upfront=True)
        subscription = self._sell(program)
        self._run_job('create_orders')
        total, shares = subscription.amount_total, subscription.line_ids.mapped('prepaid_amount')
        program.line_ids[1].write({'product_id': self.books[9].id, 'interval_number': 2})
        program.line_ids[2].write({'quantity': 2, 'price_unit': 99.0, 'price_overridden': True})
        program.line_ids[3].unlink()
        program.line_ids = [Command.create({'product_id': self.books[8].id})]

        run = self._run_job('sync')

        self.assertEqual(
            self._get_plan(subscription),
            [
                (1, '2027-01-01', "Book 1", 'ordered'),
                (2, '2027-03-01', "Book 10", 'planned'),
                (3, '2027-04-01', "Book 3", 'planned'),
                (4, '2027-04-01', "Book 4", 'planned'),
            ],
        )
        self.assertEqual((subscription.amount_total, subscription.line_ids.mapped('prepaid_amount')), (total, shares))
        self.assertEqual(subscription.line_ids[2].quantity, 1.0)
        text = run.change_ids.description
        for expected in (
            "Not added, the plan is paid in advance",
            "Still sent, paid in advance",
            "paid in advance, so its Quantity stays",
        ):
            self.assertIn(expected, text)

    def test_prepaid_does_not_take_a_product_of_other_taxes(self):
        other = self.env['account.tax'].create({'name': "Tax 20%", 'amount': 20.0, 'type_tax_use': 'sale'})
        program = self._create_program(2, bill_upfront=True)
        subscription = self._sell(program)
        program.bill_upfront = False
        self.books[9].taxes_id = [Command.set(other.ids)]
        program.line_ids[1].product_id = self.books[9]

        run = self._run_job('sync')

        self.assertEqual(subscription.line_ids[1].product_id, self.books[1])
        self.assertIn("so its Product stays", run.change_ids.description)

    def test_fixed_shipping_costs_follow(self):
        shipping = self._create_product("Shipping", 0.0, type='service', is_storable=False)
        program = self._create_program(2, shipping_policy='fixed', shipping_product_id=shipping.id, shipping_amount=3.0)
        subscription = self._sell(program)
        self._run_job('create_orders')
        program.shipping_amount = 4.0

        self._sync(subscription)

        self.assertEqual(subscription.line_ids.mapped('shipping_amount'), [3.0, 4.0])

    def test_a_product_added_by_hand_stays_with_its_shipment(self):
        subscription = self._sell(self.program)
        added = self.env['continuity.line'].create(
            {
                'subscription_id': subscription.id,
                'event_number': 3,
                'product_id': self.books[11].id,
                'date_planned': day('2027-03-01'),
            }
        )
        self._add_event(self.program, 2, product_id=self.books[8].id)

        self._sync(subscription)

        self.assertEqual((added.event_number, added.date_planned), (4, day('2027-04-01')))

    def test_overdue_shipments_ahead_of_an_ordered_one_stay(self):
        subscription = self._sell(self.program)
        subscription.line_ids[0].date_planned = day('2027-01-20')
        subscription.line_ids[2].date_planned = self.today
        self._run_job('create_orders')
        self.assertEqual(subscription.line_ids.mapped('state'), ['planned', 'planned', 'ordered', 'planned'])
        self._add_event(self.program, 4, product_id=self.books[8].id)

        self._sync(subscription)

        self.assertNotIn('cancelled', subscription.line_ids.mapped('state'))
        self.assertEqual(len(subscription.line_ids), 5)

    def test_paused_ones_are_synchronised_and_drafts_and_ended_ones_not(self):
        paused, stopped = self._sell(self.program), self._sell(self.program)
        draft = self._sell(self.program, confirm=False)
        paused._pause()
        stopped._cancel()
        self.program.line_ids = [Command.create({'product_id': self.books[8].id})]

        run = self._run_job('sync')

        self.assertEqual(run.done_count, 1)
        self.assertEqual([len(sub.line_ids) for sub in (paused, stopped, draft)], [5, 4, 4])

    def test_a_note_is_left_on_the_plan_and_on_its_parent_order(self):
        subscription, other = self._sell(self.program), self._sell(self._create_program(2))
        self.program.line_ids[1].quantity = 2

        self._sync(subscription)

        for record in subscription, subscription.order_id:
            self.assertIn("Shipment 2, Book 2: Quantity 1 → 2", record.message_ids[0].body)
        self.assertNotIn("Quantity", ''.join(other.order_id.message_ids.mapped('body')))

    def test_preview_tells_what_the_run_does_and_writes_nothing(self):
        first, second = self._sell(self.program), self._sell(self.program)
        self._run_job('create_orders', domain=[('id', '=', first.id)])
        self._add_event(self.program, 2, product_id=self.books[8].id)
        self.program.line_ids[2].unlink()
        before = (first | second).line_ids.read()

        rows = self.env['continuity.job.run']._preview('sync')

        self.assertEqual((first | second).line_ids.read(), before)
        self.assertEqual({row['order_id'] for row in rows}, set((first | second).order_id.ids))
        run = self._run_job('sync')
        for subscription in first | second:
            told = run.change_ids.filtered(lambda change, sub=subscription: change.subscription_id == sub)
            self.assertEqual(
                sorted(told.description.split('\n')),
                sorted(row['change'] for row in rows if row['subscription_id'] == subscription.id),
            )

    def test_stop_after_a_shipment_is_respected(self):
        subscription = self._sell(self.program)
        subscription._stop_after(3)
        self.program.line_ids = [Command.create({'product_id': self.books[8].id})]

        self._sync(subscription)

        self.assertEqual(len(subscription.line_ids._filtered_planned()), 3)
        self.assertEqual(subscription.occurrences_left, 0)
