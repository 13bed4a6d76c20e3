"""Run by the tests of installations: uninstalls the addons that are named, as *Apps* does."""

import sys

for name in sys.argv[1:]:
    addon = env["ir.module.module"].search([("name", "=", name), ("state", "=", "installed")])
    addon.button_immediate_uninstall()
    env.cr.commit()
