from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_mass_change import MassChangeCase


@tagged('post_install', '-at_install')
class TestShift(MassChangeCase):
    def test_by_days_over_plans_of_different_rhythm(self):
        monthly, weekly = self._sell(self.program), self._sell(self.weekly)

        change = self._shift(monthly | weekly, 10)

        self.assertEqual(self._get_dates(monthly), ['2027-01-11', '2027-02-11', '2027-03-11', '2027-04-11'])
        self.assertEqual(self._get_dates(weekly), ['2027-01-11', '2027-01-18', '2027-01-25'])
        self.assertEqual(set((monthly | weekly).line_ids.mapped('date_overridden')), {True})
        self.assertRecordValues(
            change,
            [
                {
                    'kind': 'shift',
                    'criteria': "shipments moved by +10 days",
                    'line_count': 7,
                    'left_out_count': 0,
                    'state': 'done',
                    'company_id': self.company.id,
                }
            ],
        )
        self.assertRegex(change.name, r'^PC\d{5}$')

    def test_to_a_date_keeps_the_spacing(self):
        monthly, weekly = self._sell(self.program), self._sell(self.weekly, on=day('2027-01-05'))

        self._shift_to(monthly | weekly, '2027-01-20')

        self.assertEqual(self._get_dates(monthly), ['2027-01-20', '2027-02-20', '2027-03-20', '2027-04-20'])
        self.assertEqual(self._get_dates(weekly), ['2027-01-20', '2027-01-27', '2027-02-03'])

    def test_to_an_earlier_date(self):
        subscription = self._sell(self.program, start_date=day('2027-02-01'))

        self._shift_to(subscription, '2027-01-15')

        self.assertEqual(self._get_dates(subscription), ['2027-01-15', '2027-02-12', '2027-03-15', '2027-04-14'])

    def test_only_what_is_selected(self):
        subscription = self._sell(self.program)

        self._shift_to(subscription.line_ids[2:], '2027-03-10')

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-03-10', '2027-04-10'])
        self.assertEqual(subscription.line_ids.mapped('date_overridden'), [False, False, True, True])

    def test_what_leaves_together_stays_together(self):
        program = self._create_program([{'event_number': 1}, {'event_number': 1}, {'event_number': 2}])
        subscription = self._sell(program)
        first = subscription.line_ids[0]

        change = self._shift(first, 5)

        self.assertEqual(
            self._get_plan(subscription),
            [
                (1, '2027-01-06', "Book 1", 'planned'),
                (1, '2027-01-06', "Book 2", 'planned'),
                (2, '2027-02-01', "Book 3", 'planned'),
            ],
        )
        self.assertEqual(change.line_count, 2)
        self._run_job('create_orders', day('2027-01-06'))
        self.assertEqual(len(subscription.child_order_ids), 1)

    def test_a_shipment_to_another_address_goes_by_itself(self):
        program = self._create_program([{'event_number': 1}, {'event_number': 1}])
        subscription = self._sell(program)
        gift = subscription.line_ids[1]
        gift.partner_shipping_id = self.env['res.partner'].create({'name': "Grandma"})

        self._shift(subscription.line_ids[0], 5)

        self.assertEqual(self._get_dates(subscription), ['2027-01-06', '2027-01-01'])

    def test_what_is_ordered_stays(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders', day('2027-02-01'))

        change = self._shift(subscription, 3, on=day('2027-02-02'))

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-03-04', '2027-04-04'])
        self.assertEqual(self._get_reasons(change), [(3, 'changed', ''), (4, 'changed', '')])
        rows = self._preview(subscription.line_ids, kind='shift', days=1, on=day('2027-02-02'))
        self.assertEqual([row[0] for row in rows if row[3]], [1, 2])
        self.assertRegex(rows[0][3], "is ordered and cannot be changed any more")

    def test_a_lost_box_that_is_sent_again_moves_too(self):
        subscription = self._sell(self.program)
        first, second = subscription.line_ids[:2]
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        again = first.with_env(self._as_of())._send_again()

        change = self._shift(again | second, 5)

        self.assertEqual(self._get_reasons(change), [(2, 'changed', ''), (1, 'changed', '')])
        self.assertEqual(again.date_planned, day('2027-01-06'))
        self.assertEqual(second.date_planned, day('2027-02-06'))
        change.action_undo()
        self.assertEqual(again.date_planned, self.today)

    def test_never_into_the_past(self):
        subscription = self._sell(self.program)

        rows = self._preview(subscription, kind='shift', days=-40, on=day('2027-02-10'))
        change = self._shift(subscription, -40, on=day('2027-02-10'))

        past = "It would go out on %s, which is past."
        self.assertEqual(
            rows,
            [
                (1, '01/01/2027', False, past % '11/22/2026'),
                (2, '02/01/2027', False, past % '12/23/2026'),
                (3, '03/01/2027', False, past % '01/20/2027'),
                (4, '04/01/2027', '02/20/2027', False),
            ],
        )
        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-03-01', '2027-02-20'])
        self.assertEqual((change.line_count, change.left_out_count), (1, 3))

    def test_today_is_not_past(self):
        subscription = self._sell(self.program)

        self._shift_to(subscription, '2027-02-10', on=day('2027-02-10'))

        self.assertEqual(self._get_dates(subscription)[0], '2027-02-10')

    def test_what_is_there_already_is_no_hand_change(self):
        monthly, weekly = self._sell(self.program), self._sell(self.weekly, on=day('2027-01-08'))

        change = self._shift_to(monthly | weekly, '2027-01-08')

        self.assertEqual(self._get_dates(weekly), ['2027-01-08', '2027-01-15', '2027-01-22'])
        self.assertEqual(set(weekly.line_ids.mapped('date_overridden')), {False})
        self.assertEqual((change.line_count, change.left_out_count), (4, 3))

    def test_beyond_the_calendar(self):
        subscription = self._sell(self.program)

        with self.assertRaisesRegex(ValidationError, '"Days" must be from'):
            self._preview(subscription, kind='shift', days=2_000_000_000)

    def test_a_quotation_keeps_it_when_it_is_planned_again(self):
        draft = self._sell(self.program, confirm=False)

        self._shift(draft, 7)
        self.assertIn("first 8 Jan 2027, last 8 Apr 2027", draft.order_line_id.name)
        draft.order_line_id.product_uom_qty = 2
        draft.order_id.action_confirm()

        self.assertEqual(self._get_dates(draft), ['2027-01-08', '2027-02-08', '2027-03-08', '2027-04-08'])

    def test_a_plan_paid_in_advance_moves(self):
        subscription = self._sell(self._create_program(2, bill_upfront=True))

        self._shift(subscription, 3)

        self.assertEqual(self._get_dates(subscription), ['2027-01-04', '2027-02-04'])

    def test_the_jobs_go_by_the_new_dates(self):
        subscription = self._sell(self.program)
        self._shift(subscription, 10)

        self.assertEqual(subscription.next_date, day('2027-01-11'))
        self.assertEqual(self._run_job('create_orders', day('2027-01-10')).done_count, 0)
        self.assertEqual(self._run_job('create_orders', day('2027-01-11')).done_count, 1)

    def test_a_failed_plan_is_tried_again(self):
        subscription = self._sell(self.program)
        subscription._park('create_orders', "No.")

        self._shift(subscription, 10)

        self.assertFalse(subscription.is_parked)

    def test_dates_asked_for(self):
        subscription = self._sell(self.program)
        for criteria, reason in (
            ({'days': 0}, "By how many days"),
            ({'shift_mode': 'date', 'date_to': False}, "To which date"),
        ):
            with self.assertRaisesRegex(UserError, reason):
                self._open(subscription, kind='shift', **criteria).action_preview()


@tagged('post_install', '-at_install')
class TestClock(MassChangeCase):
    """A plan that moves as a whole takes the customer's own clock along."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.continuity_repeat_threshold = 3
        cls.refill = cls._create_program([{'repeat_forever': True}], name="Refill")

    def _extend(self, subscription, on):
        self._run_job('create_orders', day(on))
        self._run_job('extend', day(on))

    def test_what_is_added_later_follows(self):
        subscription = self._sell(self.refill, on=day('2027-01-31'))

        self._shift(subscription, 10, on=day('2027-01-31'))
        self._extend(subscription, '2027-03-10')

        self.assertEqual(
            self._get_dates(subscription), ['2027-02-10', '2027-03-10', '2027-04-10', '2027-05-10', '2027-06-10']
        )

    def test_a_part_of_the_plan_does_not_move_the_clock(self):
        subscription = self._sell(self.refill)

        self._shift(subscription.line_ids[:2], 10)
        self._extend(subscription, '2027-01-11')

        self.assertEqual(self._get_dates(subscription), ['2027-01-11', '2027-02-11', '2027-03-01', '2027-04-01'])

    def test_one_left_out_does_not_move_the_clock(self):
        subscription = self._sell(self.refill)

        self._shift(subscription, -5)

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-01-27', '2027-02-24'])
        self.assertEqual(subscription.clock_days, 0)

    def test_a_calendar_does_not_move(self):
        program = self._create_program([{'start_date': day('2027-01-01'), 'repeat_forever': True}])
        subscription = self._sell(program)

        self._shift(subscription, 10)
        self._extend(subscription, '2027-01-11')

        self.assertEqual(self._get_dates(subscription), ['2027-01-11', '2027-02-11', '2027-03-11', '2027-04-01'])

    def test_undo_puts_the_clock_back(self):
        subscription = self._sell(self.refill)

        self._shift(subscription, 10).action_undo()
        self._extend(subscription, '2027-01-01')

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-01', '2027-03-01', '2027-04-01'])

    def test_the_spacing_survives_a_pause(self):
        subscription = self._sell(self.refill)
        self._shift(subscription, 4)
        subscription.with_context(continuity_as_of='2027-01-02')._pause()

        subscription.with_context(continuity_as_of='2027-02-20')._resume()

        self.assertEqual(self._get_dates(subscription), ['2027-03-05', '2027-04-05', '2027-05-05'])


@tagged('post_install', '-at_install')
class TestSubstitution(MassChangeCase):
    def _get_prices(self, subscription):
        return [
            (
                line.product_id.name,
                line.price_unit,
                line.tax_ids.name,
                round(line.price_total, 2),
                line.price_overridden,
            )
            for line in subscription.line_ids.sorted('event_number')
        ]

    def test_the_price_stays(self):
        subscription, weekly = self._sell(self.program), self._sell(self.weekly)

        change = self._substitute(subscription | weekly, self.books[0], self.atlas)

        self.assertEqual(
            self._get_prices(subscription)[:2],
            [("Atlas", 20.0, "Tax 21%", 24.2, True), ("Book 2", 21.0, "Tax 10%", 23.1, False)],
        )
        self.assertEqual(self._get_prices(weekly), [("Atlas", 20.0, "Tax 21%", 24.2, True)] * 3)
        self.assertEqual(subscription.line_ids.mapped('is_substituted'), [True, False, False, False])
        self.assertEqual(change.line_count, 4)
        self.assertEqual(change.criteria, "Book 1 replaced by Atlas, the price as it is")

    def test_the_price_of_the_price_list(self):
        price_list = self.env['product.pricelist'].create(
            {
                'name': "Members",
                'item_ids': [Command.create({'compute_price': 'percentage', 'percent_price': 20.0})],
            }
        )
        subscription = self._sell(self.program, order={'pricelist_id': price_list.id})

        self._substitute(subscription, self.books[0], self.atlas, 'pricelist')

        self.assertEqual(self._get_prices(subscription)[0], ("Atlas", 40.0, "Tax 21%", 48.4, False))

    def test_the_price_of_the_price_list_replaces_one_by_hand(self):
        subscription = self._sell(self.program, line={'discount': 10.0})
        subscription.line_ids[0].write({'price_unit': 1.0, 'discount': 0.0})

        self._substitute(subscription, self.books[0], self.atlas, 'pricelist')

        self.assertEqual(self._get_prices(subscription)[0], ("Atlas", 50.0, "Tax 21%", 54.45, False))
        self.assertEqual(subscription.line_ids[0].discount, 10.0)

    def test_one_price_for_all(self):
        subscription = self._sell(self.program, line={'discount': 10.0})

        change = self._substitute(subscription, self.books[0], self.atlas, 'fixed', price_unit=30.0)

        # The discount the customer was given stays
        self.assertEqual(self._get_prices(subscription)[0], ("Atlas", 30.0, "Tax 21%", 32.67, True))
        self.assertRegex(change.criteria, r"Book 1 replaced by Atlas, at .*30\.00")

    def test_one_price_needs_one_currency(self):
        franc = self.env['res.currency'].with_context(active_test=False).search([('name', '=', 'CHF')])
        franc.active = True
        price_list = self.env['product.pricelist'].create({'name': "Swiss", 'currency_id': franc.id})
        subscriptions = self._sell(self.program) | self._sell(self.program, order={'pricelist_id': price_list.id})

        with self.assertRaisesRegex(UserError, "several currencies"):
            self._substitute(subscriptions, self.books[0], self.atlas, 'fixed', price_unit=30.0)
        self._substitute(subscriptions[1], self.books[0], self.atlas, 'fixed', price_unit=30.0)

        self.assertEqual(subscriptions[1].line_ids[0].price_unit, 30.0)

    def test_only_what_is_selected(self):
        subscription = self._sell(self.weekly)

        self._substitute(subscription.line_ids[1:], self.books[0], self.atlas)

        self.assertEqual([name for name, *_rest in self._get_prices(subscription)], ["Book 1", "Atlas", "Atlas"])

    def test_the_child_order_has_it(self):
        subscription = self._sell(self.program)
        self._substitute(subscription, self.books[0], self.atlas, 'fixed', price_unit=30.0)

        self._run_job('create_orders')

        line = subscription.child_order_ids.order_line
        self.assertEqual((line.product_id, line.price_unit, line.tax_ids), (self.atlas, 30.0, self.other_tax))

    def test_a_price_that_counts_as_changed_by_hand_is_not_priced_on_the_day(self):
        program = self._create_program(2, price_policy='current')
        kept, listed = self._sell(program), self._sell(program)
        self._substitute(kept, self.books[0], self.atlas)
        self._substitute(listed, self.books[0], self.atlas, 'pricelist')
        self.atlas.list_price = 70.0

        self._run_job('create_orders')

        self.assertEqual(kept.child_order_ids.order_line.price_unit, 20.0)
        self.assertEqual(listed.child_order_ids.order_line.price_unit, 70.0)

    def test_a_line_added_by_hand_too(self):
        subscription = self._sell(self._create_program(1, price_policy='current'))
        line = self.env['continuity.line'].create(
            {'subscription_id': subscription.id, 'product_id': self.books[5].id, 'date_planned': self.today}
        )

        self._substitute(subscription, self.books[5], self.atlas)

        self.assertRecordValues(
            line, [{'product_id': self.atlas.id, 'price_unit': 25.0, 'price_overridden': True, 'is_substituted': True}]
        )

    def test_a_unit_that_does_not_fit_becomes_the_products(self):
        coffee = self._create_product("Coffee", 12.0, uom_id=self.env.ref('uom.product_uom_kgm').id)
        subscription = self._sell(self.program)

        self._substitute(subscription, self.books[0], coffee)

        self.assertEqual(subscription.line_ids[0].product_uom_id, self.env.ref('uom.product_uom_kgm'))
        self.assertFalse(subscription.line_ids[0].quantity_overridden)

    def test_what_is_added_later_is_the_programs_product(self):
        self.company.continuity_repeat_threshold = 2
        subscription = self._sell(self._create_program([{'repeat_forever': True}]))

        self._substitute(subscription, self.books[0], self.atlas)
        self._run_job('create_orders')
        self._run_job('extend')

        self.assertEqual([name for name, *_rest in self._get_prices(subscription)], ["Atlas", "Atlas", "Book 1"])

    def test_a_plan_paid_in_advance_is_left_out_once_it_runs(self):
        program = self._create_program(2, bill_upfront=True)
        draft, running = self._sell(program, confirm=False), self._sell(program)
        self.atlas.taxes_id = self.tax

        change = self._substitute(draft | running, self.books[0], self.atlas, 'pricelist')

        self.assertEqual(self._get_prices(running)[0][0], "Book 1")
        self.assertEqual(self._get_prices(draft)[0], ("Atlas", 50.0, "Tax 10%", 55.0, False))
        self.assertAlmostEqual(draft.order_line_id.price_total, 78.1)
        self.assertAlmostEqual(sum(draft.payment_ids.mapped('amount')), 78.1)
        [left_out] = [row for row in change.line_ids if row.state == 'left_out']
        self.assertEqual(left_out.subscription_id, running)
        self.assertRegex(left_out.reason, "is paid in advance: its product and quantity cannot be changed any more")

    def test_products_that_cannot_be_sent(self):
        subscription = self._sell(self.program)
        elsewhere = self.env['res.company'].create({'name': "Elsewhere"})
        foreign = self._create_product("Foreign", company_id=elsewhere.id, taxes_id=False)
        old = self._create_product("Old", active=False)

        for product, reason in ((foreign, "belongs to another company"), (old, "is archived")):
            [row] = self._preview(
                subscription, kind='substitute', product_from_id=self.books[0].id, product_to_id=product.id
            )
            self.assertRegex(row[3], reason)

    def test_products_asked_for(self):
        subscription = self._sell(self.program)
        parent = self.program.product_tmpl_ids.product_variant_id
        for old, new, reason in (
            (self.books[0], self.books[0], "not replaced by itself"),
            (self.books[0], parent, "sells a continuity program"),
            (self.books[0], self.atlas.browse(), "Which product"),
        ):
            with self.assertRaisesRegex(UserError, reason):
                self._substitute(subscription, old, new)
        with self.assertRaisesRegex(UserError, "cannot be below 0"):
            self._substitute(subscription, self.books[0], self.atlas, 'fixed', price_unit=-1.0)

    def test_taxes_changed_by_hand_stay(self):
        subscription = self._sell(self.program)
        subscription.line_ids[0].tax_ids = False

        self._substitute(subscription, self.books[0], self.atlas)

        self.assertEqual(self._get_prices(subscription)[0], ("Atlas", 20.0, False, 20.0, True))
        self._run_job('create_orders')
        child = subscription.child_order_ids
        self.assertEqual((child.order_line.product_id, child.amount_total), (self.atlas, 20.0))

    def test_by_hand_the_taxes_follow_the_product_at_a_price_that_stays(self):
        subscription = self._sell(self.program)
        line = subscription.line_ids[0]
        line.price_unit = 15.0

        line.product_id = self.atlas

        self.assertEqual(self._get_prices(subscription)[0], ("Atlas", 15.0, "Tax 21%", 18.15, True))
