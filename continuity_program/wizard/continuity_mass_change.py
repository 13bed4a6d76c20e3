from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_amount, format_date

from ..domain import sanity

#: What, changed, asks for another preview.
CRITERIA = {
    'subscription_ids',
    'selected_line_ids',
    'kind',
    'shift_mode',
    'date_to',
    'days',
    'product_from_id',
    'product_to_id',
    'price_rule',
    'price_unit',
}


class ContinuityMassChange(models.TransientModel):
    """The dialog that changes many plans at once: first it shows what would become of each line, then it does that."""

    _name = 'continuity.mass.change'
    _description = "Change Plans"
    _inherit = ['continuity.dialog.mixin', 'continuity.guard.mixin']

    subscription_ids = fields.Many2many(
        comodel_name='continuity.subscription', string="Subscriptions", help="All that is planned of them is changed."
    )
    selected_line_ids = fields.Many2many(comodel_name='continuity.line', string="Selected Lines")
    selected_count = fields.Integer(string="Planned Lines Selected", compute='_compute_selection')
    kind = fields.Selection(
        selection=lambda self: self.env['continuity.plan.change']._selection_kind(), required=True, default='shift'
    )

    # Shift dates
    shift_mode = fields.Selection(
        selection=[('days', "By days"), ('date', "To a date")], string="Shift", required=True, default='days'
    )
    days = fields.Integer(bounds=sanity.DAYS_BOTH_WAYS, help="Later; with a minus, earlier.")
    date_to = fields.Date(
        string="First Shipment On",
        help="The earliest of each subscription's selected shipments goes out on this day, the others keep their "
        "distance from it.",
    )

    # Substitute product
    available_product_ids = fields.Many2many(comodel_name='product.product', compute='_compute_selection')
    product_from_id = fields.Many2one(
        comodel_name='product.product', string="Replace", domain="[('id', 'in', available_product_ids)]"
    )
    product_to_id = fields.Many2one(
        comodel_name='product.product',
        string="By",
        domain="[('sale_ok', '=', True), ('continuity_program_id', '=', False)]",
    )
    price_rule = fields.Selection(
        selection=[
            ('keep', "As it is"),
            ('pricelist', "The new product's by the order's price list"),
            ('fixed', "This one"),
        ],
        string="Price",
        required=True,
        default='keep',
        help="A price that stays, or is given here, counts as changed by hand: nothing that changes later alters it.",
    )
    price_unit = fields.Float(string="New Price", min_display_digits='Product Price', help="Before any discount.")
    currency_id = fields.Many2one(comodel_name='res.currency', compute='_compute_selection')

    # The preview
    is_previewed = fields.Boolean(readonly=True)
    line_ids = fields.One2many(
        comodel_name='continuity.mass.change.line', inverse_name='wizard_id', string="Preview", readonly=True
    )
    change_count = fields.Integer(string="Lines to Change", compute='_compute_counts')
    left_out_count = fields.Integer(string="Left Out", compute='_compute_counts')

    # === COMPUTE METHODS === #

    @api.depends('subscription_ids', 'selected_line_ids')
    def _compute_selection(self):
        for wizard in self:
            planned = wizard._get_lines()._filtered_planned(with_resent=True)
            currencies = planned.currency_id
            wizard.selected_count = len(planned)
            wizard.available_product_ids = planned.product_id
            wizard.currency_id = currencies if len(currencies) == 1 else False

    @api.depends('line_ids')
    def _compute_counts(self):
        for wizard in self:
            wizard.left_out_count = len(wizard.line_ids.filtered('reason'))
            wizard.change_count = len(wizard.line_ids) - wizard.left_out_count

    # === ONCHANGE === #

    @api.onchange(*sorted(CRITERIA))
    def _onchange_criteria(self):
        self.is_previewed = False

    # === CRUD METHODS === #

    def write(self, vals):
        result = super().write(vals)
        if CRITERIA & vals.keys():
            self._forget_preview()
        return result

    # === ACTION METHODS === #

    def action_preview(self):
        """Show what would become of each planned line; nothing is changed."""
        self.ensure_one()
        self.check_access('write')
        self._forget_preview()
        Row = self.env['continuity.mass.change.line'].sudo()
        Row.create([{**Row._prepare_row(self.kind, change), 'wizard_id': self.id} for change in self._get_changes()])
        self.sudo().is_previewed = True
        return self._get_dialog()

    def action_apply(self):
        """Do what the preview shows, and open the log of it."""
        self.ensure_one()
        self.check_access('write')
        if not self.is_previewed:
            raise UserError(self.env._("Look at the preview first."))
        self._check_selection()
        if not self.change_count:
            raise UserError(self.env._("There is nothing to change."))
        changes = self.env['continuity.plan.change']._change_plans(self.kind, self._get_criteria_text(), self.line_ids)
        self._forget_preview()
        return changes._get_records_action(name=self.env._("Plan Changes"))

    # === THE SELECTION === #

    @api.model
    def _open(self, vals):
        """Open the dialog for a selection."""
        return self.create(vals)._get_dialog()

    def _get_dialog(self):
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Change Plans"),
            'res_model': self._name,
            'res_id': self.id,
            'views': [(False, 'form')],
            'target': 'new',
            'context': {'dialog_size': 'extra-large'},
        }

    def _forget_preview(self):
        self.sudo().line_ids.unlink()
        self.sudo().is_previewed = False

    def _get_lines(self):
        """Return the lines selected: also those that the user may not see, for which he is refused."""
        selection = self.sudo()
        return (selection.selected_line_ids | selection.subscription_ids.line_ids._filtered_planned()).with_env(
            self.env
        )

    def _check_selection(self):
        """:raise AccessError: for anything selected that the user may not change."""
        self.sudo().subscription_ids.with_env(self.env).check_access('write')
        lines = self._get_lines()
        lines.check_access('write')
        lines.subscription_id.check_access('write')

    # === WHAT TO CHANGE === #

    def _get_changes(self):
        """Return what would become of each line.

        :rtype: list[LineChange]
        """
        self._check_selection()
        reason = self._get_criteria_refusal()
        if reason:
            raise UserError(reason)
        lines = self._get_lines()
        if self.kind == 'taxes':
            return lines._prepare_taxes_changes()
        if self.kind == 'shift':
            return lines._prepare_shifts(day=self.date_to if self.shift_mode == 'date' else None, days=self.days)
        return lines.filtered(lambda line: line.product_id == self.product_from_id)._prepare_substitutions(
            self.product_to_id, self.price_rule, self.price_unit
        )

    def _get_criteria_refusal(self):
        """Return what is wrong with what was asked for, or nothing."""
        self.ensure_one()
        if not self.selected_count:
            return self.env._("Nothing is planned of what was selected.")
        if self.kind == 'taxes':
            return None
        return self._get_shift_refusal() if self.kind == 'shift' else self._get_substitution_refusal()

    def _get_shift_refusal(self):
        if self.shift_mode == 'days' and not self.days:
            return self.env._("By how many days? Give a number other than 0.")
        if self.shift_mode == 'date' and not self.date_to:
            return self.env._("To which date?")
        return None

    def _get_substitution_refusal(self):
        if not self.product_from_id or not self.product_to_id:
            return self.env._("Which product is replaced, and by which?")
        if self.product_from_id == self.product_to_id:
            return self.env._("A product is not replaced by itself.")
        if self.product_to_id.continuity_program_id:
            return self.env._(
                "%(product)s sells a continuity program and cannot be sent by one.",
                product=self.product_to_id.display_name,
            )
        return self._get_price_refusal() if self.price_rule == 'fixed' else None

    def _get_price_refusal(self):
        if not self.currency_id:
            return self.env._(
                "What is selected has prices in several currencies, so that there is no one price for all."
            )
        if self.price_unit < 0:
            return self.env._("The price cannot be below 0.")
        return None

    def _get_criteria_text(self):
        """Return in words what is changed."""
        self.ensure_one()
        if self.kind == 'taxes':
            return self.env._("taxes of today")
        if self.kind == 'substitute':
            return self.env._(
                "%(old)s replaced by %(new)s, %(price)s",
                old=self.product_from_id.display_name,
                new=self.product_to_id.display_name,
                price=self._get_price_text(),
            )
        if self.shift_mode == 'date':
            return self.env._("shipments moved to %(date)s and after", date=format_date(self.env, self.date_to))
        return self.env._("shipments moved by %(days)s days", days=f"{self.days:+d}")

    def _get_price_text(self):
        if self.price_rule == 'keep':
            return self.env._("the price as it is")
        if self.price_rule == 'pricelist':
            return self.env._("at the price of the order's price list")
        return self.env._("at %(price)s", price=format_amount(self.env, self.price_unit, self.currency_id))
