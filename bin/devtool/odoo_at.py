"""Odoo's own command line on another day: `python odoo_at.py DAY ARGUMENTS...`; the clock goes on from there."""

import sys

from freezegun import freeze_time

import odoo.cli

if __name__ == "__main__":
    _script, day, *arguments = sys.argv
    sys.argv = ["odoo", *arguments]
    with freeze_time(day, tick=True):
        odoo.cli.main()
