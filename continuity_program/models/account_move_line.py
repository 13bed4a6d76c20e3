from odoo import api, fields, models
from odoo.tools import frozendict


class AccountMoveLine(models.Model):
    _inherit = 'account.move.line'

    continuity_payment_id = fields.Many2one(
        comodel_name='continuity.payment',
        string="Continuity Instalment",
        copy=False,
        readonly=True,
        index='btree_not_null',
        ondelete='set null',
    )

    @api.depends('continuity_payment_id')
    def _compute_term_key(self):
        super()._compute_term_key()
        for line in self:
            if line.term_key and line.continuity_payment_id:
                line.term_key = frozendict({**line.term_key, 'continuity_payment_id': line.continuity_payment_id.id})

    @api.depends('continuity_payment_id')
    def _compute_name(self):
        super()._compute_name()
        for line in self:
            payment = line.continuity_payment_id
            if payment and len(line.move_id.continuity_payment_ids) > 1:
                line.name = self.env._(
                    "%(reference)s instalment %(number)s",
                    reference=line.move_id.payment_reference or line.move_id.ref or '',
                    number=payment.number,
                ).strip()

    def reconcile(self):
        """Reconcile the payment of an instalment with the instalment's own line only."""
        only_line_id = self.env.context.get('continuity_only_line_id')
        lines = self
        if only_line_id in self.ids:
            lines = self.filtered(lambda line: line.display_type != 'payment_term' or line.id == only_line_id)
        return super(AccountMoveLine, lines).reconcile()
