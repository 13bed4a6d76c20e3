from ast import literal_eval

from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import day
from .common_payments import ChargeCase

COUNTS = (
    'running_count',
    'due_count',
    'coming_count',
    'held_count',
    'declined_count',
    'parked_count',
    'parked_payment_count',
)
ACTIONS = {
    'running_count': 'action_view_running',
    'due_count': 'action_view_due',
    'coming_count': 'action_view_coming',
    'held_count': 'action_view_held',
    'declined_count': 'action_view_declined',
    'parked_count': 'action_view_parked',
    'parked_payment_count': 'action_view_parked_payments',
}


@tagged('post_install', '-at_install')
class TestOverview(ChargeCase):
    def _read(self, program, on=None):
        """Return the counts of a program on a day, after checking that each list has what is counted."""
        program = program.with_env(self._as_of(on))
        program.invalidate_recordset(COUNTS)
        counts = {name: program[name] for name in COUNTS if program[name]}
        for name in COUNTS:
            action = getattr(program, ACTIONS[name])()
            found = program.env[action['res_model']].search_count(action['domain'])
            self.assertEqual(found, program[name], name)
        return counts

    def test_what_is_due_and_what_comes(self):
        program = self._create_program([{'interval_unit': 'week'}] * 6, duplicate_policy='allow')
        self._sell(program)
        self._sell(program, start_date=day('2027-01-20'))
        self._sell(program, start_date=day('2027-03-01'))
        self._sell(program, confirm=False)

        # Up to 31 January: 1, 8, 15, 22, 29 of the first, 20 and 27 of the second.
        self.assertEqual(self._read(program), {'running_count': 3, 'due_count': 1, 'coming_count': 7})

        self._run_job('create_orders')
        self.assertEqual(self._read(program), {'running_count': 3, 'coming_count': 6})

    def test_due_counts_the_lead_days_of_the_company(self):
        self.company.continuity_lead_days = 5
        program = self._create_program(2)
        self._sell(program, start_date=day('2027-01-06'))

        self.assertEqual(self._read(program).get('due_count'), 1)
        self.assertEqual(self._read(program, day('2026-12-31')).get('due_count'), None)

    def test_paused_ones_are_due_when_their_pause_has_ended(self):
        program = self._create_program(2)
        self._sell(program, start_date=day('2027-01-03')).with_env(self._as_of())._pause(until=day('2027-01-10'))

        self.assertEqual(self._read(program, day('2027-01-09')), {})
        self.assertEqual(self._read(program, day('2027-01-10')), {'due_count': 1})

    def test_what_a_job_failed_on_needs_attention(self):
        program = self._create_program(2, duplicate_policy='allow')
        self._sell(program)
        bad = self._sell(program)
        bad.line_ids[0]._unguarded().product_id = self._create_product("Gone", active=False)
        self._run_job('create_orders')

        # Of the first, the second book comes on 1 February, in 31 days; of the bad one, the first is not made.
        self.assertEqual(self._read(program), {'running_count': 2, 'coming_count': 1, 'parked_count': 1})

        bad.payment_ids.unlink()
        payment = self.env['continuity.payment'].create(
            {'subscription_id': bad.id, 'order_id': bad.order_id.id, 'amount': 10.0}
        )
        payment._park('process_payments', "No.")
        self.assertEqual(self._read(program)['parked_payment_count'], 1)

    def test_declined_payments_and_the_deliveries_they_hold(self):
        self.answers = ['error']
        subscription = self._sell_upfront()
        self._run_job('create_orders')
        self._run_job('process_payments')
        self.assertTrue(subscription.child_order_ids.continuity_payment_hold)

        self.assertEqual(
            self._read(subscription.program_id), {'running_count': 1, 'held_count': 1, 'declined_count': 1}
        )

        self._run_job('process_payments', day('2027-01-04'))
        self.assertEqual(self._read(subscription.program_id), {'running_count': 1})

    def test_each_program_by_itself(self):
        club, coffee = self._create_program(2), self._create_program(2, name="Coffee")
        self._sell(club)
        self._sell(club, start_date=day('2027-02-20'))
        self._sell(coffee)

        both = (club | coffee).with_env(self._as_of())
        self.assertEqual(both.mapped('running_count'), [2, 1])
        self.assertEqual(both.mapped('due_count'), [1, 1])

    def test_an_archived_program_is_shown_while_its_subscriptions_run(self):
        action = self.env.ref('continuity_program.continuity_overview_action')
        program, sold = self._create_program(2), self._create_program(2, name="Sold")
        subscription = self._sell(sold)
        (program | sold).active = False
        shown = (
            self.env['continuity.program']
            .with_context(active_test=False)
            .search([*literal_eval(action.domain), ('id', 'in', (program | sold).ids)])
        )
        self.assertEqual(shown, sold)

        subscription._cancel()
        self.assertFalse(shown.filtered_domain(literal_eval(action.domain)))

    def test_it_is_the_first_entry_of_the_menu_for_managers_only(self):
        root = self.env.ref('continuity_program.continuity_menu_root')
        overview = self.env.ref('continuity_program.continuity_overview_menu')
        self.assertEqual(root.child_id[0], overview)
        for group, is_seen in (('group_sale_manager', True), ('group_sale_salesman_all_leads', False)):
            user = self._create_user(group, f'sales_team.{group}')
            with self.subTest(group):
                self.assertEqual(overview.id in self.env['ir.ui.menu'].with_user(user)._visible_menu_ids(), is_seen)

    def test_who_may_not_see_the_program_gets_no_list(self):
        program = self._create_program(2).with_user(self._create_user('portia', 'base.group_portal'))
        for action in ACTIONS.values():
            with self.subTest(action), self.assertRaises(AccessError):
                getattr(program, action)()
