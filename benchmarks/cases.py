"""The comparisons, in the order in which they are measured and reported."""

from . import create_orders, growth, idle, jobs, oca_invoices, oca_orders, payments, plan, settle, workers

_MODULES = (create_orders, oca_orders, idle, payments, settle, oca_invoices, plan, jobs, workers, growth)

CASES = {module.CASE.name: module.CASE for module in _MODULES}
