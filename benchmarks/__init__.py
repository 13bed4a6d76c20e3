"""`bin/dev bench`: what the addon costs, measured beside the plainest that Odoo can do."""
