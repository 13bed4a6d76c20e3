from odoo import api, models, tools
from odoo.exceptions import UserError
from odoo.fields import Command, Domain
from odoo.http import request

from odoo.addons.continuity_program.internal_context import Internal, get_internal


class ProductTemplate(models.Model):
    """What a parent product costs in the shop: the offer of its plan, as an order of today would get it
    (``docs/behaviour.md#shop``)."""

    _inherit = 'product.template'

    @api.model_create_multi
    def create(self, vals_list):
        templates = super().create(vals_list)
        if any(vals.get('continuity_program_id') for vals in vals_list):
            self.env.registry.clear_cache()
        return templates

    def write(self, vals):
        result = super().write(vals)
        if 'continuity_program_id' in vals:
            self.env.registry.clear_cache()
        return result

    def unlink(self):
        if self.sudo().continuity_program_id:
            self.env.registry.clear_cache()
        return super().unlink()

    # === PRICES === #

    def _get_combination_info(self, combination=False, product_id=False, **kwargs):
        if not self.sudo().continuity_program_id:
            return super()._get_combination_info(combination, product_id, **kwargs)
        if not (combination or product_id or kwargs.get('only_template')):
            combination = self._get_first_possible_combination()
        # What is chosen adds to the price of the boxes.
        chosen = self.with_context(continuity_combination=Internal(combination.ids if combination else []))
        return super(ProductTemplate, chosen)._get_combination_info(combination, product_id, **kwargs)

    def _get_additionnal_combination_info(self, product_or_template, quantity, uom, date, website):
        info = super()._get_additionnal_combination_info(product_or_template, quantity, uom, date, website)
        plan = self._get_shop_plan(product_or_template, quantity)
        if not plan:
            return info
        offer = plan._get_offer()
        price = offer.get_price(untaxed=website._shows_untaxed_prices())
        info.update(
            price=price,
            list_price=price,
            has_discounted_price=False,
            compare_list_price=0,
            prevent_zero_price_sale=website.prevent_zero_price_sale and info['currency'].is_zero(price),
            continuity_plan=plan._get_summary(with_due=False),
            continuity_offer=plan._word_offer(),
            **plan._get_shop_taxes(),
        )
        return info

    def _get_sales_prices(self, website):
        prices = super()._get_sales_prices(website)
        for template in self:
            plan = template._get_shop_plan(template)
            if plan:
                price = plan._get_offer().get_price(untaxed=website._shows_untaxed_prices())
                prices[template.id] = {'price_reduce': price}
        return prices

    def _get_contextual_price(self, product=None):
        plan = self._get_shop_plan(product or self)
        if not plan:
            return super()._get_contextual_price(product)
        return plan._get_offer().get_price(untaxed=request.website._shows_untaxed_prices())

    def _is_plan_priced_per_shipment(self):
        """Whether the price shown is that of one shipment."""
        self.ensure_one()
        program_sudo = self.sudo().continuity_program_id
        return bool(program_sudo) and not program_sudo.bill_upfront

    def _get_shop_plan(self, product_or_template, quantity=1.0):
        """Return the plan that an order of today would get, in memory only; nothing for other products, or outside of
        the shop."""
        self.ensure_one()
        program_sudo = self.sudo().continuity_program_id
        if not program_sudo or not (request and getattr(request, 'is_frontend', False)):
            return self.env['continuity.subscription'].sudo()
        options = get_internal(product_or_template.env, 'continuity_combination') or []
        key = (str(product_or_template), quantity, tuple(options), request.pricelist.id, self.env.lang)
        # A page asks for the same plan several times.
        plans = request.__dict__.setdefault('continuity_plans', {})
        if key not in plans:
            plans[key] = self._prepare_shop_plan(program_sudo, product_or_template, quantity, options)
        return plans[key]

    def _prepare_shop_plan(self, program_sudo, product_or_template, quantity, options):
        company = program_sudo.company_id
        is_variant = product_or_template._name == 'product.product'
        plan = program_sudo.with_context(lang=self.env.lang)._prepare_preview(
            product_or_template.sudo() if is_variant else product_or_template.sudo().product_variant_id,
            {
                'partner_id': self.env.user.partner_id.id,
                'date_order': company._get_continuity_now(),
                'pricelist_id': request.pricelist.id,
                'fiscal_position_id': request.fiscal_position.id,
            },
            quantity=quantity,
        )
        chosen = self.env['product.template.attribute.value'].sudo().browse(options)
        options_without_variant = chosen - chosen._without_no_variant_attributes()
        plan.order_line_id.product_no_variant_attribute_value_ids = [Command.set(options_without_variant.ids)]
        try:
            plan._preview_plan(company._get_continuity_today())
        except UserError:
            # A plan that cannot be made now: the cart says why.
            return plan.browse()
        return plan

    # === SEARCH === #

    @api.model
    @tools.ormcache()
    def _get_plan_template_ids(self):
        """Return the products that sell plans: known without a query on a page that has none."""
        return tuple(self.sudo().with_context(active_test=False).search([('continuity_program_id', '!=', False)]).ids)

    @api.model
    def _get_plan_list_prices(self):
        """Return what the products that sell plans count as where products are sorted and filtered by their list
        price: what is entered as the price of the first box, or of the whole, on the visitor's price list, in the
        company's currency.

        :rtype: dict[int, float]: by ID; those that cannot be ordered now are left out.
        """
        prices, website = {}, self.env['website'].get_current_website()
        templates = self.browse(self._get_plan_template_ids()).exists().filtered('active')
        for template in templates.filtered_domain(website.sale_product_domain()):
            plan = template._get_shop_plan(template)
            if plan:
                prices[template.id] = plan.currency_id._convert(
                    plan._get_listed_price(), website.company_id.sudo().currency_id, website.company_id, round=False
                )
        return prices

    def _search_get_detail(self, website, order, options):
        detail = super()._search_get_detail(website, order, options)
        low, high = options.get('min_price'), options.get('max_price')
        if not (low or high) or not self._get_plan_template_ids():
            return detail
        prices = self._get_plan_list_prices()
        found = [
            template_id
            for template_id, price in prices.items()
            if (not low or price >= low) and (not high or price <= high)
        ]
        domains, listed = [], Domain.TRUE
        for domain in detail['base_domain']:
            if domain in ([('list_price', '>=', low)], [('list_price', '<=', high)]):
                listed &= Domain(domain)
            else:
                domains.append(domain)
        plans = Domain('id', 'in', list(prices))
        domains.append((~plans & listed) | Domain('id', 'in', found))
        return {**detail, 'base_domain': domains}

    def _sort_by_list_price(self, direction):
        """Return the products found in the shop in the order of their list prices, plans by those of their offers.

        :param str direction: ``asc`` or ``desc``.
        """
        prices, sign = self._get_plan_list_prices(), -1 if direction == 'desc' else 1
        return self.sorted(
            lambda template: (
                not template.is_published,
                sign * prices.get(template.id, template.list_price),
                -template.id,
            )
        )


class ProductProduct(models.Model):
    _inherit = 'product.product'

    def _to_markup_data(self, website):
        markup = super()._to_markup_data(website)
        plan = self.product_tmpl_id._get_shop_plan(self)
        if plan and 'offers' in markup:
            markup['offers']['price'] = plan.currency_id.round(
                plan._get_offer().get_price(untaxed=website._shows_untaxed_prices())
            )
        return markup


class ProductTemplateAttributeValue(models.Model):
    _inherit = 'product.template.attribute.value'

    def _get_extra_price(self, combination_info):
        """Tell what an option adds to the price that is shown: of a plan, to each piece in the boxes that it is of."""
        return super()._get_extra_price(combination_info) * combination_info.get('continuity_pieces', 1.0)


class Website(models.Model):
    _inherit = 'website'

    def _shows_untaxed_prices(self):
        return self.show_line_subtotals_tax_selection == 'tax_excluded'
