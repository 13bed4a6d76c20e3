from odoo import api, fields, models
from odoo.fields import Domain


class ContinuitySubscription(models.Model):
    """Waiting for new events: everything planned is ordered, and the program will get more."""

    _inherit = 'continuity.subscription'

    is_waiting = fields.Boolean(
        string="Waiting for New Events",
        compute='_compute_is_waiting',
        search='_search_is_waiting',
        help="Everything planned is ordered, and the program will get more events.",
    )

    @api.depends('state', 'next_date', 'is_end_planned', 'program_id.open_ended', 'program_id.active')
    def _compute_is_waiting(self):
        waiting = self.filtered_domain(self._get_waiting_domain())
        waiting.is_waiting = True
        (self - waiting).is_waiting = False

    def _search_is_waiting(self, operator, value):
        if operator != 'in':
            return NotImplemented
        return self._get_waiting_domain() if True in value else ~self._get_waiting_domain()

    @api.model
    def _get_waiting_domain(self):
        return (
            Domain('state', '=', 'running')
            & Domain('next_date', '=', False)
            & Domain('occurrences_left', '=', 0)
            & Domain('is_end_planned', '=', False)
            & (Domain('event_count', '=', 0) | Domain('missing_event_count', '>', 0))
            & Domain('program_id.open_ended', '=', True)
            & Domain('program_id.active', '=', True)
        )
