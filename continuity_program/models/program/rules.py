from odoo import api, models
from odoo.exceptions import ValidationError

from ...domain import schedule


class ContinuityProgram(models.Model):
    """What a program has to be, and whether it can be sold."""

    _inherit = 'continuity.program'

    @api.constrains('bill_upfront', 'line_ids')
    def _check_events(self):
        for program in self:
            program.line_ids._check_repeats()
            program._check_taxes()

    def _check_taxes(self):
        """:raise ValidationError: for a plan billed in advance whose taxes one parent line cannot have."""
        self.ensure_one()
        if not self.bill_upfront:
            return
        taxes = self._get_sent_lines().product_id.taxes_id._filter_taxes_by_company(self.company_id)
        reason = self._get_upfront_taxes_refusal(taxes)
        if reason:
            raise ValidationError(reason)
        by_taxes = self._get_sent_lines().grouped(
            lambda line: line.product_id.taxes_id._filter_taxes_by_company(self.company_id)
        )
        if len(by_taxes) > 1:
            one, other = (lines[0].product_id.display_name for lines in list(by_taxes.values())[:2])
            raise ValidationError(
                self.env._(
                    "Program %(program)s is billed in advance, on one line of the order, so all its events need the "
                    "same taxes: those of %(one)s and %(other)s differ.",
                    program=self.display_name,
                    one=one,
                    other=other,
                )
            )

    def _get_upfront_taxes_refusal(self, taxes):
        """Return why taxes cannot be billed in advance, or nothing: one line of the order bills all pieces."""
        per_piece = taxes.flatten_taxes_hierarchy().filtered(lambda tax: tax.amount_type == 'fixed')[:1]
        if not per_piece:
            return None
        return self.env._(
            "Program %(program)s is billed in advance, on one line of the order, so tax %(tax)s, a fixed amount per "
            "piece, cannot be counted.",
            program=self.display_name,
            tax=per_piece.display_name,
        )

    @api.constrains('shipping_policy', 'shipping_product_id')
    def _check_shipping_product(self):
        for program in self:
            if program.shipping_policy == 'fixed' and not program.shipping_product_id:
                raise ValidationError(
                    self.env._(
                        "Program %(program)s charges a fixed amount per shipment: choose the shipping product.",
                        program=program.display_name,
                    )
                )

    @api.constrains('payment_term_id', 'allowed_payment_term_ids')
    def _check_payment_terms(self):
        for program in self:
            discounted = (program.payment_term_id | program.allowed_payment_term_ids).filtered('early_discount')
            if discounted:
                raise ValidationError(
                    self.env._(
                        "Payment term %(term)s has an early payment discount and cannot be the payment schedule of "
                        "program %(program)s.",
                        term=discounted[0].display_name,
                        program=program.display_name,
                    )
                )

    @api.constrains('company_id')
    def _check_company_of_products(self):
        for program in self:
            program.product_tmpl_ids._check_continuity_program()
            if program.subscription_ids.filtered(lambda sub: sub.company_id != program.company_id):
                raise ValidationError(
                    self.env._(
                        "Program %(program)s is sold in another company and cannot move.", program=program.display_name
                    )
                )

    def _get_sale_refusal(self):
        """Return why the program cannot be sold, or nothing.

        :rtype: str | None
        """
        self.ensure_one()
        if not self.active:
            return self.env._("Program %(program)s is archived and cannot be sold.", program=self.display_name)
        if not schedule.get_sent_events(self._get_events()) and not self.open_ended:
            return self.env._("Program %(program)s has no event to send.", program=self.display_name)
        return None
