"""Selling: an order with a plan of twelve boxes beside one with a plain line."""

from .case import Case, Goal
from .data import create_customers, create_program

PLAN, PLAIN = "Book Club Membership", "Book 1"


def seed(env, _size):
    create_program(env)
    create_customers(env, 1)


def in_form(name):
    """As the salesperson's screen does it: opened, customer and product chosen, saved, and read again."""

    def variant(env, size):
        from odoo.tests import Form

        product, customer = _find(env, name)

        def sell():
            with Form(env["sale.order"]) as order:
                order.partner_id = customer
                with order.order_line.new() as line:
                    line.product_id = product

        return _repeat(env, size, sell)

    return variant


def at_once(name):
    """One call of create, as an import or a shop does it."""

    def variant(env, size):
        product, customer = _find(env, name)
        values = {"partner_id": customer.id, "order_line": [(0, 0, {"product_id": product.id})]}
        return _repeat(env, size, lambda: env["sale.order"].create(values))

    return variant


def _find(env, name):
    product = env["product.product"].search([("name", "=", name)], limit=1)
    return product, env["res.partner"].search([("name", "=", "Customer 1")], limit=1)


def _repeat(env, size, sell):
    def work(count=size):
        for _number in range(count):
            sell()
            env.flush_all()
        return count

    work(5)
    return work


def _goal(text, variants):
    return Goal(text, lambda results, figure: results.ratio(*variants, figure), at_most=1.5)


VARIANTS = {
    "in the form, with a plan of 12": in_form(PLAN),
    "in the form, plain line": in_form(PLAIN),
    "create, with a plan of 12": at_once(PLAN),
    "create, plain line": at_once(PLAIN),
}

CASE = Case(
    name="plan",
    title="A new order",
    text="A quotation of one line, saved. With the parent product it gets a subscription in draft, with twelve planned "
    "and priced shipments and the plan in words. *In the form* is what the salesperson waits for: the screen opened, "
    "customer and product chosen, saved; *create* is the bare call.",
    unit="order",
    seed=seed,
    variants=VARIANTS,
    sizes=(100,),
    quick_sizes=(30,),
    goals=[
        _goal("times the plain line, in the form", [*VARIANTS][:2]),
        _goal("times the plain line, the bare call", [*VARIANTS][2:]),
    ],
)
