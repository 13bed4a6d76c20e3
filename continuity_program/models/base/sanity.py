from odoo import api, models
from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tools import format_date, formatLang, ormcache

from ...domain import sanity

#: What a field of a type can hold where it says nothing narrower itself (``bounds=``).
DEFAULT_BOUNDS = {
    'date': sanity.DAY,
    'datetime': sanity.DAY,
    'integer': sanity.COUNT,
    'float': sanity.AMOUNT,
    'monetary': sanity.AMOUNT,
}


def check_bounds(bounds, *columns):
    """Return the definition of a database constraint that keeps columns within bounds; for ``models.Constraint``."""
    return 'CHECK({})'.format(
        ' AND '.join(f'{column} BETWEEN {bounds.lowest} AND {bounds.highest}' for column in columns)
    )


class ContinuitySanityMixin(models.AbstractModel):
    """Days and numbers that cannot be are refused where they enter, by any road: create, write, load, defaults, form.

    It goes by the registry: each day and number of a model that inherits it is looked at (on models of others, the
    addon's own ones). A field that holds less than ``DEFAULT_BOUNDS`` says so with ``bounds=``.
    """

    _name = 'continuity.sanity.mixin'
    _description = "Continuity Sanity Mixin"

    @api.model
    def _valid_field_parameter(self, field, name):
        return name == 'bounds' or super()._valid_field_parameter(field, name)

    # === WHAT IS SANE === #

    @api.model
    @ormcache()
    def _get_bounds(self):
        """Return the bounds of the model's days and numbers, by the names of their fields.

        :rtype: dict[str, sanity.Bounds]
        """
        return {
            name: self._get_field_bounds(field)
            for name, field in self._fields.items()
            if field.type in DEFAULT_BOUNDS
            and (field.store or field.inverse)
            and field.name not in models.MAGIC_COLUMNS
            and (self._name.startswith('continuity.') or name.startswith('continuity_'))
        }

    @api.model
    def _get_field_bounds(self, field):
        is_quantity = field.type == 'float' and field._digits == 'Product Unit'
        return getattr(field, 'bounds', None) or (sanity.QUANTITY if is_quantity else DEFAULT_BOUNDS[field.type])

    @api.model
    @ormcache()
    def _get_relation_names(self):
        """Return the names of the model's own fields that hold records.

        :rtype: frozenset[str]
        """
        is_own = self._name.startswith('continuity.')
        return frozenset(
            name
            for name, field in self._fields.items()
            if field.relational and (is_own or name.startswith('continuity_'))
        )

    @api.model
    def _trusts_values(self):
        """Whether the values come from the addon itself, which has looked at them."""
        return False

    def _refuse_insane(self, vals):
        """:raise ValidationError: for a day, a number or a record among the values that cannot be."""
        if self._trusts_values():
            return
        self._refuse_odd_ids(vals)
        bounds = self._get_bounds()
        for name in bounds.keys() & vals.keys():
            find_fault = (
                sanity.find_day_fault if self._fields[name].type in ('date', 'datetime') else sanity.find_number_fault
            )
            fault = find_fault(vals[name], bounds[name])
            if fault:
                raise ValidationError(self._explain_fault(self._fields[name], fault, vals))

    def _refuse_odd_ids(self, vals):
        """:raise ValidationError: for what is no ID, though the database would make one of it, past all that looks at
        the record."""
        for name in self._get_relation_names() & vals.keys():
            odd = [id_ for id_ in self._get_named(name, vals[name]) if isinstance(id_, str | bytes | float) and id_]
            if odd:
                raise ValidationError(
                    self.env._(
                        '%(record)s: %(value)s is not a record. Choose one as "%(field)s".',
                        record=self._get_name_for_fault(vals),
                        value=str(odd[0])[:40],
                        field=self._fields[name].get_description(self.env)['string'],
                    )
                )

    def _get_named(self, name, value):
        """Return what a value of a field names records by: IDs, where it is as it has to be."""
        if isinstance(value, models.BaseModel):
            return []
        if self._fields[name].type == 'many2one':
            value = value.get('id') if isinstance(value, dict) else value
            return [value[0] if isinstance(value, list | tuple) and value else value]
        named = []
        for command in value if isinstance(value, list | tuple) else ():
            if not isinstance(command, list | tuple):
                named.append(command)
            elif command and command[0] == Command.LINK:
                named.append(command[1])
            elif command and command[0] == Command.SET:
                named += command[2]
        return named

    def _refuse_insane_form(self, values):
        """Do the same for the values of a form, those of its lines among them."""
        self._refuse_insane(values)
        for name, commands in values.items():
            field = self._fields.get(name)
            lines = self.env[field.comodel_name] if field and field.type == 'one2many' else None
            if not hasattr(lines, '_refuse_insane_form'):
                continue
            for command in commands or ():
                if command[0] in (Command.CREATE, Command.UPDATE):
                    lines._refuse_insane_form(command[2])

    # === WORDS === #

    def _explain_fault(self, field, fault, vals):
        """Return in words what is wrong with the value of a field, and what it can be."""
        words = {
            'field': field.get_description(self.env)['string'],
            'record': self._get_name_for_fault(vals),
            'value': str(fault.value)[:40],
            'lowest': self._format_bound(fault.bounds.lowest),
            'highest': self._format_bound(fault.bounds.highest),
        }
        if fault.code == 'no_day':
            return self.env._('%(record)s: %(value)s is not a date. Enter "%(field)s" as 2027-01-31.', **words)
        if fault.code == 'no_number':
            return self.env._(
                '%(record)s: %(value)s is not a number. Enter one from %(lowest)s to %(highest)s as "%(field)s".',
                **words,
            )
        return self.env._(
            '%(record)s: "%(field)s" must be from %(lowest)s to %(highest)s. You entered %(value)s.', **words
        )

    def _get_name_for_fault(self, vals):
        """Return what the record is called; only to those who may see it."""
        if len(self) == 1 and self.id and self.has_access('read'):
            return self.display_name
        given = vals.get(self._rec_name) if self._rec_name else None
        return given if isinstance(given, str) and given else self.env['ir.model']._get(self._name).name

    @api.model
    def _format_bound(self, bound):
        if isinstance(bound, (int, float)):
            return formatLang(self.env, bound, digits=0)
        return format_date(self.env, bound)

    # === CRUD METHODS === #

    @api.model
    def default_get(self, fields):
        """Look at the defaults that the call has sent."""
        context = self.env.context
        names = self._get_bounds().keys() | self._get_relation_names()
        sent = {name: context[f'default_{name}'] for name in names if f'default_{name}' in context}
        self._refuse_insane(sent)
        return super().default_get(fields)

    def _add_missing_default_values(self, values):
        """Look at what is about to be created."""
        values = super()._add_missing_default_values(values)
        self._refuse_insane(values)
        return values

    def write(self, vals):
        self._refuse_insane(vals)
        return super().write(vals)

    def onchange(self, values, field_names, fields_spec):
        self._refuse_insane_form(values)
        return super().onchange(values, field_names, fields_spec)
