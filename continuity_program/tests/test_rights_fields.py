import ast
from pathlib import Path

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.models import MAGIC_COLUMNS
from odoo.tests import tagged

from .common import day
from .common_rights import RightsCase

ROLES = ('own', 'manager', 'accountant', 'stock', 'portal')
#: Where the addons read the context by themselves, and why it decides nothing that a call by RPC could want.
CONTEXT_READ = {
    ('base/guard.py', 'MODULE_UNINSTALL_FLAG'): "of the superuser himself only",
    ('base/tracking.py', 'continuity_notes'): "of a class of its own",
    ('stock/bulk.py', 'continuity_bulk'): "of a class of its own",
    ('base/company.py', 'continuity_as_of'): "of the superuser himself only",
    ('job/run.py', 'cron_id'): "no public method runs a job without saying whether it commits",
    ('job/run.py', 'continuity_as_of'): "a day to come is refused; it moves no run",
    ('subscription/actions.py', 'continuity_seen'): "what is not the same any more is refused",
    ('subscription/occasions.py', 'send_email'): "Odoo mails its own confirmation, with the plan in it",
    ('sale/invoice.py', 'raise_if_nothing_to_invoice'): "whether Odoo tells that there is nothing to invoice",
}


@tagged('post_install', '-at_install')
class TestRightsOnFields(RightsCase):
    """What screens show read-only × write, create, default and load × role: nobody sets it."""

    def _get_records(self):
        child = self.own['continuity.subscription'].child_order_ids
        return {
            **self.own,
            'continuity.program': self.program,
            'continuity.program.line': self.program.line_ids[:1],
            'sale.order': child,
            'sale.order.line': child.order_line[:1],
            'continuity.job.run': self._run_job('close'),
            'payment.token': self._create_token(),
            'mail.activity': self.own['continuity.subscription'].activity_schedule(
                'mail.mail_activity_data_todo', user_id=self.users['own'].id
            ),
        }

    def _get_value(self, field):
        """Return a value that the field does not have by itself."""
        if field.type == 'many2one':
            return self.env[field.comodel_name].sudo().search([], limit=1).id
        if field.type == 'selection':
            return field.get_values(self.env)[-1]
        return {
            'boolean': True,
            'integer': 77,
            'float': 77.0,
            'monetary': 77.0,
            'date': '2035-05-05',
            'datetime': '2035-05-05 05:05:05',
            'json': {'a': 1},
            'one2many': [Command.clear()],
            'many2many': [Command.clear()],
        }.get(field.type, "77")

    def test_nobody_writes_creates_or_loads_them(self):
        records = self._get_records()
        kept = self._get_kept()
        self.assertIn('account.move.line.continuity_payment_id', [f'{name}.{field.name}' for name, field in kept])
        for name, field in kept:
            value = self._get_value(field)
            for login in ROLES:
                model = self.env(user=self.users[login])[name]
                calls = {}
                if model.has_access('create'):
                    calls['create'] = lambda: model.create({**self._prepare_line(name), field.name: value})
                if name in records and model.has_access('write'):
                    record = self._as(login, records[name])
                    calls['write'] = lambda: record.write({field.name: value})
                for road, call in calls.items():
                    with self.subTest(model=name, field=field.name, login=login, road=road):
                        self.assertTrue(self._is_refused(call))
                for columns in calls and (['.id', field.name], [field.name]):
                    with self.subTest(model=name, field=field.name, login=login, columns=columns):
                        row = ["1", "77"][-len(columns) :]
                        self.assertFalse(self._try(lambda: model.load(columns, [row])['ids']))

    def _is_refused(self, call):
        try:
            call()
        except (UserError, KeyError):  # Odoo's own create may miss first what is needed beside it
            return True
        return False

    def _prepare_line(self, name):
        return {'move_id': self.own['account.move'].id} if name == 'account.move.line' else {}

    def test_a_model_that_people_write_is_guarded(self):
        """A model that no role may write needs no guard; any other one has it."""
        for name in {name for name, _field in self._get_kept()}:
            is_written = any(
                self.env[name].with_user(user).has_access(operation)
                for user in self.users.values()
                for operation in ('write', 'create')
            )
            with self.subTest(name):
                is_guarded = hasattr(self.env[name], '_get_kept_fields')
                self.assertTrue(is_guarded or not is_written or self.env[name]._transient)

    def test_defaults_of_the_context_set_none_of_them(self):
        for name, field in self._get_kept():
            if not hasattr(self.env[name], '_get_kept_fields'):
                continue
            model = (
                self.env[name]
                .with_user(self.users['own'])
                .with_context({f'default_{field.name}': self._get_value(field), 'default_unknown': 1})
            )
            with self.subTest(model=name, field=field.name):
                self.assertEqual(
                    {key for key in model._without_kept_defaults().env.context if key.startswith('default_')},
                    {'default_unknown'},
                )

    def test_what_odoo_keeps_itself_is_not_ours_to_refuse(self):
        subscription = self._as('own', self.own['continuity.subscription'])
        for name in MAGIC_COLUMNS:
            self.assertNotIn(name, subscription._get_kept_fields())
        result = subscription.load(['.id', 'member_number'], [[str(subscription.id), "M-7"]])
        self.assertEqual((result['ids'], result['messages']), (subscription.ids, []))
        self.assertEqual(subscription.member_number, "M-7")

    def test_a_create_that_is_not_allowed_says_so(self):
        for name in self._get_models():
            for login in ROLES:
                model = self.env[name].with_user(self.users[login])
                if not model.has_access('create'):
                    for values in ({}, {'name': "x"}):
                        with self.subTest(model=name, login=login, values=values), self.assertRaises(AccessError):
                            model.create(dict(values))
        with self.assertRaisesRegex(UserError, "made by the line of an order"):
            self.env['continuity.subscription'].sudo().create({})

    # === THE BOOKS: an accountant works on bills as ever, and cannot tear their instalments off === #

    def _as_accountant(self, record):
        # Of today, the invoice of the 1 January 2027 is in the future: that is no matter here.
        return self._as('accountant', record)

    def test_a_paid_instalment_stays_paid(self):
        line = self.own['account.move.line']
        payment = line.continuity_payment_id
        self._pay(payment)
        self.assertEqual(payment.state, 'paid')
        for values in ({}, {'display_type': 'payment_term'}):
            with self.assertRaises(AccessError):
                self._as_accountant(line).write({**values, 'continuity_payment_id': False})
        with self.assertRaises(UserError):
            self._as_accountant(line.move_id).write(
                {'line_ids': [Command.update(line.id, {'continuity_payment_id': False})]}
            )
        self.assertEqual((payment.state, line.continuity_payment_id), ('paid', payment))

    def test_a_draft_bill_is_changed(self):
        invoice = self._as_accountant(self.own['account.move'])
        payment = self.own['continuity.payment']
        invoice.button_draft()
        invoice.invoice_line_ids[0].price_unit += 10.0
        invoice.invoice_date = day('2027-01-05')
        invoice.action_post()
        terms = invoice.line_ids.filtered(lambda line: line.display_type == 'payment_term').sudo()
        self.assertEqual(terms.continuity_payment_id, payment)
        self.assertEqual(payment.amount, invoice.amount_total)

    def test_a_bill_is_replaced(self):
        invoice = self._as_accountant(self.own['account.move'])
        payment = self.own['continuity.payment']
        wizard = (
            self.env['account.move.reversal']
            .with_user(self.users['accountant'])
            .with_context(active_model='account.move', active_ids=invoice.ids)
            .create({'journal_id': invoice.journal_id.id})
        )
        new = self.env['account.move'].browse(wizard.modify_moves()['res_id'])
        self.assertEqual((payment.invoice_id, payment.state), (new, 'scheduled'))
        self.assertEqual(payment.move_line_ids.move_id, new)

    # === THE CONTEXT: no key of it decides anything, Odoo's own included === #

    def test_where_the_addons_read_the_context_is_known(self):
        root = Path(__file__).parents[2]
        read = set()
        for path in root.glob('continuity_program*/**/*.py'):
            if 'tests' in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr == 'get'
                    and ast.unparse(node.func.value).endswith('env.context')
                    and path.name != 'internal_context.py'
                ):
                    read.add(('/'.join(path.parts[-2:]), getattr(node.args[0], 'value', None) or node.args[0].id))
        self.assertEqual(read, set(CONTEXT_READ))

    def test_no_key_lets_a_record_be_deleted(self):
        """Odoo leaves out, by a key that anybody can send, each check that is not asked when uninstalling."""
        asked = {
            f'{name}.{method.__name__}': method._ondelete
            for name, model in self._get_models().items()
            for method in self.env[name]._ondelete_methods
            if method.__module__.startswith('odoo.addons.continuity_program')
        }
        self.assertEqual(set(asked.values()), {True})
        line = self._as('own', self.own['continuity.line'])
        program = self._as('manager', self.program)
        for record in (line, program):
            with self.subTest(record._name), self.assertRaisesRegex(UserError, "cannot be deleted"):
                record.with_context(_force_unlink=True).unlink()
        with self.assertRaisesRegex(UserError, "cannot be deleted"):
            self._as('own', self.own['sale.order.line']).with_context(_force_unlink=True).unlink()

    def test_odoo_still_removes_them_with_the_addon(self):
        line = self.own['continuity.line'].with_context(_force_unlink=True)
        line.unlink()
        self.assertFalse(line.exists())

    def test_no_key_changes_the_price_of_what_bills_per_shipment(self):
        parent = self._as('own', self.own['sale.order.line'])
        with self.assertRaisesRegex(UserError, "is billed per shipment"):
            parent.with_context(sale_write_from_compute=True).price_unit = 50.0

    def test_no_key_keeps_a_plan_from_following_its_price(self):
        program = self._create_program(2, bill_upfront=True)
        subscription = self._sell(program, order={'user_id': self.users['own'].id})
        parent = self._as('own', subscription.order_line_id)
        self.assertEqual(sum(subscription.line_ids.mapped('prepaid_amount')), 41.0)

        parent.with_context(sale_write_from_compute=True).write({'price_unit': 30.0, 'technical_price_unit': 30.0})

        self.assertEqual(sum(subscription.line_ids.mapped('prepaid_amount')), 30.0)

    def test_prices_are_updated_as_ever(self):
        program = self._create_program(2, bill_upfront=True)
        subscription = self._sell(program, confirm=False, order={'user_id': self.users['own'].id})
        order = self._as('own', subscription.order_id)
        self.books[0].list_price = 25.0

        order.action_update_prices()

        self.assertEqual(subscription.order_line_id.price_unit, 46.0)
        self.assertFalse(any(subscription.line_ids.mapped('price_overridden')))
