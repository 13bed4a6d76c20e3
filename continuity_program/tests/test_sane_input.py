import importlib.util
import math
from datetime import date, datetime
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.errors import CheckViolation

from odoo import fields
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.fields import Command
from odoo.models import MAGIC_COLUMNS
from odoo.tests import BaseCase, Form, tagged
from odoo.tools import SQL, mute_logger

from odoo.addons.continuity_program.domain import sanity
from odoo.addons.continuity_program.models.base.sanity import DEFAULT_BOUNDS

from .common import ContinuityCase, day

#: What no field can hold, by the kind of its type.
INSANE_DAYS = ('0999-01-01', '1999-12-31', '9999-12-31', '2027-02-31', 'tomorrow', 20270131)
INSANE_NUMBERS = (math.nan, -math.inf, 'nan', 1e300, 'a lot', 10**40)
SAID = r"must be from|is not a date|is not a number|is not a record"


#: A machine may be busy.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


class TestChecker(BaseCase):
    @PATIENT
    @given(st.dates())
    def test_days(self, value):
        is_sane = date(2000, 1, 1) <= value <= date(2200, 12, 31)

        self.assertEqual(sanity.find_day_fault(value) is None, is_sane)
        self.assertEqual(sanity.find_day_fault(f'{value:%Y}'.zfill(4) + f'{value:-%m-%d}') is None, is_sane)
        self.assertEqual(sanity.find_day_fault(datetime.combine(value, datetime.max.time())) is None, is_sane)

    @PATIENT
    @given(st.one_of(st.floats(), st.integers(), st.floats().map(str), st.integers().map(str)), st.integers(0, 10**9))
    def test_numbers(self, value, most):
        fault = sanity.find_number_fault(value, sanity.Bounds(-most, most))

        is_sane = math.isfinite(float(value)) and abs(float(value)) <= most if abs(float(value)) < 1e308 else False
        self.assertEqual(fault is None, is_sane)

    @PATIENT
    @given(st.one_of(st.text(), st.binary(), st.lists(st.integers()), st.floats(), st.integers(), st.booleans()))
    def test_whatever_comes_is_judged(self, value):
        for find_fault in (sanity.find_day_fault, sanity.find_number_fault):
            fault = find_fault(value)
            self.assertIn(fault and fault.code, (None, 'no_day', 'no_number', 'out_of_bounds'))

    @PATIENT
    @given(st.text(max_size=30))
    def test_text_is_a_day_as_the_orm_reads_it(self, value):
        if value and not sanity.find_day_fault(value):
            self.assertEqual(fields.Date.to_date(value), sanity.read_day(value))

    def test_nothing_is_fine(self):
        for value in (None, False, ''):
            self.assertIsNone(sanity.find_day_fault(value))
            self.assertIsNone(sanity.find_number_fault(value))

    def test_what_is_wrong_is_told(self):
        self.assertEqual(sanity.find_day_fault('2027-02-30').code, 'no_day')
        self.assertEqual(sanity.find_day_fault('1999-12-31').code, 'out_of_bounds')
        self.assertEqual(sanity.find_number_fault('much').code, 'no_number')
        self.assertEqual(sanity.find_number_fault(3651, sanity.DAYS), ('out_of_bounds', 3651, sanity.DAYS))
        self.assertIsNone(sanity.find_number_fault(3650, sanity.DAYS))


@tagged('post_install', '-at_install')
class TestEveryField(ContinuityCase):
    """Generated from the registry: a new day or number is covered without a line written here."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        groups = ('sales_team.group_sale_salesman_all_leads', 'account.group_account_invoice')
        manager = ('sales_team.group_sale_manager', 'product.group_product_manager', 'account.group_account_manager')
        cls.users = cls._create_user('seller', *groups) | cls._create_user('chief', *manager)

    def _get_fields(self):
        """Yield (model, field) of each day and number of the addon that is stored or passed on."""
        for name, model in sorted(self.env.registry.items()):
            for field in model._fields.values():
                is_ours = name.startswith('continuity.') or field.name.startswith('continuity_')
                is_magic = field.name in ('id', 'create_date', 'write_date')
                if is_ours and not model._abstract and field.type in DEFAULT_BOUNDS and not is_magic:
                    if field.store and model._auto:
                        yield self.env[name], field

    def _get_record(self, model):
        records = model.sudo().with_context(active_test=False).search([], limit=1)
        return (
            records or model.sudo().create({'name': "Test"}) if model._name == 'continuity.cancel.reason' else records
        )

    def _may_write(self, model):
        return any(
            model.with_user(user).has_access(operation) for user in self.users for operation in ('create', 'write')
        )

    def _assert_refused(self, call, *args):
        with self.assertRaises(UserError) as caught:
            call(*args)
        if not isinstance(caught.exception, AccessError):
            self.assertIsInstance(caught.exception, ValidationError)
            self.assertRegex(str(caught.exception), SAID)

    def test_what_people_may_write_is_looked_at(self):
        missing = {
            model._name
            for model, _field in self._get_fields()
            if self._may_write(model) and not hasattr(model, '_refuse_insane')
        }
        self.assertFalse(missing)

    def test_insane_values_are_refused_on_every_road(self):
        subscription = self._sell(self._create_program(3), on=day('2027-01-01'))
        self._create_token()
        count = 0
        for model, field in self._get_fields():
            record = subscription if model._name == subscription._name else self._get_record(model)
            values = INSANE_DAYS if field.type in ('date', 'datetime') else INSANE_NUMBERS
            chief, seller = self.users.sorted('login')
            for user, value in [*((chief, value) for value in values), (seller, values[0])]:
                with self.subTest(model=model._name, field=field.name, value=value, user=user.login):
                    is_new_too = value in (values[0], values[-2])
                    count += self._refuse_value(model.with_user(user), record.with_user(user), field, value, is_new_too)
        self.assertGreater(count, 400)

    def _refuse_value(self, model, record, field, value, is_new_too):
        """Check that the value is refused on each road open to the user; return how many these are."""
        roads = []
        if is_new_too and model.has_access('create'):
            roads.append((model.create, {field.name: value}))
            if not field.readonly:
                roads.append((model.with_context(**{f'default_{field.name}': value}).create, {}))
        if record and record.has_access('write'):
            roads.append((record.write, {field.name: value}))
        for call, vals in roads:
            self._assert_refused(call, vals)
        return len(roads)

    def test_a_record_is_given_by_its_id_only(self):
        """As text or with a point, the database would make an ID of it that nobody has looked at."""
        self._sell(self._create_program(3), on=day('2027-01-01'))
        chief, count = self.users.sorted('login')[0], 0
        for model in map(self.env.get, sorted(self.env.registry)):
            if not model._name.startswith('continuity.') or model._abstract or not self._may_write(model):
                continue
            record = self._get_record(model)
            for name in sorted(model._get_relation_names() - set(MAGIC_COLUMNS)):
                is_one = model._fields[name].type == 'many2one'
                ids = ('2', ' 2 ', 2.0, b'2', ['2', "A"])
                for value in ids if is_one else ([(6, 0, ['2'])], [(4, '2')], [(6, 0, [2.0])], ['2']):
                    with self.subTest(model=model._name, field=name, value=value):
                        field = model._fields[name]
                        is_new_too = bool(field.store)
                        count += self._refuse_value(
                            model.with_user(chief), record.with_user(chief), field, value, is_new_too
                        )
        self.assertGreater(count, 200)

    def test_insane_values_are_refused_by_import(self):
        for model, field in self._get_fields():
            if model._transient or field.readonly or not self._may_write(model):
                continue
            value = '0999-01-01' if field.type in ('date', 'datetime') else '-1e300'
            with self.subTest(model=model._name, field=field.name), mute_logger('odoo.models', 'odoo.sql_db'):
                result = model.with_user(self.users[1]).load([field.name], [[value]])
                self.assertFalse(result['ids'])
                self.assertTrue(result['messages'])

    def test_forms_refuse_before_anything_is_computed(self):
        dialog = self.env['continuity.plan.preview'].with_context(default_program_id=self._create_program(2).id)
        days = "must be from 01/01/2000 to 12/31/2200"
        for name, value, said in (
            ('order_date', '9999-12-31', days),
            ('order_date', '0001-01-01', days),
            ('start_date', '0999-05-05', days),
            ('quantity', -5, '"Quantity" must be from 0 to 1,000,000. You entered -5'),
        ):
            form = Form(dialog)
            with self.subTest(name), self.assertRaisesRegex(ValidationError, said):
                form[name] = value

    def test_lines_of_a_form_are_looked_at(self):
        form = Form(self._create_program(1))
        with self.assertRaisesRegex(ValidationError, "must be from 01/01/2000"), form.line_ids.edit(0) as line:
            line.start_date = '0201-05-05'


@tagged('post_install', '-at_install')
class TestDaySettings(ContinuityCase):
    def _get_day_fields(self):
        for name in ('res.company', 'continuity.program'):
            for field in self.env[name]._fields.values():
                bounds = getattr(field, 'bounds', None)
                if bounds in (sanity.DAYS, sanity.DAYS_OR_DEFAULT):
                    yield self.env[name], field, bounds

    def test_every_setting_in_days_is_bounded(self):
        bounded = {(model._name, field.name) for model, field, _bounds in self._get_day_fields()}
        for name in ('res.company', 'continuity.program'):
            for field in self.env[name]._fields.values():
                is_ours = name != 'res.company' or field.name.startswith('continuity_')
                if (
                    is_ours
                    and field.type == 'integer'
                    and field.store
                    and field.name.endswith(('_days', '_after_order'))
                ):
                    self.assertIn((name, field.name), bounded)

    def test_the_database_refuses_them_too(self):
        records = {'res.company': self.company, 'continuity.program': self._create_program(1)}
        self.env.flush_all()
        for model, field, bounds in self._get_day_fields():
            for value in (bounds.lowest - 1, bounds.highest + 1, 20261231):
                with (
                    self.subTest(field=field.name, value=value),
                    self.assertRaises(CheckViolation),
                    mute_logger('odoo.sql_db'),
                    self.cr.savepoint(),
                ):
                    self._set(model, records[model._name], field.name, value)

    def _set(self, model, record, name, value):
        table, column = SQL.identifier(model._table), SQL.identifier(name)
        self.env.cr.execute(SQL("UPDATE %s SET %s = %s WHERE id = %s", table, column, value, record.id))

    def test_the_ends_are_accepted(self):
        records = {'res.company': self.company, 'continuity.program': self._create_program(1)}
        for model, field, bounds in self._get_day_fields():
            for value in bounds:
                records[model._name].write({field.name: value})
        self.env.flush_all()
        self._run_job('announce')
        self._run_job('create_orders')

    def test_a_day_taken_for_a_number_of_days(self):
        program = self._create_program(1)
        with self.assertRaisesRegex(
            ValidationError, 'Book Club: "Announce Shipments" must be from 0 to 3,650. You entered 20261231'
        ):
            program.announce_days = 20261231

    def test_an_old_database_is_brought_within_bounds(self):
        program = self._create_program(1)
        self.env.flush_all()
        self.env.cr.execute("ALTER TABLE continuity_program DROP CONSTRAINT continuity_program_days_sane")
        self._set(program, program, 'announce_days', 20261231)
        self._set(program, program, 'reply_days', -4)
        module_path = Path(__file__).parents[1] / 'migrations' / '19.0.1.1.0' / 'pre-clamp_days.py'
        spec = importlib.util.spec_from_file_location('clamp_days', module_path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)

        with self.assertLogs('clamp_days', 'WARNING') as logs:
            module.migrate(self.env.cr, '19.0.1.0.0')

        program.invalidate_recordset()
        self.assertRecordValues(program, [{'announce_days': 3650, 'reply_days': 0, 'days_after_order': 0}])
        self.assertEqual(len(logs.output), 2)
        self.assertIn(f"continuity_program {program.id}: announce_days was 20261231", logs.output[0])
        bounded = {(model._table, field.name): tuple(bounds) for model, field, bounds in self._get_day_fields()}
        known = {(table, name): bounds for table, names in module.BOUNDS.items() for name, bounds in names.items()}
        self.assertEqual(known, bounded)


@tagged('post_install', '-at_install')
class TestPlannedDays(ContinuityCase):
    """A planned day in the past is refused on every road; what has become past by itself stays."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.seller = cls._create_user('seller', 'sales_team.group_sale_salesman_all_leads')
        cls.today = cls.company._get_continuity_today()

    def setUp(self):
        super().setUp()
        self.subscription = self._sell(self._create_program(3))
        self.line = self.subscription.line_ids[1].with_user(self.seller)

    def _assert_past(self, call, *args):
        with self.assertRaisesRegex(UserError, "would go out on 12/15/2020, which is past"), self.cr.savepoint():
            call(*args)

    def test_on_every_road(self):
        day_before = self.line.date_planned
        vals = {'date_planned': '2020-12-15'}
        self._assert_past(self.line.write, vals)
        self._assert_past(
            self.subscription.with_user(self.seller).write, {'line_ids': [Command.update(self.line.id, vals)]}
        )
        self._assert_past(
            self.line.create, {**vals, 'subscription_id': self.subscription.id, 'product_id': self.books[5].id}
        )
        result = self.line.load(['.id', 'date_planned'], [[str(self.line.id), '2020-12-15']])
        self.assertIn("which is past", result['messages'][0]['message'])
        self.assertEqual(self.line.date_planned, day_before)

    def test_on_a_quotation(self):
        draft = self._sell(self._create_program(3), confirm=False)
        self._assert_past(draft.line_ids[0].with_user(self.seller).write, {'date_planned': '2020-12-15'})

    def test_for_the_day_of_a_run(self):
        line = self.line.with_env(self._as_of(day('2027-06-01')))
        with self.assertRaisesRegex(UserError, "which is past"):
            line.date_planned = day('2027-05-31')
        line.date_planned = day('2027-06-01')

    def test_what_has_become_past_can_be_changed_otherwise(self):
        self.line._unguarded().date_planned = day('2020-12-15')

        self.line.write({'date_planned': '2020-12-15', 'quantity': 2})

        self.assertRecordValues(self.line, [{'date_planned': day('2020-12-15'), 'quantity': 2}])

    def test_today_is_not_past(self):
        self.line.date_planned = self.today
        self.assertEqual(self.line.date_planned, self.today)

    def test_a_past_start_date_becomes_today(self):
        draft = self._sell(self._create_program(2), confirm=False)
        draft.with_user(self.seller).start_date = day('2020-12-15')
        self.assertEqual(draft.line_ids[0].date_planned, self.today)
