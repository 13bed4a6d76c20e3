from odoo import models


class ResPartner(models.Model):
    _inherit = 'res.partner'

    def write(self, vals):
        result = super().write(vals)
        parked = self.env['continuity.subscription'].sudo().search([('is_parked', '=', True)])
        if parked:
            parked.filtered(lambda sub: sub._get_partners() & self)._unpark()
        return result
