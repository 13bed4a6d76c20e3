"""The rules without Odoo: plain values in, plain values out."""
