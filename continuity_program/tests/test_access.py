import inspect

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.service.model import get_public_method
from odoo.tests import tagged

from .common_access import CRUD, AccessCase

ADDONS = 'odoo.addons.continuity_program'


#: Everything of this addon that any logged-in user, portal users too, can call by RPC. Whoever adds a name here has
#: looked at what it does for a user who may not read, write or even see the record.
PUBLIC_METHODS = {
    'account.move': {
        'action_view_continuity_payments',
        'button_cancel',
        'button_draft',
        'copy_data',
        'create',
        'unlink',
    },
    'account.move.line': {'reconcile', 'write'},
    'account.move.reversal': {'reverse_moves'},
    'account.partial.reconcile': {'create', 'unlink'},
    'continuity.cancellation.report': {'action_view_subscription'},
    'continuity.extend': {'action_extend'},
    'continuity.forecast.report': {'action_view_subscription'},
    'continuity.given.mixin': {'create', 'default_get', 'onchange', 'write'},
    'continuity.guard.mixin': {'create', 'write'},
    'continuity.instalments': {'action_change'},
    'continuity.job.issue': {'action_open_record'},
    'continuity.job.wizard': {'action_preview', 'action_run'},
    'continuity.line': {
        'action_cancel_box',
        'action_change_plans',
        'action_correct_taxes',
        'action_plan_again',
        'action_remove',
        'action_send_again',
        'create',
        'write',
    },
    'continuity.sanity.mixin': {'default_get', 'onchange', 'write'},
    'continuity.mass.change': {'action_apply', 'action_preview', 'write'},
    'continuity.parking.mixin': {'action_retry'},
    'continuity.pause': {'action_pause'},
    'continuity.payment': {
        'action_change_instalments',
        'action_charge',
        'action_hold',
        'action_release',
        'action_retry',
        'action_view_subscription',
    },
    'continuity.plan.change': {'action_undo'},
    'continuity.program': {
        'action_preview_plan',
        'action_retry',
        'action_update_sold_plans',
        'action_view_coming',
        'action_view_declined',
        'action_view_due',
        'action_view_held',
        'action_view_parked',
        'action_view_parked_payments',
        'action_view_running',
        'action_view_subscriptions',
        'copy_data',
        'write',
    },
    'continuity.program.line': {'create', 'unlink', 'write'},
    'continuity.report.mixin': {'action_view_subscription'},
    'continuity.retention.report': {'action_view_subscription'},
    'continuity.revenue.report': {'action_view_subscription'},
    'continuity.stop': {'action_stop'},
    'continuity.subscription': {
        'action_change_plans',
        'action_close',
        'action_confirm_page',
        'action_extend_to',
        'action_open_page',
        'action_pause',
        'action_postpone',
        'action_preview_portal',
        'action_reactivate',
        'action_renew',
        'action_reopen',
        'action_resume',
        'action_retry',
        'action_ship_now',
        'action_skip_next',
        'action_stop',
        'action_view_child_orders',
        'action_view_duplicates',
        'action_view_lines',
        'action_view_order',
        'action_view_payments',
        'action_view_renewals',
        'action_view_renewed',
        'action_view_plan_changes',
        'create',
        'unlink',
        'write',
    },
    'mail.mail': {'send'},
    'payment.token': {'write'},
    'res.company': {'create', 'write'},
    'product.product': {'write'},
    'product.template': {'write'},
    'res.partner': {'write'},
    'sale.order': {
        'action_credit_continuity',
        'action_plan_continuity_again',
        'action_send_continuity_again',
        'action_view_continuity_children',
        'action_view_continuity_parent',
        'action_view_continuity_payments',
        'action_view_continuity_subscriptions',
        'write',
    },
    'sale.order.discount': {'action_apply_discount'},
    'sale.order.line': {'action_open_continuity', 'copy_data', 'create', 'unlink', 'write'},
    'stock.picking': {'message_post_with_source'},
}


#: What each group may do: read, write, create, unlink.
ACCESS = {
    'continuity.program': {'own': 'r', 'all': 'r', 'manager': 'rwcu', 'accountant': 'r', 'auditor': 'r'},
    'continuity.program.line': {'own': 'r', 'all': 'r', 'manager': 'rwcu', 'accountant': 'r', 'auditor': 'r'},
    'continuity.subscription': {
        'own': 'rw',
        'all': 'rw',
        'manager': 'rw',
        'accountant': 'r',
        'auditor': 'r',
        'portal': 'r',
    },
    'continuity.line': {
        'own': 'rwcu',
        'all': 'rwcu',
        'manager': 'rwcu',
        'accountant': 'r',
        'auditor': 'r',
        'portal': 'r',
    },
    'continuity.payment': {
        'own': 'r',
        'all': 'r',
        'manager': 'r',
        'accountant': 'rw',
        'auditor': 'r',
        'portal': 'r',
    },
    'continuity.cancel.reason': {
        'own': 'r',
        'all': 'r',
        'manager': 'rwcu',
        'accountant': 'r',
        'auditor': 'r',
        'portal': 'r',
    },
    'continuity.forecast.report': {'own': 'r', 'all': 'r', 'manager': 'r', 'accountant': 'r', 'auditor': 'r'},
    'continuity.retention.report': {'own': 'r', 'all': 'r', 'manager': 'r', 'accountant': 'r', 'auditor': 'r'},
    'continuity.revenue.report': {'own': 'r', 'all': 'r', 'manager': 'r', 'accountant': 'r', 'auditor': 'r'},
    'continuity.cancellation.report': {'own': 'r', 'all': 'r', 'manager': 'r', 'accountant': 'r', 'auditor': 'r'},
    'continuity.job.run': {'manager': 'r'},
    'continuity.job.change': {'manager': 'r'},
    'continuity.job.issue': {'manager': 'r'},
    'continuity.job.wizard': {'manager': 'rwc'},
    'continuity.job.wizard.line': {'manager': 'r'},
    'continuity.extend': {'own': 'rwc', 'all': 'rwc', 'manager': 'rwc'},
    'continuity.instalments': {'accountant': 'rwc'},
    'continuity.instalments.line': {'accountant': 'rwcu'},
    'continuity.pause': {'own': 'rwc', 'all': 'rwc', 'manager': 'rwc'},
    'continuity.stop': {'own': 'rwc', 'all': 'rwc', 'manager': 'rwc'},
    'continuity.stop.line': {'own': 'rwcu', 'all': 'rwcu', 'manager': 'rwcu'},
    'continuity.mass.change': {'own': 'rwc', 'all': 'rwc', 'manager': 'rwc'},
    'continuity.mass.change.line': {'own': 'r', 'all': 'r', 'manager': 'r'},
    'continuity.plan.change': {'own': 'r', 'all': 'r', 'manager': 'r'},
    'continuity.plan.change.line': {'own': 'r', 'all': 'r', 'manager': 'r'},
    'continuity.plan.preview': {'own': 'rwc', 'all': 'rwc', 'manager': 'rwc'},
    'continuity.plan.preview.line': {'own': 'r', 'all': 'r', 'manager': 'r'},
}


#: All that portal users read of their own records.
PORTAL_FIELDS = {
    'continuity.subscription': {
        *('access_token', 'access_url', 'amount_per_shipment', 'amount_planned', 'amount_total', 'bill_upfront'),
        *('cancel_reason_id', 'company_id', 'currency_id', 'display_name', 'id', 'line_ids', 'member_number', 'name'),
        *('next_date', 'order_id', 'partner_id', 'partner_invoice_id', 'partner_shipping_id', 'payment_ids'),
        *('payment_method', 'payment_term_id', 'payment_token_id', 'product_id', 'program_id', 'quantity'),
        *('resume_date', 'shipment_count', 'start_date', 'state', 'summary', 'user_id'),
    },
    'continuity.line': {
        *('child_order_id', 'company_id', 'currency_id', 'date_planned', 'discount', 'display_name', 'event_number'),
        *('id', 'order_id', 'partner_id', 'partner_shipping_id', 'price_subtotal', 'price_total', 'price_unit'),
        *('product_id', 'product_uom_id', 'quantity', 'shipping_total', 'state', 'subscription_id'),
    },
    'continuity.payment': {
        *('amount', 'company_id', 'currency_id', 'display_name', 'due_date', 'id', 'invoice_id', 'method', 'number'),
        *('order_id', 'partner_id', 'state', 'subscription_id'),
    },
}


OPERATIONS = {'r': 'read', 'w': 'write', 'c': 'create', 'u': 'unlink'}


#: Kept by the jobs and methods of the addon; no screen lets anybody change them.
KEPT_FIELDS = {
    'continuity.subscription': {
        'state': 'done',
        'occurrences_left': 99,
        'anchor_date': '2030-01-01',
        'joined_date': '2030-01-01',
        'program_revision': 99,
        'event_count': 99,
        'cancel_after_event': 1,
        'stop_date': '2030-01-01',
        'is_reopened': True,
        'renews_id': False,
        'is_parked': True,
        'park_job': 'create_orders',
    },
    'continuity.line': {
        'is_skipped': True,
        'is_cancelled': True,
        'cancel_cause': 'hand',
        'replaces_line_id': False,
        'shipping_amount': 99.0,
        'prepaid_amount': 99.0,
        'program_line_id': False,
        'occurrence': 99,
        'announced_date': '2030-01-01',
        'decline_until': '2030-01-01',
        'is_declined': True,
    },
    'continuity.plan.change': {'state': 'undone', 'user_id': 1, 'clock_days': {}},
    'continuity.plan.change.line': {'old_values': {}, 'state': 'undone'},
    'continuity.payment': {
        'amount': 0.01,
        'state': 'paid',
        'due_date': '2030-01-01',
        'attempt_count': 0,
        'method': 'token',
        'is_set_by_hand': True,
    },
    'sale.order': {
        'continuity_payment_hold': True,
        'continuity_payment_hold_reason': "No",
        'continuity_parent_id': False,
        'continuity_is_closed': True,
    },
    'sale.order.line': {'continuity_line_id': False, 'continuity_is_given_back': True},
}


@tagged('post_install', '-at_install')
class TestPublicMethods(AccessCase):
    def test_each_public_method_is_known(self):
        self.maxDiff = None
        found = {}
        for name, model in self.env.registry.items():
            for cls in model.__mro__:
                if cls.__module__ == ADDONS or cls.__module__.startswith(f'{ADDONS}.'):
                    found.setdefault(name, set()).update(
                        method
                        for method, function in vars(cls).items()
                        if inspect.isfunction(function)
                        and not method.startswith('_')
                        and not getattr(function, '_api_private', False)
                        and (cls._name == name or method not in CRUD)  # a mixin's are named with the mixin
                    )
        self.assertEqual({name: methods for name, methods in found.items() if methods}, PUBLIC_METHODS)

    def test_the_engine_is_out_of_reach(self):
        for model, method in (
            ('continuity.job.run', '_execute'),
            ('continuity.job.run', '_preview'),
            ('continuity.job.run', '_cron_run'),
            ('continuity.subscription', '_cancel'),
            ('continuity.subscription', '_run'),
            ('continuity.subscription', '_create_child_orders'),
            ('continuity.subscription', '_retry'),
        ):
            self.assertTrue(callable(getattr(self.env[model], method)))
            with self.assertRaisesRegex(AccessError, "(?i)private"):
                get_public_method(self.env[model], method)

    def test_actions_refuse_who_may_not_see_the_record(self):
        for login in ('own', 'portal', 'internal'):
            subscription = self.theirs.with_user(self.users[login])
            # action_view_lines reads nothing of the record
            for method in sorted(
                PUBLIC_METHODS['continuity.subscription'] - {'create', 'unlink', 'write', 'action_view_lines'}
            ):
                with self.subTest(login=login, method=method), self.assertRaises(AccessError):
                    getattr(subscription, method)()

    def test_only_those_who_may_write_retry(self):
        for login in ('portal', 'accountant', 'auditor', 'internal'):
            with self.subTest(login), self.assertRaises(AccessError):
                self.mine.with_user(self.users[login]).action_retry()
        self.mine._park('create_orders', "No.")
        self.mine.with_user(self.users['own']).action_retry()
        self.assertFalse(self.mine.is_parked)

    def test_only_managers_run_jobs(self):
        for login in ('own', 'all', 'accountant', 'auditor', 'portal', 'internal'):
            with self.subTest(login), self.assertRaises(AccessError):
                self.env['continuity.job.wizard'].with_user(self.users[login]).create({'job': 'create_orders'})

    def test_nobody_runs_the_wizard_of_another(self):
        wizard = self.env['continuity.job.wizard'].with_user(self.users['manager']).create({'job': 'create_orders'})
        second = self._create_user('second', 'sales_team.group_sale_manager')
        for user in (second, self.users['own']):
            with self.assertRaises(AccessError):
                wizard.with_user(user).action_preview()


@tagged('post_install', '-at_install')
class TestAccess(AccessCase):
    def test_the_table_has_every_model(self):
        models = {
            name
            for name, model in self.env.registry.items()
            if not model._abstract and (model._original_module or '').startswith('continuity_program')
        }
        self.assertEqual(models, set(ACCESS))

    def test_each_group_on_each_model(self):
        for model, by_group in ACCESS.items():
            for group, user in self.users.items():
                found = ''.join(
                    letter
                    for letter, operation in OPERATIONS.items()
                    if self.env[model].with_user(user).has_access(operation)
                )
                with self.subTest(model=model, group=group):
                    self.assertEqual(found, by_group.get(group, ''))

    def test_only_managers_and_accountants_see_parameters_and_crons(self):
        settings = self.env['res.config.settings']
        for login in ('own', 'all', 'portal', 'internal'):
            with self.subTest(login), self.assertRaises(AccessError):
                settings.with_user(self.users[login]).create({'continuity_lead_days': 3}).execute()

    def test_salespeople_with_own_documents_see_theirs_only(self):
        for record in self._get_records(self.mine):
            self.assertTrue(record.with_user(self.users['own']).has_access('read'))
        for record in self._get_records(self.theirs):
            with self.subTest(record._name):
                self.assertNotReached(record, self.users['own'])

    def test_salespeople_see_those_of_nobody(self):
        self.theirs.order_id.user_id = False
        for record in self._get_records(self.theirs):
            self.assertTrue(record.with_user(self.users['own']).has_access('read'))

    def test_salespeople_with_all_documents_and_accountants_see_all(self):
        for login in ('all', 'manager', 'accountant', 'auditor'):
            for record in self._get_records(self.mine | self.theirs):
                with self.subTest(login=login, model=record._name):
                    found = record.with_user(self.users[login]).search([('id', 'in', record.ids)])
                    self.assertEqual(set(found.ids), set(record.ids))
                    self.assertTrue(record.with_user(self.users[login]).read(['display_name']))

    def test_portal_users_see_theirs_only(self):
        portal = self.users['portal']
        for record in self._get_records(self.mine):
            self.assertTrue(record.with_user(portal).has_access('read'))
            for operation in ('write', 'unlink'):
                self.assertFalse(record.with_user(portal).has_access(operation))
        for record in self._get_records(self.theirs):
            with self.subTest(record._name):
                self.assertNotReached(record, portal)

    def test_portal_users_read_what_their_pages_show(self):
        for record in self._get_records(self.mine):
            own = record[:1].with_user(self.users['portal'])
            with self.subTest(record._name):
                self.assertEqual(set(own.fields_get()), PORTAL_FIELDS[record._name])
                self.assertTrue(own.read(list(PORTAL_FIELDS[record._name])))
                self.assertLess(PORTAL_FIELDS[record._name], set(record.with_user(self.users['own']).fields_get()))
        for record, name in (
            (self.mine, 'is_parked'),
            (self.mine, 'occurrences_left'),
            (self.mine.line_ids, 'prepaid_amount'),
            (self.mine.payment_ids, 'attempt_count'),
        ):
            hidden = record.with_user(self.users['portal'])
            for call in (
                lambda hidden=hidden, name=name: hidden.read([name]),
                lambda hidden=hidden, name=name: hidden.search([(name, '!=', False)]),
                lambda hidden=hidden, name=name: hidden.search([], order=name),
                lambda hidden=hidden, name=name: hidden._read_group([], [name]),
            ):
                with self.subTest(name), self.assertRaises(AccessError):
                    call()

    def test_portal_users_see_no_draft(self):
        draft = self._sell(self.program, confirm=False, order={'partner_id': self.portal_partner.id})
        for record in (draft, draft.line_ids):
            self.assertNotReached(record, self.users['portal'])

    def test_portal_users_of_one_company_see_those_of_the_company(self):
        company = self.env['res.partner'].create({'name': "Bookworms Ltd", 'is_company': True})
        self.portal_partner.parent_id = company
        colleague = self.env['res.partner'].create({'name': "Colleague", 'parent_id': company.id})

        subscription = self._sell(self.program, order={'partner_id': colleague.id})

        self.assertTrue(subscription.with_user(self.users['portal']).has_access('read'))

    def assertNotReached(self, records, user):
        """Check that no reading, searching, counting, grouping or writing tells or changes anything of the records."""
        model = records.env[records._name].with_user(user)
        domain = [('id', 'in', records.ids)]
        self.assertFalse(model.search(domain))
        self.assertEqual(model.search_count(domain), 0)
        self.assertFalse(model.search_read(domain, ['display_name']))
        self.assertFalse(model.name_search('', domain))
        self.assertEqual(model._read_group(domain, [], ['__count']), [(0,)])
        for call in (
            lambda record: record.read(['display_name']),
            lambda record: record.web_read({'display_name': {}}),
            lambda record: record.export_data(['id']),
            lambda record: record.write({'partner_id': user.partner_id.id}),
            lambda record: record.copy(),
            lambda record: record.unlink(),
        ):
            with self.assertRaises(UserError):
                call(model.browse(records.ids[:1]))

    def test_job_runs_are_for_managers(self):
        run = self._run_job('create_orders')
        self.assertTrue(run.with_user(self.users['manager']).read(['done_count']))
        for login in ('own', 'all', 'accountant', 'auditor', 'portal', 'internal'):
            with self.subTest(login), self.assertRaises(AccessError):
                run.with_user(self.users[login]).read(['done_count'])

    def test_job_runs_of_another_company_are_not_seen(self):
        other = self.env['res.company'].create({'name': "Other Books"})
        run = self.env['continuity.job.run'].sudo().create({'job': 'extend', 'company_ids': [Command.set(other.ids)]})

        with self.assertRaises(AccessError):
            run.with_user(self.users['manager']).read(['done_count'])

    def test_records_of_another_company_are_not_seen(self):
        other = self.env['res.company'].create({'name': "Other Books"})
        program = self.env['continuity.program'].create({'name': "Elsewhere", 'company_id': other.id})

        with self.assertRaises(AccessError):
            program.with_user(self.users['manager']).read(['name'])

    def test_no_subscription_on_the_order_of_another(self):
        draft = self._sell(self.program, confirm=False, order={'user_id': self.other.id})
        line = draft.order_line_id
        values = self.env['continuity.subscription']._prepare_subscription(line)
        draft.sudo().unlink()

        with self.assertRaises(AccessError):
            self.env['continuity.subscription'].with_user(self.users['own']).create(values)

    def test_a_salesperson_sells_and_changes_a_plan(self):
        product = self.program.product_tmpl_ids[0].product_variant_id
        order = (
            self.env['sale.order']
            .with_user(self.users['own'])
            .create({'partner_id': self.customer.id, 'order_line': [Command.create({'product_id': product.id})]})
        )
        subscription = order.continuity_subscription_ids
        subscription.start_date = '2035-01-01'
        subscription.line_ids[1].product_id = self.books[5]
        order.action_confirm()

        self.assertEqual(subscription.state, 'running')
        self.assertEqual(len(subscription.line_ids), 3)
        subscription.line_ids[0].date_planned = '2035-01-09'
        self.assertTrue(subscription.line_ids[0].date_overridden)


@tagged('post_install', '-at_install')
class TestBeyondTheScreens(AccessCase):
    """What the screens do not offer, a call by RPC does not do either."""

    def test_no_context_opens_a_line_that_has_a_child(self):
        line = self.mine.line_ids.filtered(lambda line: line.state == 'ordered').with_user(self.users['own'])
        self.assertEqual(len(line), 1)
        with self.assertRaisesRegex(UserError, "cannot be changed any more"):
            line.quantity = 7
        with self.assertRaisesRegex(UserError, "cannot be changed any more"):
            line.with_context(continuity_unguarded=True).quantity = 7

    def test_no_context_deletes_what_was_sold(self):
        line = self.mine.line_ids.filtered(lambda line: line.state == 'planned')[:1].with_user(self.users['own'])
        with self.assertRaisesRegex(UserError, "cannot be deleted"):
            line.unlink()
        with self.assertRaisesRegex(UserError, "cannot be deleted"):
            line.with_context(continuity_unguarded=True).unlink()

    def test_no_context_leaves_out_the_note_of_a_hand_change(self):
        line = self.mine.line_ids.filtered(lambda line: line.state == 'planned')[:1].with_user(self.users['own'])

        line.with_context(continuity_unguarded=True).price_unit = 0.01

        self.assertTrue(line.price_overridden)

    def _is_written(self, record, vals):
        """Return whether the user of the record could write the values; nothing of it stays."""
        with self.env.cr.savepoint() as savepoint:
            try:
                record.write(vals)
                self.env.flush_all()
            except UserError:
                return False
            finally:
                savepoint.rollback()
        return True

    def test_what_the_addon_keeps_is_written_by_nobody(self):
        child = self.mine.order_id.continuity_child_ids
        dialog = self.env['continuity.mass.change'].browse(self.mine.action_change_plans()['res_id'])
        dialog.days = 3
        dialog.action_preview()
        change = self.env['continuity.plan.change'].browse(dialog.action_apply()['res_id'])
        records = {
            'continuity.plan.change': change,
            'continuity.plan.change.line': change.line_ids[0],
            'continuity.subscription': self.mine,
            'continuity.line': self.mine.line_ids.filtered(lambda line: line.state == 'planned')[:1],
            'continuity.payment': self.mine.payment_ids[:1],
            'sale.order': child,
            'sale.order.line': child.order_line,
        }
        self.assertEqual([len(record) for record in records.values()], [1] * 7)
        self.assertTrue(self._is_written(self.mine.with_user(self.users['own']), {'member_number': "7"}))
        written = [
            (login, model, name)
            for model, values in KEPT_FIELDS.items()
            for name, value in values.items()
            for login in ('own', 'manager', 'accountant')
            if self._is_written(records[model].with_user(self.users[login]), {name: value})
        ]
        self.assertEqual(written, [])

    def test_a_quotation_is_not_run_by_writing_its_state(self):
        draft = self._sell(self.program, confirm=False, order={'user_id': self.users['own'].id})

        with self.assertRaises(UserError):
            draft.with_user(self.users['own']).write({'state': 'running'})
