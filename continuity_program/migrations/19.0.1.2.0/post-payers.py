from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """The invoice address is one fact now, on the parent order: who was chosen on the subscription pays, as before. A
    branch has what its company has set, where it has not set it itself."""
    cr.execute(
        """
        UPDATE sale_order
           SET partner_invoice_id = plan.partner_invoice_id
          FROM continuity_subscription plan
         WHERE plan.order_id = sale_order.id
           AND plan.partner_invoice_id IS NOT NULL
           AND plan.state IN ('running', 'paused')
           AND plan.partner_invoice_id != sale_order.partner_invoice_id
        """
    )
    cr.execute(
        """
        UPDATE continuity_subscription plan
           SET partner_invoice_id = sale_order.partner_invoice_id
          FROM sale_order
         WHERE plan.order_id = sale_order.id
           AND plan.partner_invoice_id IS DISTINCT FROM sale_order.partner_invoice_id
        """
    )
    env = api.Environment(cr, SUPERUSER_ID, {})
    branches = env['res.company'].with_context(active_test=False).search([('parent_id', '!=', False)])
    names = branches._get_continuity_parameters()
    defaults = branches.default_get([*names])
    for branch in branches.sorted('parent_path'):
        unset = {name for name in names if (branch[name] or False) == defaults.get(name, False)}
        branch.write(branch.parent_id._read_continuity_parameters(unset))
