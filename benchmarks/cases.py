"""The comparisons, in the order in which they are measured and reported."""

from . import create_orders, growth, idle, jobs, payments, plan, workers

CASES = {module.CASE.name: module.CASE for module in (create_orders, idle, payments, plan, jobs, workers, growth)}
