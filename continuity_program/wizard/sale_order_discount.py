from odoo import models
from odoo.exceptions import UserError

from ..domain import sanity
from ..domain.order_total import OTHERS

#: A percentage, as the dialog keeps it.
SHARE = sanity.Bounds(0.0, 1.0)


class SaleOrderDiscount(models.TransientModel):
    _inherit = 'sale.order.discount'

    def action_apply_discount(self):
        """Refuse on orders with plans what is no discount: it would change what is billed and charged by night.

        :raise UserError: for less than nothing, more than all, and what is no number.
        """
        for wizard in self.filtered('sale_order_id.continuity_subscription_ids'):
            is_amount = wizard.discount_type == 'amount'
            bounds = sanity.AMOUNT_FROM_0 if is_amount else SHARE
            if sanity.find_number_fault(wizard.discount_amount if is_amount else wizard.discount_percentage, bounds):
                raise UserError(
                    self.env._(
                        "A discount on %(order)s has to be an amount from 0, or a percentage from 0 to 100.",
                        order=wizard.sale_order_id.name,
                    )
                )
        return super().action_apply_discount()

    def _create_discount_lines(self):
        """Give the plans that are billed box by box their part: they have nothing on the order that Odoo could take it
        off. A share is given by every box, an amount by the first ones.

        :raise AccessError: for who may not write on the order.
        :raise UserError: where such a plan runs: its prices are changed in the plan.
        """
        order = self.sale_order_id
        order.check_access('write')
        plans = order._get_plans_by_box()
        if not plans:
            super()._create_discount_lines()
            return
        if self.discount_type == 'so_discount':
            plans._add_discount(self.discount_percentage * 100.0)
        else:
            shares = order._share_by_value(self.discount_amount)
            for plan in plans:
                plan.discount_on_first += shares.get(plan.id, 0.0)
            self.discount_amount = shares.get(OTHERS, 0.0)
        if order._sells_by_itself():
            super()._create_discount_lines()
