from odoo import models
from odoo.exceptions import UserError

from ..domain.order_total import OTHERS


class SaleOrderDiscount(models.TransientModel):
    _inherit = 'sale.order.discount'

    def _create_discount_lines(self):
        """Give the plans that are billed box by box their part: they have nothing on the order that Odoo could take it
        off. A share is given by every box, an amount by the first ones.

        :raise AccessError: for who may not write on the order.
        :raise UserError: where such a plan runs, whose prices are changed in the plan, and for what is below 0.
        """
        order = self.sale_order_id
        order.check_access('write')
        plans = order._get_plans_by_box()
        if not plans:
            super()._create_discount_lines()
            return
        if min(self.discount_percentage, self.discount_amount) < 0:
            raise UserError(self.env._("A discount on %(order)s cannot be below 0.", order=order.name))
        if self.discount_type == 'so_discount':
            plans._add_discount(self.discount_percentage * 100.0)
        else:
            shares = order._share_by_value(self.discount_amount)
            for plan in plans:
                plan.discount_on_first += shares.get(plan.id, 0.0)
            self.discount_amount = shares.get(OTHERS, 0.0)
        if order._sells_by_itself():
            super()._create_discount_lines()
