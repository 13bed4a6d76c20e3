from odoo import models
from odoo.fields import Command


class ContinuityLine(models.Model):
    """What a child order gets of a planned line."""

    _inherit = 'continuity.line'

    def _get_order_error(self):
        """Return why no child order can be made of the line, or nothing."""
        self.ensure_one()
        return None if self.product_id.active else self._get_archived_text(self.product_id)

    def _get_archived_text(self, product):
        return self.env._(
            "%(product)s, shipment %(number)s of %(subscription)s, is archived. Put another product into the plan, or "
            "restore it.",
            product=product.display_name,
            number=self.event_number,
            subscription=self.subscription_id.display_name,
        )

    def _prepare_child_line(self):
        """Return the values of the child order's line."""
        self.ensure_one()
        prices = self._prepare_child_price()
        sold = self.subscription_id.order_line_id
        return {
            'product_id': self.product_id.id,
            'product_uom_id': self.product_uom_id.id,
            'product_uom_qty': self.quantity,
            **prices,
            'technical_price_unit': prices['price_unit'],
            'analytic_distribution': sold.analytic_distribution,
            'route_ids': [Command.set(sold.route_ids.ids)],
            **sold._prepare_chosen_options(),
            'continuity_line_id': self.id,
        }

    def _prepare_child_price(self):
        """Return the price, discount and taxes that a child order made today has. Prepaid lines carry no price."""
        self.ensure_one()
        prices = {
            'price_unit': self.price_unit,
            'discount': self.discount,
            'tax_ids': [Command.set(self.tax_ids.ids)],
        }
        if self.subscription_id.bill_upfront or self.replaces_line_id:
            prices |= {'price_unit': 0.0, 'discount': 0.0}
        elif self._has_current_price():
            prices |= self._prepare_price_values(self.company_id._get_continuity_now())
        return prices

    def _use_price_of(self, child_line):
        """Note in the plan the price at which the line was ordered."""
        self._unguarded().write(
            {
                'price_unit': child_line.price_unit,
                'discount': child_line.discount,
                'tax_ids': [Command.set(child_line.tax_ids.ids)],
            }
        )

    def _has_current_price(self):
        """Whether the price list of the day the child is made counts."""
        self.ensure_one()
        return (
            self.program_id.price_policy == 'current'
            and not self.price_overridden
            and not self.instead_of_id
            and not self.replaces_line_id
            and not self.subscription_id.price_per_event
            and not self.subscription_id.bill_upfront
        )
