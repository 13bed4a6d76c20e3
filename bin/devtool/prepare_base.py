"""Run on the new base database by `bin/dev setup`: what the modules alone do not bring."""

from odoo.tools.misc import file_path

SELFIE = "mail/static/lib/selfie_segmentation/selfie_segmentation.js"


def load_chart_of_accounts():
    """Odoo's generic chart, for the main company."""
    company = env.ref("base.main_company")
    if not company.chart_template:
        env["account.chart.template"].try_loading("generic_coa", company, install_demo=False)


def leave_out_missing_library():
    """Debian's package lacks one library for its licence; the console error of its absence fails every browser tour."""
    try:
        file_path(SELFIE)
    except FileNotFoundError:
        bundle = "web.assets_backend"
        env["ir.asset"].create({"name": "Not in this Odoo", "bundle": bundle, "directive": "remove", "path": SELFIE})


load_chart_of_accounts()
leave_out_missing_library()
env["ir.qweb"]._pregenerate_assets_bundles()
env.cr.commit()
