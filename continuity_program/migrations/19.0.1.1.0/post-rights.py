from odoo import SUPERUSER_ID, api

#: Rules that databases keep as they were installed, and what they say from this version on.
RULES = {
    'continuity_job_run_rule_company': (
        "[('company_ids', 'any', [('id', 'in', company_ids)]),"
        " ('company_ids', 'not any', [('id', 'not in', company_ids)])]"
    ),
    'continuity_mass_change_line_rule_own': "[('wizard_id.create_uid', '=', user.id)]",
}


def migrate(cr, version):
    """A dialog's lines and a run over several companies are told to nobody else; what a subscription that was left out
    waits for is marked."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    for name, domain in RULES.items():
        rule = env.ref(f'continuity_program.{name}', raise_if_not_found=False)
        if rule:
            rule.domain_force = domain
    for subscription in env['continuity.subscription'].search([('is_parked', '=', True)]):
        subscription._await_mending()
