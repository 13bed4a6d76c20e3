from odoo.fields import Command
from odoo.tests import tagged

from .common_rights import READ_BY_ALL, RightsCase, is_ours

#: Comodels of which the case has no foreign record, and why that is no way in.
NOT_MADE = {
    'account.tax': "users with any invoicing or sales right read those of their companies; Odoo checks the company",
    'continuity.job.run': "only the engine writes what names a run",
}


@tagged('post_install', '-at_install')
class TestGivenRecords(RightsCase):
    """Model × road × role × record that the caller may not read: he is told nothing of it."""

    def _get_given_fields(self, transient):
        return [
            (name, field)
            for name, model in self._get_models(transient).items()
            if model._auto
            for field in model._fields.values()
            if field.relational and field.store and is_ours(field._modules[0])
        ]

    def _get_foreign(self, login, comodel):
        """Return the records of a model that the user may not read."""
        foreign = [
            records[comodel]
            for records in ((self.colleagues, self.elsewhere) if login == 'own' else (self.elsewhere,))
            if comodel in records
        ]
        return [record for record in foreign if not self._as(login, record).has_access('read')]

    def _get_roads(self, login, model, field, value):
        """Return the ways by which a call gives a dialog or record a value, by name."""
        name = field.name
        spec = {other: {} for other in model._fields}
        required = self._prepare_required(model)
        by_context = model.with_context(**{f'default_{name}': value})
        roads = {
            'create': lambda: model.create({**required, name: value}),
            'default': lambda: by_context.create({key: val for key, val in required.items() if key != name}),
            'web_save': lambda: model.web_save({**required, name: value}, spec),
            'onchange': lambda: model.onchange({**required, name: value}, [name], spec),
            'onchange_default': lambda: by_context.onchange({}, [], spec),
            'load': lambda: model.load([f'{name}/.id'], [[str(value)]])['ids'],
        }
        own = self.own.get(model._name)
        own = own is not None and self._as(login, own)
        if own:
            roads['write'] = lambda: own.write({name: value})
            roads['web_save_own'] = lambda: own.web_save({name: value}, spec)
            roads['onchange_own'] = lambda: own.onchange({name: value}, [name], spec)
        return roads

    def _prepare_required(self, model):
        """Return what a record of the model needs, of what is one's own."""
        return {
            field.name: self.own[field.comodel_name].id
            for field in model._fields.values()
            if field.type == 'many2one' and field.required and field.store and field.comodel_name in self.own
        }

    def _check_no_way(self, transient):
        given = self._get_given_fields(transient)
        tried = set()
        for name, field in given:
            for login in ('own', 'manager'):
                model = self.env(user=self.users[login])[name]
                if not model.has_access('create') and not model.has_access('write'):
                    tried.add((name, field.name))  # nobody of them gives it anything
                    continue
                for foreign in self._get_foreign(login, field.comodel_name):
                    value = foreign.id if field.type == 'many2one' else [Command.link(foreign.id)]
                    for road, call in self._get_roads(login, model, field, value).items():
                        with self.subTest(model=name, field=field.name, login=login, road=road, foreign=str(foreign)):
                            self.assertFalse(self._try(lambda: self._is_taken(call(), field, foreign), transient))
                    tried.add((name, field.name))
        return {(name, field.name, field.comodel_name) for name, field in given if (name, field.name) not in tried}

    def _is_taken(self, result, field, foreign):
        """Whether a call that was not refused took the record; what shows a form's values tells of what it took."""
        if hasattr(result, '_ids'):
            return foreign in result.sudo()[field.name]
        if isinstance(result, list):
            return any(self._is_named(values.get(field.name), foreign) for values in result)
        if isinstance(result, dict):
            return self._is_named(result['value'].get(field.name), foreign)
        return bool(result)

    def _is_named(self, shown, foreign):
        """Whether what a form shows of a field names the record."""
        return str(foreign.id) in str(shown)

    def test_dialogs_take_no_foreign_record(self):
        untried = self._check_no_way(transient=True)
        self.assertEqual(
            {(name, field) for name, field, comodel in untried if comodel not in READ_BY_ALL | NOT_MADE.keys()}, set()
        )

    def test_records_take_no_foreign_record(self):
        untried = self._check_no_way(transient=False)
        self.assertEqual(
            {comodel for _name, _field, comodel in untried if comodel.startswith('continuity.')}
            - READ_BY_ALL
            - NOT_MADE.keys(),
            set(),
        )
