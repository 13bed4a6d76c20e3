"""Tests with real processes and databases of their own, for pytest only: Odoo's own test transaction would hide what
they are about."""
