from odoo import SUPERUSER_ID, api, models
from odoo.exceptions import AccessError
from odoo.tools import ormcache

from odoo.addons.base.models.ir_module import MODULE_UNINSTALL_FLAG

from ...internal_context import Internal, get_internal


class ContinuityGuardMixin(models.AbstractModel):
    """What the screens show read-only is written by the addon's own code, as the superuser, and by nobody's RPC."""

    _name = 'continuity.guard.mixin'
    _description = "Continuity Guard Mixin"
    _inherit = ['continuity.sanity.mixin']

    # === THE ADDON'S OWN WRITING === #

    def _unguarded(self):
        """Return the records for the addon's own planning: it may write all fields, and nothing is a change by hand."""
        return self.sudo().with_context(continuity_unguarded=Internal())

    def _is_unguarded(self):
        return bool(get_internal(self.env, 'continuity_unguarded'))

    def _trusts_values(self):
        return self._is_unguarded() or super()._trusts_values()

    def _is_committing(self):
        """Whether a run works on the records that makes its steps last."""
        return bool(get_internal(self.env, 'continuity_commit'))

    def _is_uninstalling(self):
        """Whether Odoo removes the addon: Odoo itself, and nobody who sends its key by RPC."""
        return self.env.uid == SUPERUSER_ID and bool(self.env.context.get(MODULE_UNINSTALL_FLAG))

    def _group_by_values(self, values_list):
        """Return the records that have the same values, so that they can be written at once.

        :param list[dict] values_list: the values of each record.
        :return: the values, with the records.
        :rtype: list[tuple[dict, models.BaseModel]]
        """
        groups = {}
        for record, values in zip(self, values_list, strict=True):
            groups.setdefault(repr(sorted(values.items())), (values, []))[1].append(record.id)
        return [(values, self.browse(ids)) for values, ids in groups.values()]

    @api.model
    def _write_each(self, values_by_record):
        """Write on records of the model, as the addon's own planning, what each of them gets; the same at once.

        :param dict values_by_record: the values of each record; where there are none, nothing is written.
        """
        changed = {record: values for record, values in values_by_record.items() if values}
        for values, records in self.browse().concat(*changed)._group_by_values(changed.values()):
            records._unguarded().write(values)

    def _filter_changed(self, vals):
        """Return those of the values that the record does not have already.

        :rtype: dict
        """
        self.ensure_one()
        fields = self._fields
        return {
            name: value
            for name, value in vals.items()
            if fields[name].convert_to_cache(value, self) != fields[name].convert_to_cache(self[name], self)
        }

    # === WORDS === #

    def _get_state_label(self):
        """Return the record's state as people read it."""
        return dict(self._fields['state']._description_selection(self.env))[self.state]

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        if self.env.su:
            return super().create(vals_list)
        for vals in vals_list:
            self._refuse_kept_fields(vals)
        return super(ContinuityGuardMixin, self._without_kept_defaults()).create(vals_list)

    def write(self, vals):
        self._refuse_kept_fields(vals)
        return super().write(vals)

    @api.model
    @ormcache()
    def _get_kept_fields(self):
        """Return the names of the fields that only the addon writes.

        :rtype: frozenset[str]
        """
        return frozenset(name for name, field in self._fields.items() if self._is_kept(name, field))

    @api.model
    def _is_kept(self, name, field):
        """Whether only the addon writes the field: on models of others, its own fields are meant only. Odoo itself sees
        to its own columns."""
        is_own = self._name.startswith('continuity.') or name.startswith('continuity_')
        return is_own and field.readonly and field.store and name not in models.MAGIC_COLUMNS

    def _without_kept_defaults(self):
        """Return the model without the context's default values for kept fields, which an RPC call could send."""
        kept = {f'default_{name}' for name in self._get_kept_fields()} & self.env.context.keys()
        if not kept:
            return self
        context = {key: value for key, value in self.env.context.items() if key not in kept}
        return self.with_env(self.env(context=context))

    def _refuse_kept_fields(self, vals):
        kept = () if self.env.su else self._get_kept_fields() & vals.keys()
        if kept:
            raise AccessError(
                self.env._(
                    "%(field)s of a %(model)s is kept by the system and cannot be set.",
                    field=self._fields[min(kept)].get_description(self.env)['string'],
                    model=self.env['ir.model']._get(self._name).name,
                )
            )
