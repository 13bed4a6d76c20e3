from odoo import api, fields, models


class ContinuityPayment(models.Model):
    """One instalment of one billed order."""

    _name = 'continuity.payment'
    _description = "Continuity Payment"
    _inherit = ['mail.thread', 'mail.activity.mixin', 'continuity.parking.mixin', 'continuity.guard.mixin']
    _order = 'due_date, subscription_id, number, id'
    _check_company_auto = True

    subscription_id = fields.Many2one(
        comodel_name='continuity.subscription', required=True, ondelete='cascade', index=True, readonly=True
    )
    company_id = fields.Many2one(related='subscription_id.company_id', store=True, precompute=True)
    partner_id = fields.Many2one(related='subscription_id.partner_id', store=True, precompute=True, index=True)
    currency_id = fields.Many2one(related='subscription_id.currency_id', store=True, precompute=True)
    program_id = fields.Many2one(related='subscription_id.program_id', store=True, precompute=True)
    user_id = fields.Many2one(related='subscription_id.user_id', store=True, precompute=True)
    order_id = fields.Many2one(
        comodel_name='sale.order',
        string="Billed Order",
        index='btree_not_null',
        readonly=True,
        check_company=True,
        help="The parent order when the plan is billed in advance, else the child order.",
    )
    number = fields.Integer(string="Instalment", default=1, readonly=True)
    due_date = fields.Date(readonly=True, help="Empty: due when the order ships.")
    amount = fields.Monetary(readonly=True)
    method = fields.Selection(
        selection=[('token', "Card"), ('on_account', "On account")], default='on_account', required=True, readonly=True
    )
    state = fields.Selection(
        selection=[
            ('scheduled', "Scheduled"),
            ('billed', "Billed"),
            ('processing', "Processing"),
            ('paid', "Paid"),
            ('declined', "Declined"),
            ('cancelled', "Cancelled"),
        ],
        default='scheduled',
        required=True,
        readonly=True,
        tracking=True,
    )
    on_hold = fields.Boolean(readonly=True, tracking=True)
    attempt_count = fields.Integer(string="Attempts", readonly=True)
    next_attempt_date = fields.Date(readonly=True)
    notified_date = fields.Date(readonly=True)
    invoice_id = fields.Many2one(comodel_name='account.move', readonly=True, index='btree_not_null', copy=False)
    move_line_id = fields.Many2one(comodel_name='account.move.line', readonly=True, index='btree_not_null', copy=False)
    transaction_ids = fields.One2many(
        comodel_name='payment.transaction', inverse_name='continuity_payment_id', readonly=True
    )

    @api.depends('subscription_id.name', 'number')
    def _compute_display_name(self):
        for payment in self:
            payment.display_name = self.env._(
                "%(subscription)s, instalment %(number)s",
                subscription=payment.subscription_id.name,
                number=payment.number,
            )

    def _get_parking_user(self):
        return self.subscription_id._get_parking_user()
