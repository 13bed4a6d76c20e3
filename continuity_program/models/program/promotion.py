from odoo import fields, models

from ...domain import sanity


class ContinuityProgram(models.Model):
    """Which boxes promotions reach, where each of them is billed (``docs/behaviour.md#the-order-total``)."""

    _inherit = 'continuity.program'

    promotion_scope = fields.Selection(
        selection=[
            ('every', "Every box"),
            ('first', "The first box"),
            ('first_n', "The first boxes"),
        ],
        string="Promotions Reach",
        default='every',
        required=True,
        tracking=True,
        help="Which boxes a percentage on the order is taken off, where each shipment is billed by itself: a discount, "
        "a reward, a code. An amount is always taken off the first boxes, until it is used up.",
    )
    promotion_count = fields.Integer(
        string="Boxes Reached",
        default=1,
        bounds=sanity.COUNT_FROM_1,
        tracking=True,
        help="How many of the first boxes promotions reach.",
    )

    def _get_promotion_boxes(self):
        """Return how many of the first boxes a percentage is taken off; 0 for all."""
        self.ensure_one()
        return {'first': 1, 'first_n': self.promotion_count}.get(self.promotion_scope, 0)
