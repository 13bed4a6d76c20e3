"""Selling: an order with a plan of twelve boxes beside one with a plain line."""

from .case import Case, Goal
from .data import create_customers, create_program


def seed(env, _size):
    create_program(env)
    create_customers(env, 1)


def sell(name):
    def variant(env, size):
        product = env["product.product"].search([("name", "=", name)], limit=1)
        customer = env["res.partner"].search([("name", "=", "Customer 1")], limit=1)
        values = {"partner_id": customer.id, "order_line": [(0, 0, {"product_id": product.id})]}

        def work(count=size):
            for _number in range(count):
                env["sale.order"].create(values)
                env.flush_all()
            return count

        work(5)
        return work

    return variant


CASE = Case(
    name="plan",
    title="A new order",
    text="A quotation of one line, saved. With the parent product it gets a subscription in draft, with twelve planned "
    "and priced shipments and the plan in words.",
    unit="order",
    seed=seed,
    variants={"with a plan of 12": sell("Book Club Membership"), "plain line": sell("Book 1")},
    sizes=(100,),
    quick_sizes=(30,),
    goals=[
        Goal(
            "times the plain line",
            lambda results, figure: results.ratio("with a plan of 12", "plain line", figure),
            at_most=1.5,
        )
    ],
)
