from odoo import models
from odoo.exceptions import UserError
from odoo.http import request


class ProductTemplate(models.Model):
    """What a parent product costs in the shop: its plan, as an order of today would get it."""

    _inherit = 'product.template'

    def _get_additionnal_combination_info(self, product_or_template, quantity, uom, date, website):
        info = super()._get_additionnal_combination_info(product_or_template, quantity, uom, date, website)
        plan = self._get_shop_plan(product_or_template)
        if plan:
            price = self._get_plan_price(plan, website)
            info['continuity_plan'] = plan._get_summary(with_due=False)
            if price is not None:
                info.update(
                    price=price,
                    list_price=price,
                    has_discounted_price=False,
                    prevent_zero_price_sale=website.prevent_zero_price_sale and info['currency'].is_zero(price),
                )
        return info

    def _get_sales_prices(self, website):
        prices = super()._get_sales_prices(website)
        for template in self:
            plan = template._get_shop_plan(template)
            price = plan and template._get_plan_price(plan, website)
            if plan and price is not None:
                prices[template.id] = {'price_reduce': price}
        return prices

    def _get_contextual_price(self, product=None):
        plan = self._get_shop_plan(product or self)
        price = plan and self._get_plan_price(plan, request.website)
        return price if plan and price is not None else super()._get_contextual_price(product)

    def _is_plan_priced_per_shipment(self):
        """Whether the price shown is that of one shipment."""
        self.ensure_one()
        program_sudo = self.sudo().continuity_program_id
        return bool(program_sudo) and not program_sudo.bill_upfront

    def _get_shop_plan(self, product_or_template):
        """Return the plan that an order of today would get, in memory only; nothing for other products, or outside of
        the shop."""
        self.ensure_one()
        program_sudo = self.sudo().continuity_program_id
        if not program_sudo or not (request and getattr(request, 'is_frontend', False)):
            return self.env['continuity.subscription'].sudo()
        company = program_sudo.company_id
        plan = program_sudo._prepare_preview(
            product_or_template,
            {
                'partner_id': self.env.user.partner_id.id,
                'date_order': company._get_continuity_now(),
                'pricelist_id': request.pricelist.id,
                'fiscal_position_id': request.fiscal_position.id,
            },
        )
        try:
            plan._preview_plan(company._get_continuity_today())
        except UserError:
            # A plan that cannot be made now: the cart says why.
            return plan.browse()
        return plan

    def _get_plan_price(self, plan, website):
        """Return what the shop shows as the price: of a plan billed in advance the whole, else the first shipment.
        ``None`` where it is the parent product's own."""
        program_sudo = self.sudo().continuity_program_id
        if program_sudo.bill_upfront and program_sudo.upfront_price_policy == 'product':
            return None
        lines = plan.line_ids
        if not program_sudo.bill_upfront:
            lines = lines.filtered(lambda line: line.event_number == 1)
        is_net = website.show_line_subtotals_tax_selection == 'tax_excluded'
        return sum(lines.mapped('price_subtotal' if is_net else 'price_total'))
