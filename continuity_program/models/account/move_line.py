from odoo import api, fields, models
from odoo.fields import Command
from odoo.tools import frozendict

from ...internal_context import get_internal
from ..base.plan_one2many import PlanOne2many


class AccountMoveLine(models.Model):
    _name = 'account.move.line'
    _inherit = ['account.move.line', 'continuity.guard.mixin']

    continuity_payment_id = fields.Many2one(
        comodel_name='continuity.payment',
        string="Continuity Instalment",
        copy=False,
        readonly=True,
        index='btree_not_null',
        ondelete='set null',
    )
    # Only for Odoo, which follows it to the instalments to bring in line.
    continuity_billed_payment_ids = PlanOne2many(
        comodel_name='continuity.payment',
        inverse_name='move_line_id',
        string="Instalments Billed",
        only_if='continuity_payment_id',
        readonly=True,
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

    def _refuse_kept_fields(self, vals):
        if not get_internal(self.env, 'continuity_syncing'):
            super()._refuse_kept_fields(vals)

    def write(self, vals):
        result = super().write(vals)
        if 'date_maturity' in vals:
            self._on_maturity_changed()
        return result

    def _on_maturity_changed(self):
        """Write the due date of instalments as that of their receivable lines: an accountant has given more time."""
        posted = self.sudo().filtered(lambda line: line.parent_state == 'posted' and line.continuity_payment_id)
        for line in posted:
            payment = line.continuity_payment_id
            # Of several lines, the customer's own payment terms tell the days.
            is_own = payment.due_date and payment._get_receivable_lines() == line
            if is_own and line.date_maturity and payment.due_date != line.date_maturity:
                payment._on_day_moved(line.date_maturity)
        posted.move_id._use_terms_of_instalments()

    # === CREDIT BY VALUE === #

    def _get_net_subtotal(self):
        """Return the untaxed amount of invoice lines, less that of credit notes."""
        return sum(line.price_subtotal * (-1 if line.move_id.move_type == 'out_refund' else 1) for line in self)

    def _prepare_continuity_credit(self, note, order_line, amount, name, account=None):
        """Return the values of a line that credits this one by value: by price, not by quantity.

        :param note: the draft credit note.
        :param order_line: the parent order's line that was billed.
        :param amount: untaxed, in the order's currency.
        :param account: if not that of the bill.
        """
        self.ensure_one()
        return {
            'move_id': note.id,
            'product_id': self.product_id.id,
            'name': name,
            'quantity': 1.0,
            'product_uom_id': self.product_uom_id.id,
            'price_unit': order_line._get_continuity_gross(amount),
            'discount': 0.0,
            'tax_ids': [Command.set(self.tax_ids.ids)],
            'account_id': (account or self.account_id).id,
            'analytic_distribution': self.analytic_distribution,
            'sale_line_ids': [Command.set(order_line.ids)],
        }

    def reconcile(self):
        """Reconcile the payment of an instalment with the instalment's own lines only, or with none if they are
        settled."""
        only_line_ids = get_internal(self.env, 'continuity_only_line_ids')
        lines = self
        if only_line_ids:
            lines = self.filtered(lambda line: line.display_type != 'payment_term' or line.id in only_line_ids)
        return super(AccountMoveLine, lines).reconcile()
