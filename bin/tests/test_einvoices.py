"""What electronic invoices say of the instalments of a plan, in a database of its own that has their addons."""

import pytest
from devtool import databases, project
from installations import SCRIPTS, copy_of, run_odoo


@pytest.mark.soak
def test_every_format_says_when_what_is_due():
    with copy_of(project.TEMPLATE_DB, "einvoices") as name:
        run_odoo(name, "-i", "account_edi_ubl_cii,l10n_it_edi")
        assert databases.run_script(name, SCRIPTS / "export_invoices.py") == 0
