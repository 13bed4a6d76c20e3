from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """A fiscal position that is not the one found for the address was chosen by the salesperson, and stays."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    env['continuity.subscription'].search([('state', 'in', ('running', 'paused'))])._note_fiscal_position()
