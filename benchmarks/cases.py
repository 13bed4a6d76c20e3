"""The comparisons, in the order in which they are measured and reported."""

from . import create_orders, growth, idle, jobs, payments, plan, settle, workers

MODULES = (create_orders, idle, payments, settle, plan, jobs, workers, growth)
CASES = {module.CASE.name: module.CASE for module in MODULES}
