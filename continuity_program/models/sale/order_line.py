from itertools import repeat

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Command
from odoo.tools import SQL

from ...domain import sanity
from ...internal_context import Internal, get_internal
from ..base.plan_one2many import PlanOne2many, init_plan_column, searching_plans
from ..stock.bulk import BulkDelivery

#: What of a parent line makes its plan.
PLAN_BOUNDS = {'product_uom_qty': sanity.QUANTITY, 'price_unit': sanity.AMOUNT, 'discount': sanity.AMOUNT}
#: What, written on a line, is followed by its plan or by the child order it is on.
FOLLOWED_FIELDS = {
    'product_id',
    'order_id',
    'product_uom_qty',
    'product_uom_id',
    'price_unit',
    'discount',
    'tax_ids',
    'product_no_variant_attribute_value_ids',
}


class SaleOrderLine(models.Model):
    _name = 'sale.order.line'
    _inherit = ['sale.order.line', 'continuity.guard.mixin']

    continuity_has_plan = fields.Boolean(
        string="Sells a Plan", compute='_compute_continuity_has_plan', store=True, precompute=True
    )
    continuity_subscription_ids = PlanOne2many(
        comodel_name='continuity.subscription',
        inverse_name='order_line_id',
        only_if='continuity_has_plan',
        copy=False,
    )
    continuity_line_id = fields.Many2one(
        comodel_name='continuity.line',
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='restrict',
        help="The planned shipment line that this child order line sends.",
    )
    # Only for Odoo, which follows it to the plans to bring in line.
    continuity_planned_line_ids = PlanOne2many(
        comodel_name='continuity.line',
        inverse_name='child_line_id',
        string="Planned Lines Sent",
        only_if='continuity_line_id',
        readonly=True,
    )
    continuity_is_given_back = fields.Boolean(
        string="Planned Again",
        readonly=True,
        copy=False,
        help="Its child order was cancelled, and the plan has the shipment back: it gets another child order.",
    )
    continuity_shipping_of_id = fields.Many2one(
        comodel_name='continuity.subscription',
        string="Shipping Costs Of",
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='set null',
        help="The plan billed in advance whose shipping costs this line bills.",
    )
    continuity_taken_off_id = fields.Many2one(
        comodel_name='continuity.subscription',
        string="Taken Off First Boxes Of",
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='restrict',
        help="The plan whose first boxes cost less: this line takes its part off a child order.",
    )
    continuity_promotion = fields.Char(
        string="Promotion of the Plan",
        readonly=True,
        copy=False,
        help="Which promotion of the plan the line takes off; empty: the amount off the first boxes.",
    )
    is_continuity_parent = fields.Boolean(compute='_compute_is_continuity_parent')

    _continuity_line_uniq = models.UniqueIndex(
        "(continuity_line_id) WHERE continuity_line_id IS NOT NULL AND state != 'cancel'",
        "A planned continuity line has one child order.",
    )

    def _auto_init(self):
        fill = SQL(
            """
            UPDATE sale_order_line line
               SET continuity_has_plan = TRUE
              FROM continuity_subscription subscription
             WHERE subscription.order_line_id = line.id
            """
        )
        init_plan_column(self, 'continuity_has_plan', 'bool', fill, 'continuity_subscription.order_line_id')
        return super()._auto_init()

    # === COMPUTE METHODS === #

    @api.depends('continuity_subscription_ids')
    def _compute_continuity_has_plan(self):
        for line in self:
            line.continuity_has_plan = bool(searching_plans(line).continuity_subscription_ids)

    @api.depends(
        'product_id.continuity_program_id', 'order_id.continuity_parent_id', 'continuity_subscription_ids', 'state'
    )
    def _compute_is_continuity_parent(self):
        for line in self:
            line.is_continuity_parent = bool(
                line.continuity_has_plan or (line.state in ('draft', 'sent', False) and line._sells_program())
            )

    def _sells_program(self):
        """Whether a line that has no subscription yet gets one: never those sold before their product had a program."""
        self.ensure_one()
        return bool(self.product_id.sudo().continuity_program_id and not self.order_id.continuity_parent_id)

    def _is_continuity(self):
        """Whether the line's price is that of a plan, and no price list's."""
        self.ensure_one()
        return bool(self.is_continuity_parent or self.continuity_line_id or self.continuity_shipping_of_id)

    def _reset_price_unit(self):
        price = self._get_continuity_price()
        if price is None:
            return super(SaleOrderLine, self._without_follow_up())._reset_price_unit()
        return self._without_follow_up().update({'price_unit': price, 'technical_price_unit': price})

    def _without_follow_up(self):
        """Return the lines to write what was computed: no plan follows it, as it follows a price set by hand."""
        # Odoo's own key lets its price and ours be written apart; nothing here goes by it.
        return self.with_context(continuity_without_follow_up=Internal(), sale_write_from_compute=True)

    def _get_continuity_price(self):
        """Return the unit price that a plan gives the line, or ``None`` where the price list does.

        A child line and one of shipping costs keep their planned price, a parent line has the price of what it bills.
        """
        self.ensure_one()
        if self.continuity_line_id or self.continuity_shipping_of_id:
            return self.technical_price_unit
        if not self.is_continuity_parent:
            return None
        subscription = self.continuity_subscription_ids
        program = (subscription.program_id or self.product_id.continuity_program_id).sudo()
        if not (subscription.bill_upfront if subscription else program.bill_upfront):
            return 0.0
        if program.upfront_price_policy == 'product' or not subscription or not self.product_uom_qty:
            return None
        lines = subscription.line_ids._filtered_active()
        total = sum(line.price_unit * line.quantity * (1 - line.discount / 100) for line in lines)
        return total / self.product_uom_qty

    def _update_continuity_price(self):
        """Take the price and taxes of what the plans bill; a price set by the salesperson stays."""
        for line in self:
            line._compute_tax_ids()
            line._compute_price_unit()

    @api.depends('continuity_line_id')
    def _compute_discount(self):
        planned = self.filtered(lambda line: line._is_continuity())
        super(SaleOrderLine, self - planned)._compute_discount()
        for line in planned:
            # Fixed when the child was made; on a parent line it is the salesperson's, a price list's is in the plan.
            line.discount = line.discount

    @api.depends('continuity_line_id')
    def _compute_tax_ids(self):
        super()._compute_tax_ids()
        for line in self:
            planned = line.continuity_line_id or line.continuity_subscription_ids.filtered('bill_upfront').line_ids
            if planned:
                line.tax_ids = planned[0].tax_ids

    @api.depends('continuity_subscription_ids.state', 'continuity_line_id')
    def _compute_product_updatable(self):
        super()._compute_product_updatable()
        for line in self:
            if line.continuity_line_id or any(sub.state != 'draft' for sub in line.continuity_subscription_ids):
                line.product_updatable = False

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        lines = super().create(vals_list)
        for line, vals in zip(lines, vals_list, strict=True):
            if line._sells_program():
                line._refuse_insane_plan(vals)
        prices = {
            line: line.price_unit
            for line, vals in zip(lines, vals_list, strict=True)
            if line._sells_program() and line._is_price_given(vals)
        }
        lines._create_subscriptions()
        for line, price in prices.items():
            line.price_unit = price
        lines.order_id._on_continuity_amount_changed()
        lines._get_reduced_orders()._on_reductions_changed()
        return lines

    def write(self, vals):
        if not FOLLOWED_FIELDS & vals.keys():
            return super().write(vals)
        replaced = self.filtered(lambda line: line.product_id.id != vals.get('product_id', line.product_id.id))
        parents = self.filtered('continuity_has_plan')
        parents._refuse_insane_plan(vals)
        moved = parents.filtered(lambda line: line.order_id.id != vals.get('order_id', line.order_id.id))
        if moved and not moved._may_move_to(self.env['sale.order'].browse(vals['order_id'])):
            raise UserError(self.env._("A line with a continuity plan cannot move to another order."))
        self._refuse_moving_from_child(vals)
        quantities = {}
        if {'product_uom_qty', 'product_uom_id'} & vals.keys():
            quantities = {line: line._get_plan_quantity() for line in parents}
        reduced = self._get_reduced_orders()
        result = super().write(vals)
        moved._move_plans()
        replaced._replace_plans()
        for line, quantity in quantities.items():
            line._on_quantity_changed(quantity)
        if {'discount', 'product_no_variant_attribute_value_ids'} & vals.keys():
            self.continuity_subscription_ids.filtered(lambda sub: sub.state == 'draft')._plan()
        if {'price_unit', 'discount', 'tax_ids'} & vals.keys() and not get_internal(
            self.env, 'continuity_without_follow_up'
        ):
            self._on_price_changed(vals)
        if {'product_uom_qty', 'product_uom_id', 'price_unit', 'discount', 'tax_ids'} & vals.keys():
            self.order_id._on_continuity_amount_changed()
            if not get_internal(self.env, 'continuity_without_follow_up'):
                (reduced | self._get_reduced_orders())._on_reductions_changed()
        return result

    def _refuse_moving_from_child(self, vals):
        """:raise UserError: for another order of a line that a plan has put on its child order."""
        if 'order_id' not in vals:
            return
        tied = self.filtered(lambda line: line.continuity_line_id or line.continuity_taken_off_id)
        if any(line.order_id.id != vals['order_id'] for line in tied):
            raise UserError(self.env._("A line that a continuity plan has made cannot move to another order."))

    def _refuse_insane_plan(self, vals):
        """:raise ValidationError: for a number on a parent line that no plan can be made of."""
        for name in PLAN_BOUNDS.keys() & vals.keys() if self else ():
            fault = sanity.find_number_fault(vals[name], PLAN_BOUNDS[name])
            if fault:
                raise ValidationError(self._explain_fault(self._fields[name], fault, vals))

    def _replace_plans(self):
        """Make the plans of lines that have another product now; what sells no plan, before or after, is left alone."""
        changed = self.filtered(lambda line: line.continuity_has_plan or line._sells_program())
        changed.continuity_subscription_ids.sudo().unlink()
        changed._update_continuity_price()
        changed._create_subscriptions()

    def _may_move_to(self, order):
        """Whether lines with plans may move to another order: an addon may let them, as when carts are merged."""
        return False

    def _move_plans(self):
        """Take the plans along with lines that have moved to another quotation."""
        for line in self:
            subscription = line.continuity_subscription_ids.sudo()
            shipping = subscription.shipping_line_ids.filtered(lambda other, line=line: other.order_id != line.order_id)
            shipping.order_id = line.order_id
            subscription.payment_ids.unlink()
            subscription._unguarded().order_id = line.order_id
            subscription._set_default_payment_method()
            subscription._plan()

    @api.model
    def _is_price_given(self, vals):
        """Whether the values of a new line hold a price that somebody set, and not only the one the form showed."""
        return bool(vals.get('price_unit')) and vals['price_unit'] != vals.get('technical_price_unit')

    def _on_price_changed(self, vals):
        """Write the prices of plans by one that the salesperson set on their parent lines.

        Billed in advance, it is what the customer pays, shared among the shipments, or pays for sending them. Else it
        is the price of each event: the parent line itself bills nothing.
        """
        for line in self.filtered(lambda line: line._get_billing_subscription()):
            subscription = line._get_billing_subscription()
            if subscription.bill_upfront:
                subscription._share_prepaid()
                if subscription.state != 'draft' or 'price_unit' in vals:
                    subscription._plan_upfront_payments()
                if subscription.state == 'draft':
                    subscription.sudo()._update_plan_text()
            elif subscription.state != 'draft' and {'price_unit', 'discount'} & vals.keys():
                raise UserError(
                    self.env._(
                        "%(subscription)s is billed per shipment: change the prices of its planned shipments.",
                        subscription=subscription.display_name,
                    )
                )
            elif line.price_unit and subscription.state == 'draft':
                price = line.price_unit
                line._without_follow_up().write({'price_unit': 0.0, 'technical_price_unit': 0.0})
                subscription.price_per_event = price

    def copy_data(self, default=None):
        vals_list = super().copy_data(default)
        for line, vals in zip(self, vals_list, strict=True):
            if vals.get('name') and line.continuity_subscription_ids.plan_text:
                vals['name'] = vals['name'].replace(f"\n{line.continuity_subscription_ids.plan_text}", "")
        return vals_list

    def unlink(self):
        self.continuity_subscription_ids.sudo().unlink()
        self._give_up_planned_lines()
        orders, reduced = self.order_id, self._get_reduced_orders()
        result = super().unlink()
        orders._on_continuity_amount_changed()
        reduced.exists()._on_reductions_changed()
        return result

    def _set_without_plans(self):
        """Tell of lines deleted with their plain order, of which Odoo reads no more than whose they are."""
        for name in ('continuity_subscription_ids', 'continuity_planned_line_ids'):
            self._fields[name].set_empty(self)
        for name in ('continuity_line_id', 'continuity_shipping_of_id', 'continuity_taken_off_id'):
            self._fields[name]._insert_cache(self, repeat(None))

    def _give_up_planned_lines(self):
        """A child order that is deleted was cancelled: what it should have sent is not ordered again by itself."""
        kept = self.filtered(lambda line: not line.continuity_is_given_back)
        planned = kept.continuity_line_id._unguarded()
        planned.write({'is_cancelled': True, 'cancel_cause': 'hand', 'child_line_id': False, 'child_order_id': False})
        planned.flush_recordset()

    def _create_subscriptions(self):
        """Make the subscription, with its default plan, of each line that sells a program."""
        parents = self.filtered(
            lambda line: line._sells_program() and not line.continuity_subscription_ids and not line.display_type
        )
        if not parents:
            return
        # Who may sell on the order may have its subscription; nobody makes one in any other way.
        Subscription = self.env['continuity.subscription'].sudo()
        for line in parents:
            reason = line._get_continuity_refusal()
            if reason:
                raise UserError(reason)
        subscriptions = Subscription.create([Subscription._prepare_subscription(line) for line in parents])
        subscriptions.filtered(lambda sub: sub.order_id.state == 'sale')._run()

    def _get_continuity_refusal(self):
        """Return why the line's program cannot be sold on its order, or nothing."""
        self.ensure_one()
        program = self.product_id.sudo().continuity_program_id
        if program.company_id != self.order_id.company_id:
            return self.env._(
                "%(product)s sells program %(program)s of %(program_company)s and cannot be sold by %(company)s.",
                product=self.product_id.display_name,
                program=program.display_name,
                program_company=program.company_id.name,
                company=self.order_id.company_id.name,
            )
        return program._get_sale_refusal()

    def _prepare_chosen_options(self):
        """Return what was chosen on the line and makes no product of its own, for the lines that send its plan: options
        and what the customer wrote, such as an engraving."""
        return {
            'product_no_variant_attribute_value_ids': [Command.set(self.product_no_variant_attribute_value_ids.ids)],
            'product_custom_attribute_value_ids': [
                Command.create(text.copy_data({'sale_order_line_id': False})[0])
                for text in self.product_custom_attribute_value_ids
            ],
        }

    def _get_plan_quantity(self):
        """Return how often the line buys its plan, in the product's own unit."""
        self.ensure_one()
        return self.product_uom_id._compute_quantity(self.product_uom_qty, self.product_id.uom_id, round=False)

    def _on_quantity_changed(self, previous_quantity):
        """Plan the subscription by a changed quantity or unit; 0 stops it once it runs.

        :param previous_quantity: the subscription's quantity before, in the product's own unit.
        """
        self.ensure_one()
        subscription = self.continuity_subscription_ids
        quantity = self._get_plan_quantity()
        if not subscription or previous_quantity == quantity:
            return
        if subscription.state == 'draft':
            subscription._plan()
            if self.order_id.state == 'sale':
                subscription._run()
        elif not quantity and subscription.state in ('running', 'paused'):
            subscription._cancel()
        else:
            reason = subscription._get_quantity_refusal()
            if reason:
                raise UserError(reason)
            subscription._scale_quantity(quantity / previous_quantity)

    # === ACTION METHODS === #

    def action_open_continuity(self):
        """Open the Continuity page of the line."""
        self.ensure_one()
        return self.continuity_subscription_ids.action_open_page()

    # === STOCK === #

    def _action_launch_stock_rule(self, *, previous_product_uom_qty=False):
        # A line just added to a confirmed order comes here before it has its subscription.
        goods = self.filtered(
            lambda line: not line.continuity_has_plan and (not line._sells_program() or line.move_ids)
        )
        if BulkDelivery.of(self.env):
            goods._create_continuity_references()
        return super(SaleOrderLine, goods)._action_launch_stock_rule(previous_product_uom_qty=previous_product_uom_qty)

    def _create_continuity_references(self):
        """Make in one go what ties the transfers to their orders, of orders that have none yet."""
        sent = self.filtered(lambda line: line.product_id.type == 'consu' and not line.order_id.stock_reference_ids)
        self.env['stock.reference'].create(
            [lines[0]._prepare_reference_vals() for lines in sent.grouped('order_id').values()]
        )
