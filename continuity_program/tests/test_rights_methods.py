import inspect

from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import tagged

from .common_access import CRUD
from .common_rights import REFUSED, RightsCase, is_ours

#: What a call with nothing, or with what makes no sense, ends with: no answer.
NO_ANSWER = (*REFUSED, TypeError, ValueError, KeyError, AttributeError)
#: Odoo's own methods that the addons only add to.
OF_ODOO = {
    'copy_data',
    'message_post_with_source',
    'button_cancel',
    'button_draft',
    'reconcile',
    'reverse_moves',
    'send',
}
#: Models whose methods have no record of their own in the case, and why.
WITHOUT_RECORDS = {
    'account.partial.reconcile': "Odoo's own methods only",
    'continuity.cancellation.report': "rows of subscriptions, by the rules on them",
    'continuity.forecast.report': "rows of subscriptions, by the rules on them",
    'continuity.retention.report': "rows of subscriptions, by the rules on them",
    'continuity.revenue.report': "rows of subscriptions, by the rules on them",
    'continuity.job.issue': "of managers only; see the test of companies",
    'sale.order.discount': "a dialog of Odoo's, of whoever opened it; see `TestBilledByBox` in `test_order_total.py`",
}


@tagged('post_install', '-at_install')
class TestRightsOfMethods(RightsCase):
    """Each public method × role × record that is not the caller's: it does nothing, and tells nothing."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.there = cls.elsewhere['continuity.subscription'].company_id
        cls.manager_there = cls._create_user(
            'there', 'sales_team.group_sale_manager', company_id=cls.there.id, company_ids=[Command.set(cls.there.ids)]
        )

    def _get_methods(self):
        """Return the public methods that the addons define, of models with a table."""
        return sorted(
            (name, method)
            for name, model in self.env.registry.items()
            if not model._abstract
            for cls in model.__mro__
            if is_ours(cls.__module__.removeprefix('odoo.addons.'))
            for method, function in vars(cls).items()
            if inspect.isfunction(function)
            and not method.startswith('_')
            and not getattr(function, '_api_private', False)
            and method not in CRUD | OF_ODOO
        )

    def _get_foreign(self, model, login):
        """Return the records of a model that are not the user's: of a colleague, and of another company."""
        records = [kind[model] for kind in (self.colleagues, self.elsewhere) if model in kind]
        if model in self.colleagues and model == 'sale.order':
            records.append(self.colleagues['continuity.subscription'].child_order_ids)
        if model == 'continuity.program':
            records = [self.elsewhere[model]]
        return [record for record in records if not self._as(login, record).has_access('read')]

    def _read_all(self):
        """Return all that a call could have changed."""
        self.env.flush_all()
        self.env.cr.execute(
            """
            SELECT (SELECT array_agg((s.id, s.state, s.is_parked, s.next_date, s.write_date) ORDER BY s.id)
                      FROM continuity_subscription s)::text,
                   (SELECT array_agg((l.id, l.state, l.date_planned, l.write_date) ORDER BY l.id)
                      FROM continuity_line l)::text,
                   (SELECT array_agg((p.id, p.state, p.on_hold, p.amount, p.write_date) ORDER BY p.id)
                      FROM continuity_payment p)::text,
                   (SELECT array_agg((o.id, o.state, o.write_date) ORDER BY o.id) FROM sale_order o)::text,
                   (SELECT array_agg((m.id, m.state) ORDER BY m.id) FROM account_move m)::text,
                   (SELECT count(*) FROM continuity_plan_change), (SELECT count(*) FROM continuity_job_run)
            """
        )
        return self.env.cr.fetchone()

    def _call(self, record, method, arguments):
        """Return what a call tells and what it changed; nothing of it stays."""
        before = self._read_all()
        with self.env.cr.savepoint() as savepoint:
            try:
                told = getattr(record, method)(*arguments)
                return told, self._read_all() != before
            except NO_ANSWER:
                return None, False
            finally:
                savepoint.rollback()
                self.env.invalidate_all()

    def _get_secrets(self):
        return {
            record.display_name
            for records in (self.colleagues, self.elsewhere)
            for name, record in records.items()
            if name in ('continuity.subscription', 'sale.order', 'account.move', 'continuity.program', 'res.partner')
        } - {self.program.display_name}

    def test_no_method_does_or_tells_anything_of_the_records_of_others(self):
        secrets = self._get_secrets()
        untried = {name for name, _method in self._get_methods()}
        for name, method in self._get_methods():
            for login in ('own', 'manager', 'stock', 'internal', 'portal'):
                for foreign in self._get_foreign(name, login):
                    record = self._as(login, foreign)
                    for arguments in ((), ({'x': 1},)):
                        with self.subTest(model=name, method=method, login=login, arguments=arguments):
                            told, has_changed = self._call(record, method, arguments)
                            self.assertFalse(has_changed)
                            self.assertEqual([secret for secret in secrets if secret in repr(told)], [])
                    untried.discard(name)
        self.assertEqual(untried - WITHOUT_RECORDS.keys(), set())

    def test_who_only_reads_changes_nothing(self):
        for name, method in self._get_methods():
            record = self.colleagues.get(name)
            if record is None or record._transient:
                continue
            for login in ('auditor', 'stock', 'internal', 'portal'):
                with self.subTest(model=name, method=method, login=login):
                    _told, has_changed = self._call(self._as(login, record), method, ())
                    self.assertFalse(has_changed)

    # === MONEY: an action asks for the right to do what it does === #

    def _get_child(self, login, records=None):
        child = (records or self.own)['continuity.subscription'].child_order_ids
        return self._as(login, child)

    def test_who_may_credit_a_shipment(self):
        for login in ('stock', 'auditor', 'internal', 'portal'):
            with self.subTest(login), self.assertRaises(AccessError):
                self._get_child(login).action_credit_continuity()
        with self.assertRaises(AccessError):
            self._get_child('own', self.colleagues).action_credit_continuity()
        self.assertFalse(self.own['account.move'].reversal_move_ids)
        for login in ('own', 'manager', 'accountant'):
            with self.subTest(login):
                self.assertTrue(self._try(self._get_child(login).action_credit_continuity))

    def test_the_inventory_user_may_write_on_the_order_and_still_not_credit(self):
        child = self._get_child('stock')
        self.assertTrue(child.has_access('write'))
        for action in ('action_credit_continuity', 'action_plan_continuity_again', 'action_send_continuity_again'):
            with self.subTest(action), self.assertRaises(AccessError):
                getattr(child, action)()

    def test_only_accountants_charge_hold_and_release(self):
        for login in ('own', 'all', 'manager', 'auditor', 'stock', 'portal'):
            payment = self._as(login, self.own['continuity.payment'])
            for action in ('action_charge', 'action_hold', 'action_release', 'action_retry'):
                with self.subTest(login=login, action=action), self.assertRaises(AccessError):
                    getattr(payment, action)()

    def test_a_change_of_many_plans_is_undone_by_who_may_still_change_them(self):
        change = self._as('own', self.own['continuity.plan.change'])
        self.own['sale.order'].user_id = self.other
        with self.assertRaises(AccessError):
            change.action_undo()

    # === COMPANIES === #

    def test_a_run_over_all_companies_is_told_of_to_who_works_in_all_of_them(self):
        Run = self.env['continuity.job.run'].sudo()
        both = Run.create({'job': 'close', 'company_ids': [Command.set((self.company | self.there).ids)]})
        theirs = Run.create({'job': 'close', 'company_ids': [Command.set(self.there.ids)]})
        own_issue, issue = (
            self.env['continuity.job.issue']
            .sudo()
            .create(
                [
                    {'run_id': both.id, 'company_id': company.id, 'reason': "No.", 'kind': 'failed'}
                    for company in (self.there, self.company)
                ]
            )
        )
        there = Run.with_user(self.manager_there)
        self.assertEqual(there.search([('id', 'in', (both | theirs).ids)]), theirs)
        for record in (both, issue):
            with self.subTest(record._name), self.assertRaises(AccessError):
                record.with_user(self.manager_there).read()
        self.assertTrue(own_issue.with_user(self.manager_there).read(['reason']))
        self.assertEqual(there.search_count([('id', '=', both.id)]), 0)

        self.manager_there.company_ids += self.company
        of_both = Run.with_user(self.manager_there).with_context(allowed_company_ids=(self.there | self.company).ids)
        self.assertEqual(of_both.search([('id', '=', both.id)]), both)

    def test_a_preview_shows_the_companies_of_who_asks(self):
        wizard = self.env['continuity.job.wizard'].with_user(self.manager_there).create({'job': 'create_orders'})
        wizard.action_preview()
        self.assertFalse(wizard.line_ids.sudo().subscription_id - self.elsewhere['continuity.subscription'])
