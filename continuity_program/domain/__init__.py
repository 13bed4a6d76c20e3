"""The core without Odoo: plain values in, plain values out; no database, no clock, no ``odoo`` import.

``schedule``: when a program sends what. ``money``: shares of an amount, to the last unit.
"""
