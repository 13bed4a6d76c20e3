from odoo import api, fields, models
from odoo.tools import SQL


class ContinuityAwaitedMixin(models.AbstractModel):
    """A customer, a product, a card: a change of it may mend a subscription that a job left out.

    Parking notes it on what the subscription depends on; so what no plan waits for is changed without a question.
    """

    _name = 'continuity.awaited.mixin'
    _description = "Continuity Awaited Mixin"
    _inherit = ['continuity.guard.mixin']

    continuity_is_awaited = fields.Boolean(
        string="Awaited by Plans",
        readonly=True,
        copy=False,
        help="A subscription that needs attention depends on it: a change of it may be what was missing.",
    )

    def _retry_awaiting_plans(self):
        """Unpark the subscriptions that wait for a change of these records."""
        awaited = self.sudo().filtered('continuity_is_awaited')
        if awaited:
            awaited.continuity_is_awaited = False
            awaited._get_awaiting_plans()._unpark()

    def _get_awaiting_plans(self):
        """Return the subscriptions that need attention and depend on these records; asked as the superuser."""
        raise NotImplementedError

    @api.model
    def _await_changes(self, ids):
        """Note that subscriptions wait for changes of these records, past the ORM, as parking itself.

        :param SQL ids: the query that finds them.
        """
        self.env.cr.execute(
            SQL(
                "UPDATE %s SET continuity_is_awaited = TRUE WHERE continuity_is_awaited IS NOT TRUE AND id IN (%s)",
                SQL.identifier(self._table),
                ids,
            )
        )
        self.invalidate_model(['continuity_is_awaited'], flush=False)
