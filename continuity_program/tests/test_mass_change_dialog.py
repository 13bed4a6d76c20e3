from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common import day
from .common_mass_change import MassChangeCase


@tagged('post_install', '-at_install')
class TestDialog(MassChangeCase):
    def test_the_preview_changes_nothing_and_is_what_is_done(self):
        subscriptions = self._sell(self.program) | self._sell(self.weekly)
        self._run_job('create_orders')
        for criteria in (
            {'kind': 'shift', 'days': 10},
            {'kind': 'shift', 'days': -25},
            {'kind': 'shift', 'shift_mode': 'date', 'date_to': '2027-02-20'},
            *(
                {
                    'kind': 'substitute',
                    'product_from_id': self.books[0].id,
                    'product_to_id': self.atlas.id,
                    'price_rule': price_rule,
                    'price_unit': 33.0,
                }
                for price_rule in ('keep', 'pricelist', 'fixed')
            ),
        ):
            with self.subTest(criteria), self.env.cr.savepoint() as savepoint:
                before = self._read_all(subscriptions.line_ids), self._read_all(subscriptions)
                wizard = self._open(subscriptions.line_ids, on=day('2027-01-10'), **criteria)

                wizard.action_preview()

                self.assertEqual((self._read_all(subscriptions.line_ids), self._read_all(subscriptions)), before)
                shown = [(row.line_id, row.old_values, row.new_values, row.reason) for row in wizard.line_ids]
                change = self._apply(wizard)
                logged = [(row.line_id, row.old_values, row.new_values, row.reason) for row in change.line_ids]
                self.assertEqual(logged, shown)
                for line, _old_values, new_values, reason in shown:
                    self.assertTrue(reason or line._read_values(new_values) == new_values)
                changed = {line for line, _old_values, _new_values, reason in shown if not reason}
                self.assertTrue(changed)
                after = self._read_all(subscriptions.line_ids)
                self.assertEqual(
                    [values for values in after if values['id'] not in {line.id for line in changed}],
                    [values for values in before[0] if values['id'] not in {line.id for line in changed}],
                )
                savepoint.rollback()
                self.env.invalidate_all()

    def test_before_and_after(self):
        subscription = self._sell(self.weekly, line={'discount': 10.0})

        [row, *_others] = self._preview(
            subscription, kind='substitute', product_from_id=self.books[0].id, product_to_id=self.atlas.id
        )

        self.assertRegex(row[1], r"^Book 1 · .*20\.00.* · −10 % · Tax 10%$")
        self.assertRegex(row[2], r"^Atlas · .*20\.00.* · −10 % · Tax 21%$")

    def test_what_changed_since_the_preview_is_left_out(self):
        subscription = self._sell(self.program)
        wizard = self._open(subscription, kind='shift', days=10)
        wizard.action_preview()
        subscription.line_ids[1].date_planned = day('2027-02-14')
        self._run_job('create_orders')

        change = self._apply(wizard)

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-14', '2027-03-11', '2027-04-11'])
        reasons = self._get_reasons(change)
        self.assertRegex(reasons[0][2], "is ordered")
        self.assertEqual(reasons[1], (2, 'left_out', "It was changed since the preview."))

    def test_midnight_between_preview_and_run(self):
        subscription = self._sell(self.program)
        wizard = self._open(subscription, kind='shift', shift_mode='date', date_to='2027-01-05')
        wizard.action_preview()

        self._apply(wizard.with_context(continuity_as_of='2027-01-06'))

        self.assertEqual(self._get_dates(subscription), ['2027-01-01', '2027-02-05', '2027-03-05', '2027-04-05'])

    def test_not_applied_twice(self):
        subscription = self._sell(self.program)
        wizard = self._open(subscription, kind='shift', days=10)
        wizard.action_preview()
        wizard.action_apply()

        with self.assertRaisesRegex(UserError, "preview"):
            wizard.action_apply()
        self.assertEqual(self._get_dates(subscription)[0], '2027-01-11')

    def test_other_criteria_need_another_preview(self):
        wizard = self._open(self._sell(self.program), kind='shift', days=10)
        wizard.action_preview()
        with self.assertRaisesRegex(UserError, "preview"):
            self._open(self._sell(self.program), kind='shift', days=10).action_apply()

        wizard.days = 20

        self.assertFalse(wizard.line_ids)
        with self.assertRaisesRegex(UserError, "preview"):
            wizard.action_apply()

    def test_a_bad_plan_does_not_lose_the_others(self):
        good, bad = self._sell(self.program), self._sell(self.program)
        self.env.flush_all()
        self.env.cr.execute("UPDATE continuity_line SET discount = 200 WHERE id IN %s", [tuple(bad.line_ids[:1].ids)])
        self.env.invalidate_all()

        change = self._substitute(good | bad, self.books[0], self.atlas)

        self.assertEqual(good.line_ids[0].product_id, self.atlas)
        self.assertEqual(bad.line_ids[0].product_id, self.books[0])
        [row] = change.line_ids.filtered(lambda row: row.subscription_id == bad)
        self.assertEqual(row.state, 'left_out')
        self.assertRegex(row.reason, "the discount must be between 0 and 100 %")

    def test_nothing_planned(self):
        subscription = self._sell(self._create_program(1))
        self._run_job('create_orders')

        with self.assertRaisesRegex(UserError, "Nothing is planned"):
            self._open(subscription, kind='shift', days=3).action_preview()

    def test_nothing_concerned(self):
        wizard = self._open(
            self._sell(self.program),
            kind='substitute',
            product_from_id=self.books[8].id,
            product_to_id=self.atlas.id,
        )
        wizard.action_preview()

        self.assertFalse(wizard.line_ids)
        with self.assertRaisesRegex(UserError, "nothing to change"):
            wizard.action_apply()

    def test_the_form(self):
        subscription = self._sell(self.weekly)
        wizard = self._open(subscription)
        with Form(wizard) as form:
            self.assertEqual(form.selected_count, 3)
            form.kind = 'substitute'
            form.product_from_id = self.books[0]
            form.product_to_id = self.atlas
            form.price_rule = 'fixed'
            form.price_unit = 12.0
        wizard.action_preview()

        self.assertEqual((wizard.change_count, wizard.left_out_count), (3, 0))
        self.assertEqual(wizard.available_product_ids, self.books[0])

    def test_smart_button(self):
        subscription, other = self._sell(self.program), self._sell(self.program)
        changes = self._shift(subscription, 10) | self._shift(subscription | other, 3)

        self.assertEqual((subscription | other).mapped('plan_change_count'), [2, 1])
        action = subscription.action_view_plan_changes()
        self.assertEqual(changes.search(action['domain']), changes.sorted('id', reverse=True))

    def test_many_lines_take_few_queries(self):
        def count_queries(repeat_count, criteria):
            program = self._create_program([{'interval_unit': 'day', 'repeat_count': repeat_count}])
            self.company.continuity_repeat_threshold = repeat_count
            subscription = self._sell(program)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            change = self._change(subscription, **criteria)
            self.env.flush_all()
            self.assertEqual(change.line_count, repeat_count)
            self.env.invalidate_all()
            change.action_undo()
            self.env.flush_all()
            return self.env.cr.sql_log_count - before

        for criteria in (
            {'kind': 'shift', 'days': 10},
            *(
                {
                    'kind': 'substitute',
                    'product_from_id': self.books[0].id,
                    'product_to_id': self.atlas.id,
                    'price_rule': price_rule,
                }
                for price_rule in ('keep', 'pricelist')
            ),
        ):
            count_queries(5, criteria)
            few, many = count_queries(10, criteria), count_queries(200, criteria)
            with self.subTest(criteria):
                self.assertLess(many - few, 60)


@tagged('post_install', '-at_install')
class TestRights(MassChangeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ann = cls._create_user('ann', 'sales_team.group_sale_salesman')
        cls.bob = cls._create_user('bob', 'sales_team.group_sale_salesman')
        cls.manager = cls._create_user('boss', 'sales_team.group_sale_manager')
        cls.accountant = cls._create_user('accountant', 'account.group_account_invoice')
        cls.portal = cls._create_user('portia', 'base.group_portal', partner_id=cls.customer.id)
        cls.startClassPatcher(freeze_time('2027-01-01 12:00:00'))

    def _sell_for(self, user):
        return self._sell(self.program, order={'user_id': user.id})

    def test_a_salesperson_changes_own_plans_and_undoes_it(self):
        subscription = self._sell_for(self.ann)

        change = self._shift(subscription, 10, user=self.ann)

        self.assertEqual(change.user_id, self.ann)
        self.assertEqual(self._get_dates(subscription)[0], '2027-01-11')
        self.assertTrue(change.can_undo)
        change.action_undo()
        self.assertEqual(self._get_dates(subscription)[0], '2027-01-01')
        for price_rule in ('keep', 'pricelist', 'fixed'):
            change = self._substitute(subscription, self.books[0], self.atlas, price_rule, user=self.ann)
            self.assertEqual(change.line_count, 1)
            change.action_undo()
        self.assertEqual(subscription.line_ids[0].product_id, self.books[0])

    def test_not_those_of_a_colleague(self):
        mine, theirs = self._sell_for(self.ann), self._sell_for(self.bob)
        for records in (theirs, mine | theirs, theirs.line_ids):
            with self.assertRaises(AccessError):
                self._open(records, user=self.ann)
        Wizard = self.env['continuity.mass.change'].with_user(self.ann)
        for selection in (
            {'subscription_ids': [Command.set((mine | theirs).ids)]},
            {'selected_line_ids': [Command.set((mine | theirs).line_ids.ids)]},
        ):
            with self.assertRaises(AccessError):
                Wizard.create({'kind': 'shift', 'days': 3, **selection})
        self.assertEqual(self._get_dates(mine | theirs)[:2], ['2027-01-01', '2027-01-01'])

    def test_not_those_that_became_a_colleagues_meanwhile(self):
        subscription = self._sell_for(self.ann)
        wizard = self._open(subscription, user=self.ann, kind='shift', days=3)
        wizard.action_preview()
        subscription.order_id.user_id = self.bob
        self.env.flush_all()
        self.env.invalidate_all()

        with self.assertRaises(AccessError):
            wizard.action_apply()

    def test_nobody_else(self):
        subscription = self._sell_for(self.ann)
        for user in (self.portal, self.accountant):
            with self.assertRaises(AccessError):
                self._open(subscription, user=user)
            with self.assertRaises(AccessError):
                self.env['continuity.mass.change'].with_user(user).create({'kind': 'shift'})

    def test_the_dialog_is_ones_own(self):
        wizard = self._open(self._sell_for(self.ann), user=self.ann, kind='shift', days=3)
        wizard.action_preview()
        for user in (self.bob, self.manager):
            for call in ('action_preview', 'action_apply'):
                with self.assertRaises(AccessError):
                    getattr(wizard.with_user(user), call)()

    def test_what_the_preview_shows_cannot_be_rewritten(self):
        wizard = self._open(self._sell_for(self.ann), user=self.ann, kind='shift', days=3)
        wizard.action_preview()
        for write in (
            lambda: wizard.line_ids[0].write({'new_values': {'price_unit': 0.0}}),
            lambda: wizard.write({'line_ids': [Command.update(wizard.line_ids[0].id, {'new_values': {}})]}),
            lambda: wizard.write({'is_previewed': True}),
            lambda: wizard.copy({'line_ids': [Command.create({})]}),
        ):
            with self.assertRaises(AccessError):
                write()

    def test_undo_is_for_managers_and_who_did_it(self):
        subscription = self._sell_for(self.ann)
        by_manager = self._shift(subscription, 10, user=self.manager)
        self.assertFalse(by_manager.with_user(self.ann).can_undo)
        with self.assertRaisesRegex(AccessError, "Only Boss or a sales manager"):
            by_manager.with_user(self.ann).action_undo()
        for user in (self.bob, self.portal, self.accountant):
            with self.assertRaises(AccessError):
                by_manager.with_user(user).action_undo()

        by_manager.action_undo()
        by_ann = self._shift(subscription, 4, user=self.ann)
        by_ann.with_user(self.manager).action_undo()

        self.assertEqual(self._get_dates(subscription)[0], '2027-01-01')

    def test_undo_leaves_what_the_user_may_not_change_any_more(self):
        kept, given = self._sell_for(self.ann), self._sell_for(self.ann)
        change = self._shift(kept | given, 10, user=self.ann)
        given.order_id.user_id = self.bob
        self.env.flush_all()
        self.env.invalidate_all()

        change.action_undo()

        self.assertEqual(self._get_dates(kept)[0], '2027-01-01')
        self.assertEqual(self._get_dates(given)[0], '2027-01-11')
        self.assertEqual(
            set(change.sudo().line_ids.filtered(lambda row: row.subscription_id == given).mapped('reason')),
            {"You may not change this plan."},
        )
        self.env.invalidate_all()
        self.assertEqual(change.line_ids.subscription_id, kept)

    def test_a_salesperson_sees_what_was_done_to_own_plans(self):
        mine, theirs = self._sell_for(self.ann), self._sell_for(self.bob)
        change = self._shift(mine | theirs, 10, user=self.manager)
        self.env.invalidate_all()

        [seen] = change.with_user(self.ann).web_read(
            {'name': {}, 'line_ids': {'fields': {'subscription_id': {'fields': {'display_name': {}}}, 'before': {}}}}
        )

        self.assertEqual(seen['name'], change.name)
        self.assertEqual({row['subscription_id']['id'] for row in seen['line_ids']}, {mine.id})
        self.assertEqual(mine.with_user(self.ann).plan_change_count, 1)
        theirs.order_id.user_id = self.ann
        self.assertEqual(len(change.with_user(self.ann).line_ids.search([('change_id', '=', change.id)])), 8)
        mine.order_id.user_id = False
        (mine | theirs).order_id.user_id = False
        self.assertEqual(change.with_user(self.bob).search([('id', '=', change.id)]), change)
        (mine | theirs).order_id.user_id = self.ann
        self.assertFalse(change.with_user(self.bob).search([('id', '=', change.id)]))

    def test_the_log_is_written_by_nobody(self):
        change = self._shift(self._sell_for(self.ann), 10, user=self.manager)
        for record, vals in ((change, {'state': 'undone'}), (change.line_ids[0], {'old_values': {}})):
            for call in (lambda record, vals: record.write(vals), lambda record, _vals: record.unlink()):
                with self.assertRaises(AccessError):
                    call(record, vals)


@tagged('post_install', '-at_install')
class TestCompanies(MassChangeCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.elsewhere = cls.env['res.company'].create({'name': "Elsewhere"})
        cls.elsewhere.partner_id.tz = 'Pacific/Auckland'
        cls.program_elsewhere = cls._create_program(
            [{'product_id': cls.atlas.id}, {'product_id': cls.atlas.id}], company_id=cls.elsewhere.id
        )
        cls.boss = cls._create_user(
            'boss',
            'sales_team.group_sale_manager',
            company_id=cls.company.id,
            company_ids=[Command.set((cls.company | cls.elsewhere).ids)],
        )

    def _sell_both(self):
        here = self._sell(self.program)
        there = self._sell(self.program_elsewhere, order={'company_id': self.elsewhere.id})
        return here, there

    def _as_boss(self, records, companies):
        return records.with_user(self.boss).with_context(allowed_company_ids=companies.ids)

    # 2 January in Auckland, still the 1st here
    @freeze_time('2027-01-01 12:00:00')
    def test_each_company_has_its_log_and_its_day(self):
        here, there = self._sell_both()
        self._shift(here | there, 30)
        wizard = self._open(here | there, user=self.boss, kind='shift', shift_mode='date', date_to='2027-01-01')
        both = self.company | self.elsewhere
        wizard = self._as_boss(wizard, both)
        wizard.action_preview()

        changes = self._apply(wizard)

        self.assertEqual(self._get_dates(here), ['2027-01-01', '2027-02-01', '2027-03-01', '2027-04-01'])
        self.assertEqual(self._get_dates(there), ['2027-02-01', '2027-02-01'])
        self.assertEqual(changes.company_id, both)
        by_company = {change.company_id: change for change in changes}
        self.assertEqual((by_company[self.company].line_count, by_company[self.elsewhere].line_count), (4, 1))
        self.assertRegex(by_company[self.elsewhere].line_ids[0].reason, "which is past")

        alone = self._as_boss(by_company[self.elsewhere], self.company)
        with self.assertRaises(AccessError):
            alone.action_undo()
        self.assertFalse(alone.search([('id', '=', alone.id)]))
        self.assertFalse(
            self.env['continuity.plan.change.line'].with_env(alone.env).search([('change_id', '=', alone.id)])
        )

    def test_plans_of_a_company_that_is_not_chosen(self):
        _here, there = self._sell_both()

        with self.assertRaises(AccessError):
            self._as_boss(there, self.company).action_change_plans()
