from odoo import api, fields, models


class ContinuityExtend(models.TransientModel):
    """The dialog that extends a subscription to a bigger product of its program."""

    _name = 'continuity.extend'
    _description = "Extend a Subscription"
    _inherit = ['continuity.dialog.mixin']

    subscription_id = fields.Many2one(comodel_name='continuity.subscription', required=True, readonly=True)
    product_ids = fields.Many2many(comodel_name='product.product', compute='_compute_product_ids')
    product_id = fields.Many2one(
        comodel_name='product.product',
        string="Extend To",
        compute='_compute_product_id',
        compute_sudo=False,
        store=True,
        readonly=False,
        required=True,
        precompute=True,
        domain="[('id', 'in', product_ids)]",
    )

    @api.depends('subscription_id')
    def _compute_product_ids(self):
        for wizard in self:
            subscription = wizard.subscription_id
            wizard.product_ids = subscription._get_bigger_products() if subscription else False

    @api.depends('product_ids')
    def _compute_product_id(self):
        for wizard in self:
            wizard.product_id = wizard.product_ids._origin[:1]

    def action_extend(self):
        """Make the quotation, and open it."""
        self.ensure_one()
        self.check_access('write')
        subscription = self.subscription_id
        subscription._check_selling_access()
        return subscription._open_renewal(subscription.sudo()._extend_to(self.product_id.sudo()))
