from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import day
from .common_access import AccessCase
from .common_stop import StopCase


class RenewCase(StopCase):
    def _sell_boxes(self, events, count, on='2027-01-05', **values):
        """Sell a product that buys ``count`` of the program's events, and make its first child order."""
        program = self._create_program(events, **values)
        product = self._create_parent_product(program, continuity_event_count=count)
        subscription = self._sell(program, product=product, on=day(on))
        self._run_job('create_orders', day(on))
        return subscription

    def _renew(self, subscription, on='2027-01-20', product=None):
        """Return the renewal made on a day: a draft on a quotation."""
        old = subscription.with_context(continuity_as_of=on)
        order = old._extend_to(product) if product else old._renew()
        self.assertEqual(order.state, 'draft')
        return order.continuity_subscription_ids

    def _run_two_years(self):
        """Run the jobs that send something at the end of each month."""
        for year in (2027, 2028):
            for month in range(1, 13):
                self._run_job('extend', day(f'{year}-{month:02}-28'))
                self._run_job('create_orders', day(f'{year}-{month:02}-28'))

    def _get_sent(self, subscriptions):
        """Return the products that child orders send, in the order of their days."""
        children = subscriptions.child_order_ids.filtered(lambda child: child.state != 'cancel')
        return [line.product_id.name for line in children.sorted('commitment_date').order_line]


@tagged('post_install', '-at_install')
class TestRenew(RenewCase):
    def test_it_goes_on_at_the_next_event_on_the_same_rhythm(self):
        old = self._sell_boxes(12, 3)
        new = self._renew(old)
        self.assertEqual((new.renews_id, old.renewed_by_ids, new.product_id), (old, new, old.product_id))
        self.assertEqual((new.start_event, new.is_start_event_chosen), (4, True))
        self.assertEqual(new.start_date, day('2027-04-05'))

        new.order_id.with_context(continuity_as_of='2027-01-25').action_confirm()

        self.assertEqual(
            self._get_plan(new),
            [
                (1, '2027-04-05', "Book 4", 'planned'),
                (2, '2027-05-05', "Book 5", 'planned'),
                (3, '2027-06-05', "Book 6", 'planned'),
            ],
        )
        self._run_two_years()
        self.assertEqual(self._get_sent(old | new), [f"Book {number}" for number in range(1, 7)])

    def test_its_month_ends_are_counted_from_its_own_first_day(self):
        old = self._sell_boxes(12, 3, on='2027-01-31')
        self.assertEqual(self._get_dates(old), ['2027-01-31', '2027-02-28', '2027-03-31'])

        new = self._renew(old, on='2027-02-10')
        new.order_id.with_context(continuity_as_of='2027-02-10').action_confirm()

        self.assertEqual(self._get_dates(new), ['2027-04-30', '2027-05-30', '2027-06-30'])

    def test_month_ends_are_kept_where_the_program_keeps_them(self):
        old = self._sell_boxes(12, 3, on='2027-01-31', end_of_month=True)

        new = self._renew(old, on='2027-02-10')
        new.order_id.with_context(continuity_as_of='2027-02-10').action_confirm()

        self.assertEqual(self._get_dates(new), ['2027-04-30', '2027-05-31', '2027-06-30'])

    def test_it_takes_over_who_and_how(self):
        address = self.env['res.partner'].create({'name': "Second Home", 'parent_id': self.customer.id})
        salesperson = self._create_user('sally', 'sales_team.group_sale_salesman')
        pricelist = self.env['product.pricelist'].create({'name': "Members"})
        team = self.env['crm.team'].create({'name': "Call Center"})
        program = self._create_program(12, allowed_payment_term_ids=[self.thirds.id])
        product = self._create_parent_product(program, continuity_event_count=3)
        old = self._sell(
            program,
            product=product,
            quantity=2.0,
            order={'user_id': salesperson.id, 'pricelist_id': pricelist.id, 'team_id': team.id},
            member_number="M-7",
            payment_term_id=self.thirds.id,
        )
        old.partner_shipping_id = address

        new = self._renew(old)

        order = new.order_id
        self.assertEqual((order.partner_id, order.partner_shipping_id), (self.customer, address))
        self.assertEqual((order.user_id, order.pricelist_id, order.team_id), (salesperson, pricelist, team))
        self.assertEqual((order.origin, new.quantity, new.partner_shipping_id), (old.name, 2.0, address))
        self.assertEqual((new.member_number, new.payment_term_id), ("M-7", self.thirds))
        self.assertEqual(new.line_ids.mapped('quantity'), [2.0, 2.0, 2.0])

    def test_a_schedule_that_is_not_allowed_any_more_stays_behind(self):
        old = self._sell_boxes(12, 3, payment_term_id=self.thirds.id)
        halves = self._create_schedule("In halves", (50, 0), (50, 30))
        old.program_id.write({'payment_term_id': halves.id, 'allowed_payment_term_ids': [halves.id]})

        self.assertEqual(self._renew(old).payment_term_id, halves)

    def test_the_card_stays_the_same(self):
        card = self._create_token()
        old = self._sell_boxes(12, 3)
        self.assertEqual(old.payment_token_id, card)
        self._create_token()

        new = self._renew(old)

        self.assertEqual((new.payment_method, new.payment_token_id), ('token', card))

    def test_on_account_stays_on_account(self):
        old = self._sell_boxes(12, 3)
        self._create_token()

        new = self._renew(old)

        self.assertEqual((new.payment_method, new.payment_token_id.ids), ('on_account', []))

    def test_days_after_order_do_not_move_the_rhythm(self):
        old = self._sell_boxes(12, 3, days_after_order=3)
        self.assertEqual(self._get_dates(old), ['2027-01-08', '2027-02-08', '2027-03-08'])

        new = self._renew(old)
        new.order_id.with_context(continuity_as_of='2027-01-25').action_confirm()

        self.assertEqual(self._get_dates(new), ['2027-04-08', '2027-05-08', '2027-06-08'])

    def test_it_begins_at_once_where_its_day_is_past(self):
        old = self._sell_boxes(12, 3)

        new = self._renew(old, on='2027-04-20')

        self.assertEqual((new.start_event, new.start_date), (4, False))
        self.assertEqual(self._get_dates(new), ['2027-04-20', '2027-05-20', '2027-06-20'])

    def test_pauses_count(self):
        old = self._sell_boxes(12, 3)
        old.with_context(continuity_as_of='2027-01-20')._pause()
        old.with_context(continuity_as_of='2027-04-01')._resume()
        self.assertEqual(self._get_dates(old), ['2027-01-05', '2027-04-05', '2027-05-05'])

        self.assertEqual(self._renew(old, on='2027-04-01').start_date, day('2027-06-05'))

    def test_what_is_bought_and_not_planned_yet_counts(self):
        self.company.continuity_repeat_threshold = 2
        old = self._sell_boxes([{'repeat_forever': True}], 6)
        self.assertEqual((len(old.line_ids), old.occurrences_left), (2, 4))

        new = self._renew(old)

        # The last event goes on until cancelled, so it is also where the renewal begins.
        self.assertEqual((new.start_event, new.start_date), (1, day('2027-07-05')))
        new.order_id.with_context(continuity_as_of='2027-01-20').action_confirm()
        self._run_two_years()
        self.assertEqual(len(self._get_sent(old | new)), 12)

    def test_a_stopped_one_goes_on_where_it_was_stopped(self):
        old = self._sell_boxes(12, 0)
        old.with_context(continuity_as_of='2027-01-20')._cancel(stopped=old.child_order_ids)

        new = self._renew(old, on='2027-01-20')

        self.assertEqual(new.start_event, 1)
        new.order_id.with_context(continuity_as_of='2027-01-20').action_confirm()
        self._run_two_years()
        self.assertEqual(self._get_sent(old | new), [f"Book {number}" for number in range(1, 13)])

    def test_on_a_calendar_it_begins_at_the_next_event(self):
        events = [{'start_date': day('2027-01-05')}, *[{}] * 5]
        old = self._sell_boxes(events, 3)

        new = self._renew(old)

        self.assertEqual((new.start_event, new.start_date), (4, False))
        self.assertEqual(self._get_dates(new), ['2027-04-05', '2027-05-05', '2027-06-05'])

    def test_on_a_calendar_what_was_missed_since_follows_the_programs_rule(self):
        events = [{'start_date': day('2027-01-05')}, *[{}] * 5]
        old = self._sell_boxes(events, 3, missed_event_policy='consolidate')

        new = self._renew(old, on='2027-05-20')

        self.assertEqual(
            self._get_plan(new),
            [
                (1, '2027-05-20', "Book 4", 'planned'),
                (1, '2027-05-20', "Book 5", 'planned'),
                (2, '2027-06-05', "Book 6", 'planned'),
            ],
        )

    def test_on_a_calendar_an_event_that_repeats_goes_on_in_its_middle(self):
        old = self._sell_boxes([{'start_date': day('2027-01-05'), 'repeat_count': 12}], 3)

        new = self._renew(old)

        self.assertEqual((new.start_event, new.start_date), (1, day('2027-04-05')))
        self.assertEqual(self._get_dates(new), ['2027-04-05', '2027-05-05', '2027-06-05'])
        self.assertEqual(new.line_ids.mapped('occurrence'), [4, 5, 6])

    def test_it_is_no_second_membership(self):
        old = self._sell_boxes(12, 3, duplicate_policy='refuse')
        new = self._renew(old)
        self.assertEqual((new.warning, new.duplicate_ids.ids), (False, []))
        new.order_id.with_context(continuity_as_of='2027-01-20').action_confirm()
        third = self._renew(new)

        third.order_id.with_context(continuity_as_of='2027-01-20').action_confirm()

        self.assertEqual((old | new | third).mapped('state'), ['running'] * 3)
        self.assertEqual(third.line_ids.mapped('product_id.name'), ["Book 7", "Book 8", "Book 9"])
        with self.assertRaisesRegex(UserError, "already has program"):
            self._sell(old.program_id)

    def test_refused_where_nothing_is_left(self):
        old = self._sell_boxes(3, 3)

        with self.assertRaisesRegex(UserError, "Program Book Club has nothing left after what .* sends. Add events"):
            old._renew()
        self.env['continuity.program.line'].create({'program_id': old.program_id.id, 'product_id': self.books[3].id})

        self.assertEqual(self._renew(old).line_ids.mapped('product_id.name'), ["Book 4"])

    def test_refused_with_the_reason(self):
        draft = self._sell(self._create_program(3), confirm=False)
        with self.assertRaisesRegex(UserError, "is not confirmed yet: change its quotation instead"):
            draft._renew()
        endless = self._sell(self._create_program([{'repeat_forever': True}]))
        with self.assertRaisesRegex(UserError, "goes on until cancelled: there is nothing to renew"):
            endless._renew()
        old = self._sell_boxes(12, 3)
        old.product_id.sale_ok = False
        with self.assertRaisesRegex(UserError, "is not sold any more"):
            old._renew()
        old.product_id.sale_ok = True
        old.program_id.active = False
        with self.assertRaisesRegex(UserError, "is archived and cannot be sold"):
            old._renew()

    def test_one_renewal_at_a_time(self):
        old = self._sell_boxes(12, 3)
        new = self._renew(old)
        with self.assertRaisesRegex(UserError, f"is renewed already by {new.name} on {new.order_id.name}"):
            old._renew()
        new.order_id.with_context(continuity_as_of='2027-01-20').action_confirm()
        with self.assertRaisesRegex(UserError, f"is renewed already by {new.name} on {new.order_id.name}"):
            old._renew()
        new._cancel()

        self.assertEqual(self._renew(old).renews_id, old)

    def test_a_cancelled_quotation_makes_room_for_another(self):
        old = self._sell_boxes(12, 3)
        self._renew(old).order_id._action_cancel()

        self.assertEqual(self._renew(old).start_event, 4)

    def test_a_stopped_endless_one_can_be_renewed(self):
        old = self._sell_boxes([{'repeat_forever': True}], 0)
        old.with_context(continuity_as_of='2027-01-20')._cancel()

        new = self._renew(old)

        self.assertEqual((new.start_event, new.start_date), (1, day('2027-02-05')))

    def test_the_buttons_lead_there_and_back(self):
        old = self._sell_boxes(12, 3)

        action = old.action_renew()

        order = self.env['sale.order'].browse(action['res_id'])
        new = order.continuity_subscription_ids
        self.assertEqual((old.renewal_count, new.renewal_count), (1, 0))
        self.assertEqual(old.action_view_renewals()['res_id'], new.id)
        self.assertEqual(new.action_view_renewed()['res_id'], old.id)


@tagged('post_install', '-at_install')
class TestExtendTo(RenewCase):
    def _create_sizes(self, old, *counts):
        return [self._create_parent_product(old.program_id, continuity_event_count=count) for count in counts]

    def test_a_bigger_product_goes_on_at_the_next_event(self):
        old = self._sell_boxes(12, 3)
        six, whole, two = self._create_sizes(old, 6, 0, 2)
        self.assertEqual(old._get_bigger_products(), six | whole)

        action = old.action_extend_to()
        wizard = self.env[action['res_model']].with_context(**action['context']).create({})
        self.assertEqual((wizard.product_id, wizard.product_ids), (six, six | whole))
        wizard.product_id = whole
        order = self.env['sale.order'].browse(
            wizard.with_context(continuity_as_of='2027-01-20').action_extend()['res_id']
        )

        new = order.continuity_subscription_ids
        self.assertEqual((new.product_id, new.renews_id, new.start_event), (whole, old, 4))
        order.with_context(continuity_as_of='2027-01-20').action_confirm()
        self._run_two_years()
        self.assertEqual(self._get_sent(old | new), [f"Book {number}" for number in range(1, 13)])
        with self.assertRaisesRegex(UserError, "is renewed already"):
            old.action_extend_to()
        with self.assertRaisesRegex(UserError, "is not bigger than what"):
            old._extend_to(two)

    def test_billed_in_advance_it_bills_its_own_shipments(self):
        old = self._sell_boxes(12, 3, bill_upfront=True)
        (six,) = self._create_sizes(old, 6)

        new = self._renew(old, product=six)
        new.order_id.with_context(continuity_as_of='2027-01-20').action_confirm()

        self.assertEqual(new.line_ids.mapped('prepaid_amount'), [23.0, 24.0, 25.0, 26.0, 27.0, 28.0])
        self.assertEqual(new.payment_ids.mapped('amount'), [168.3])
        self.assertEqual(old.payment_ids.mapped('amount'), [69.3])

    def test_refused_with_the_reason(self):
        old = self._sell_boxes(12, 3)
        three, two = self._create_sizes(old, 3, 2)
        elsewhere = self._create_parent_product(self._create_program(12, name="Wine Club"))
        for product in (three, two):
            with self.assertRaisesRegex(UserError, "is not bigger than what .* buys already. Renew it instead"):
                old._extend_to(product)
        with self.assertRaisesRegex(UserError, "does not sell program Book Club"):
            old._extend_to(elsewhere)
        with self.assertRaisesRegex(UserError, "does not sell program Book Club"):
            old._extend_to(self.books[0])
        with self.assertRaisesRegex(UserError, "has no bigger product than"):
            old.action_extend_to()
        whole = self._sell(old.program_id, product=self._create_sizes(old, 0)[0])
        with self.assertRaisesRegex(UserError, "is not bigger than what"):
            whole._extend_to(three)


@tagged('post_install', '-at_install')
class TestReactivate(RenewCase):
    def _stop(self, subscription, on, **values):
        subscription.with_context(continuity_as_of=on)._cancel(**values)

    def _reactivate(self, subscription, on):
        subscription.with_context(continuity_as_of=on)._reactivate()

    def test_it_goes_on_as_after_a_pause_and_doubles_nothing(self):
        subscription = self._sell_boxes(6, 0)
        reason = self.env['continuity.cancel.reason'].search([], limit=1)
        self._run_job('create_orders', day('2027-02-05'))
        self._stop(subscription, '2027-02-20', reason=reason)
        self.assertEqual(subscription.stop_date, day('2027-02-20'))
        self.assertEqual(self._run_job('create_orders', day('2027-04-30')).selected_count, 0)

        self._reactivate(subscription, '2027-05-01')

        self.assertEqual((subscription.state, subscription.occurrences_left), ('running', 0))
        self.assertEqual(
            (subscription.cancel_reason_id.ids, subscription.stop_date, subscription.pause_date), ([], False, False)
        )
        self.assertEqual(
            self._get_plan(subscription),
            [
                (1, '2027-01-05', "Book 1", 'ordered'),
                (2, '2027-02-05', "Book 2", 'ordered'),
                (3, '2027-05-05', "Book 3", 'planned'),
                (4, '2027-06-05', "Book 4", 'planned'),
                (5, '2027-07-05', "Book 5", 'planned'),
                (6, '2027-08-05', "Book 6", 'planned'),
            ],
        )
        self._run_two_years()
        self.assertEqual(self._get_sent(subscription), [f"Book {number}" for number in range(1, 7)])
        self.assertIn("planned again: 3, 4, 5, 6.", ' '.join(subscription.message_ids.mapped('body')))

    def test_on_the_same_day_nothing_moves(self):
        subscription = self._sell_boxes(4, 0)
        plan = self._get_plan(subscription)
        self._stop(subscription, '2027-01-20')

        self._reactivate(subscription, '2027-01-20')

        self.assertEqual(self._get_plan(subscription), plan)

    def test_a_child_order_that_was_stopped_with_it_comes_back_too(self):
        subscription = self._sell_boxes(3, 0)
        child = subscription.child_order_ids
        self._stop(subscription, '2027-01-10', stopped=child)
        self.assertEqual(child.state, 'cancel')

        self._reactivate(subscription, '2027-01-20')

        self.assertEqual(self._get_dates(subscription), ['2027-01-05', '2027-02-05', '2027-03-05'])
        self._run_two_years()
        self.assertEqual(self._get_sent(subscription), ["Book 1", "Book 2", "Book 3"])
        with self.assertRaisesRegex(UserError, "cannot be taken up again"):
            child.action_draft()

    def test_what_was_cancelled_by_hand_before_stays_away(self):
        subscription = self._sell_boxes(4, 0)
        subscription.line_ids[2].action_cancel_box()
        self._stop(subscription, '2027-01-20')

        self._reactivate(subscription, '2027-01-20')

        self.assertEqual(subscription.line_ids.mapped('state'), ['ordered', 'planned', 'cancelled', 'planned'])
        self.assertEqual(subscription.occurrences_left, 0)

    def test_what_was_left_to_plan_is_planned_again(self):
        self.company.continuity_repeat_threshold = 2
        for events, count, sent in (
            ([{'repeat_count': 5}], 0, 5),
            ([{'repeat_count': 9}], 5, 5),
            # All months of two years but the one in between.
            ([{'repeat_forever': True}], 0, 23),
        ):
            with self.subTest(events=events, count=count):
                subscription = self._sell_boxes(events, count)
                self._run_job('extend', day('2027-01-05'))
                left = subscription.occurrences_left
                self._stop(subscription, '2027-01-20')
                self.assertEqual(subscription.occurrences_left, 0)

                self._reactivate(subscription, '2027-03-01')

                self.assertEqual(subscription.occurrences_left, left)
                self._run_two_years()
                self.assertEqual(len(self._get_sent(subscription)), sent)

    def test_on_a_calendar_what_was_dated_in_between_is_skipped(self):
        events = [{'start_date': day('2027-01-05')}, *[{}] * 5]
        subscription = self._sell_boxes(events, 3)
        self._stop(subscription, '2027-01-20')

        self._reactivate(subscription, '2027-02-20')

        self.assertEqual(subscription.line_ids.mapped('state'), ['ordered', 'skipped', 'planned'])
        self._run_two_years()
        self.assertEqual(self._get_sent(subscription), ["Book 1", "Book 3", "Book 4"])

    def test_one_that_was_paused_goes_on_from_its_pause(self):
        subscription = self._sell_boxes(3, 0)
        subscription.with_context(continuity_as_of='2027-01-20')._pause('2027-09-01')
        self._stop(subscription, '2027-04-01')

        self._reactivate(subscription, '2027-05-01')

        self.assertEqual((subscription.state, subscription.resume_date), ('running', False))
        self.assertEqual(self._get_dates(subscription), ['2027-01-05', '2027-05-05', '2027-06-05'])

    def test_an_archived_program_is_no_obstacle(self):
        subscription = self._sell_boxes(3, 0)
        self._stop(subscription, '2027-01-20')
        subscription.program_id.active = False

        self._reactivate(subscription, '2027-01-20')

        self.assertEqual(subscription.state, 'running')

    def test_refused_with_the_reason(self):
        subscription = self._sell_boxes(12, 3)
        with self.assertRaisesRegex(UserError, "has not been stopped"):
            subscription._reactivate()
        subscription._unguarded().state = 'done'
        with self.assertRaisesRegex(UserError, "is done: reopen it instead"):
            subscription._reactivate()
        cancelled = self._sell_boxes(12, 3)
        cancelled.order_id._action_cancel()
        with self.assertRaisesRegex(UserError, "is cancelled. Sell it anew on a new quotation"):
            cancelled._reactivate()
        none = self._sell_boxes(12, 3)
        none.order_line_id.product_uom_qty = 0
        with self.assertRaisesRegex(UserError, "its quantity is 0. Sell it anew"):
            none._reactivate()

    def test_refused_where_it_was_renewed_or_sold_anew(self):
        renewed = self._sell_boxes(12, 3)
        self._stop(renewed, '2027-01-20')
        new = self._renew(renewed)
        with self.assertRaisesRegex(UserError, f"is renewed already by {new.name}"):
            renewed._reactivate()
        sold_anew = self._sell_boxes(12, 3, duplicate_policy='refuse')
        self._stop(sold_anew, '2027-01-20')
        self._sell(sold_anew.program_id)
        with self.assertRaisesRegex(UserError, "already has program"):
            sold_anew._reactivate()

    def test_refused_where_it_was_billed_in_advance_and_settled(self):
        credited = self._sell_prepaid()
        credited._cancel()
        with self.assertRaisesRegex(UserError, "billed in advance and has been settled: .* Sell it anew"):
            credited._reactivate()
        not_billed = self._sell(self._create_program(3, bill_upfront=True))
        not_billed._cancel()
        with self.assertRaisesRegex(UserError, "has been settled"):
            not_billed._reactivate()
        partly = self._sell(self._create_program(3, bill_upfront=True, upfront_invoice_moment='first_shipment'))
        self._run_job('create_orders')
        self._deliver(partly.child_order_ids)
        partly._cancel()
        self.assertEqual(partly.payment_ids.mapped('amount'), [22.0])
        with self.assertRaisesRegex(UserError, "has been settled"):
            partly._reactivate()

    def test_a_plan_billed_in_advance_that_was_not_settled_goes_on(self):
        subscription = self._sell_prepaid()
        self._stop(subscription, '2027-01-20')
        self._get_note(subscription).unlink()

        self._reactivate(subscription, '2027-04-15')

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-05-01', '2027-06-01'])
        self.assertEqual(subscription.line_ids.mapped('prepaid_amount'), [20.0, 21.0, 22.0])
        self._run_two_years()
        self.assertEqual(self._get_sent(subscription), ["Book 1", "Book 2", "Book 3"])

    def test_it_can_be_stopped_and_reactivated_again(self):
        subscription = self._sell_boxes(6, 0)
        for month in (2, 4, 6):
            self._run_job('create_orders', day(f'2027-{month:02}-28'))
            self._stop(subscription, f'2027-{month:02}-28')
            self._reactivate(subscription, f'2027-{month + 1:02}-20')
        self._run_two_years()

        self.assertEqual(self._get_sent(subscription), [f"Book {number}" for number in range(1, 7)])
        self.assertEqual(len(self._get_dates(subscription)), len(set(self._get_dates(subscription))))


@tagged('post_install', '-at_install')
class TestRenewAccess(AccessCase):
    def test_who_may_not_change_it_does_not_go_on_with_it(self):
        self.theirs._cancel()
        for login in ('own', 'accountant', 'auditor', 'portal', 'internal'):
            theirs = self.theirs.with_user(self.users[login])
            for action in (theirs.action_renew, theirs.action_extend_to, theirs.action_reactivate):
                with self.subTest(login=login, action=action.__name__), self.assertRaises(AccessError):
                    action()

    def test_nobody_extends_what_he_may_not_see(self):
        product = self._create_parent_product(self.program)
        wizard = self.env['continuity.extend'].with_user(self.users['own']).sudo()
        wizard = wizard.create({'subscription_id': self.theirs.id, 'product_id': product.id}).sudo(False)

        with self.assertRaises(AccessError):
            wizard.action_extend()

    def test_a_salesperson_renews_and_reactivates(self):
        program = self._create_program(12)
        product = self._create_parent_product(program, continuity_event_count=3)
        mine = self._sell(program, product=product, order={'user_id': self.users['own'].id})
        mine = mine.with_user(self.users['own'])
        mine._cancel()

        mine.action_reactivate()
        action = mine.action_renew()

        order = self.env['sale.order'].with_user(self.users['own']).browse(action['res_id'])
        self.assertEqual(order.continuity_page_id.renews_id, mine)
        order.action_confirm()
        self.assertEqual(order.continuity_subscription_ids.state, 'running')
