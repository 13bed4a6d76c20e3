from odoo import models
from odoo.exceptions import UserError


class SaleAdvancePaymentInv(models.TransientModel):
    _inherit = 'sale.advance.payment.inv'

    def _create_invoices(self, sale_orders):
        if self.advance_payment_method != 'delivered':
            for order in sale_orders:
                if order.continuity_subscription_ids and not order.amount_total:
                    raise UserError(
                        self.env._(
                            "%(order)s bills nothing itself: its shipments are billed one by one. Ask for money "
                            "beforehand by a payment link; the first shipments use it up.",
                            order=order.name,
                        )
                    )
        return super()._create_invoices(sale_orders)
