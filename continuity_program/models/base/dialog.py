from collections import defaultdict

from odoo import api, models
from odoo.api import NewId
from odoo.fields import Command


class ContinuityGivenMixin(models.AbstractModel):
    """Nobody ties a record to another one that he may not read: its fields would tell of that one."""

    _name = 'continuity.given.mixin'
    _description = "Continuity Given Mixin"

    @api.model_create_multi
    def create(self, vals_list):
        self._check_given(vals_list)
        return super().create(vals_list)

    def write(self, vals):
        self._check_given([vals])
        return super().write(vals)

    @api.model
    def default_get(self, fields):
        defaults = super().default_get(fields)
        self._check_given([defaults])
        return defaults

    def onchange(self, values, field_names, fields_spec):
        self._check_given([values])
        return super().onchange(values, field_names, fields_spec)

    @api.model
    @api.private
    def new(self, values=None, origin=None, ref=None):
        # The lines in a form that is worked on are such records.
        self._check_given([values or {}])
        return super().new(values, origin, ref)

    @api.model
    def _check_given(self, vals_list):
        """Check that the user may read every record that values name.

        :param list[dict] vals_list: values as those of ``create``, ``write`` and ``new``.
        :raise AccessError: for one that he may not read.
        """
        if self.env.su:
            return
        given = defaultdict(set)
        for vals in vals_list:
            for name in vals.keys() & self._get_relational_fields():
                field = self._fields[name]
                given[field.comodel_name].update(self._get_given_ids(field, vals[name]))
        for model, ids in given.items():
            self.env[model].browse(sorted(ids)).check_access('read')

    @api.model
    def _get_relational_fields(self):
        """Return the names of the fields that name records; of their lines, the lines' own values are checked too.

        :rtype: set[str]
        """
        return {name for name, field in self._fields.items() if field.relational}

    @api.model
    def _get_given_ids(self, field, value):
        """Return the ids of the records, in the database, that a value of a relational field names.

        :rtype: set[int]
        """
        if field.type == 'many2one':
            values = [field.convert_to_cache(value, self, validate=False)]
        elif isinstance(value, models.BaseModel):
            values = value.ids
        else:
            values = [id_ for command in value or [] for id_ in self._get_ids_of_command(command)]
        ids = (id_.origin if isinstance(id_, NewId) else id_ for id_ in values)
        return {id_ for id_ in ids if id_ and isinstance(id_, int)}

    @api.model
    def _get_ids_of_command(self, command):
        if isinstance(command, dict):
            return [command.get('id')]
        if not isinstance(command, list | tuple):
            return [command]
        if command[0] in (Command.LINK, Command.UPDATE):
            return [command[1]]
        return command[2] if command[0] == Command.SET else []


class ContinuityDialogMixin(models.AbstractModel):
    """A dialog, or a line of one: whatever a call puts into it, it tells only of what its user may read.

    Each transient model of the addon has it, and a rule that lets users reach their own only.
    """

    _name = 'continuity.dialog.mixin'
    _description = "Continuity Dialog Mixin"
    _inherit = ['continuity.given.mixin', 'continuity.sanity.mixin']

    def _sudo_of_readable(self):
        """Return the dialogs as the superuser, who computes what their user may know.

        :raise AccessError: for a dialog of something that he may not read, any more or ever.
        """
        if not self.env.su:
            for name in self._get_relational_fields():
                field = self._fields[name]
                if field.store and field.type != 'one2many' and (not field.compute or not field.readonly):
                    self[name].check_access('read')
        return self.sudo()
