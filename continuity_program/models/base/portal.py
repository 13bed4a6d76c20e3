from odoo import api, models


class ContinuityPortalMixin(models.AbstractModel):
    """What customers read by RPC of their own records: what the pages of the portal show."""

    _name = 'continuity.portal.mixin'
    _description = "Continuity Portal Mixin"

    @api.model
    def _get_portal_fields(self):
        """Return the names of the fields that portal users read (``docs/behaviour.md#rights``)."""
        return self._fields.keys()

    @api.model
    def _has_field_access(self, field, operation):
        is_shown = self.env.su or field.name in self._get_portal_fields() or not self.env.user._is_portal()
        return is_shown and super()._has_field_access(field, operation)
