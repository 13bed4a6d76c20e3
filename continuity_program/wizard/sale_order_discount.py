from odoo import models
from odoo.exceptions import UserError


class SaleOrderDiscount(models.TransientModel):
    _inherit = 'sale.order.discount'

    def _create_discount_lines(self):
        """Give a share of the order's total to each box of the plans that are billed box by box: they have nothing on
        the order that Odoo could take it off.

        :raise UserError: for a fixed amount, which no box of such a plan could take.
        """
        plans = self.sale_order_id._get_plans_by_box()
        if self.discount_type == 'so_discount':
            plans._add_discount(self.discount_percentage * 100.0)
        elif plans and not self.sale_order_id._sells_by_itself():
            raise UserError(
                self.env._(
                    "%(order)s bills nothing by itself: the shipments of %(subscription)s are billed one by one. Give "
                    "a percentage, which every box gets, or set its price per event.",
                    order=self.sale_order_id.name,
                    subscription=plans[0].display_name,
                )
            )
        if not plans or self.sale_order_id._sells_by_itself():
            super()._create_discount_lines()
