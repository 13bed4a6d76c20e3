"""What the benchmarks are measured on: a program, its books in stock, customers, and what they were sold.

The first orders are sold through Odoo itself; the rest are copies of them made by SQL, customer and all, since selling
10,000 takes longer than everything that is measured on them.
"""

from datetime import date, datetime

from odoo.fields import Command

SOLD_ON = date(2027, 1, 1)
SOLD_BY_ODOO = 50
#: The night that most comparisons measure: the second month's.
NIGHT = date(2027, 2, 2)
#: Of more, a run takes this many where it is measured how it grows: all of them would take half an hour.
MOST = 10_000


def run_job(env, job, day, records=None):
    """Run a job in commit mode, as at night.

    :param records: those to take, all candidates when not given.
    :return: the run, which failed nowhere.
    """
    domain = None if records is None else [("id", "in", records.ids)]
    run = env["continuity.job.run"]._execute(job, as_of=day, domain=domain, commit=True)
    if run.failed_count:
        raise RuntimeError(f"{job} failed: {run.issue_ids[:1].reason}")
    return run


def ship(env, day):
    """Have shipped what was not yet; by SQL, for the warehouse takes longer than all that is measured on it."""
    env.flush_all()
    env.cr.execute("UPDATE continuity_payment SET ready_date = %s WHERE ready_date IS NULL", [day])
    env.invalidate_all()


def due_lines(subscription):
    """The lines of the next shipment."""
    planned = subscription.line_ids.filtered(lambda line: line.state == "planned")
    return planned.filtered(lambda line: line.event_number == min(planned.mapped("event_number")))


def create_program(env, events=12, products_per_event=1, **values):
    """Make a monthly program of books that are in stock, and the product that sells it.

    :return: the parent product.
    """
    books = create_books(env, events * products_per_event)
    program = env["continuity.program"].create(
        {
            "name": "Book Club",
            "line_ids": [
                Command.create({"product_id": book.id, "event_number": index // products_per_event + 1})
                for index, book in enumerate(books)
            ],
            **values,
        }
    )
    return env["product.product"].create(
        {"name": "Book Club Membership", "type": "service", "continuity_program_id": program.id, "taxes_id": False}
    )


def create_books(env, count):
    """Make books with a tax, in stock."""
    books = env["product.product"].create(
        [
            {
                "name": f"Book {number}",
                "type": "consu",
                "is_storable": True,
                "list_price": 20.0 + number,
                "taxes_id": [Command.set(_get_tax(env).ids)],
                "invoice_policy": "order",
            }
            for number in range(1, count + 1)
        ]
    )
    warehouse = env["stock.warehouse"].search([("company_id", "=", env.company.id)], limit=1)
    for book in books:
        env["stock.quant"]._update_available_quantity(book, warehouse.lot_stock_id, 10_000_000)
    return books


def create_customers(env, count):
    """Make customers with an address."""
    return env["res.partner"].create(
        [
            {
                "name": f"Customer {number}",
                "street": f"{number} Long Street",
                "city": "Ghent",
                "zip": "9000",
                "country_id": env.ref("base.be").id,
                "email": f"customer{number}@example.com",
            }
            for number in range(1, count + 1)
        ]
    )


def sell(env, product, count, first_night=None):
    """Sell the parent product to ``count`` customers, or some more, on the first of January 2027.

    :param first_night: make the child orders that are due on this day too; copies have theirs, without pickings.
    :return: the subscriptions, running.
    """
    as_of = env(context={**env.context, "continuity_as_of": f"{SOLD_ON:%Y-%m-%d}"})
    copied = (
        "res_partner", "sale_order", "sale_order_line", "continuity_subscription", "continuity_line",
        "account_tax_continuity_line_rel", "continuity_payment",
    )  # fmt: skip
    first_ids = {table: _get_next_id(env, table) for table in copied}
    orders = as_of["sale.order"].create(
        [
            {
                "partner_id": customer.id,
                "date_order": datetime(SOLD_ON.year, SOLD_ON.month, SOLD_ON.day, 12),  # noqa: DTZ001 - Odoo's are naive
                "order_line": [Command.create({"product_id": product.id})],
            }
            for customer in create_customers(env, min(count, SOLD_BY_ODOO))
        ]
    )
    orders.action_confirm()
    if first_night:
        run_job(env, "create_orders", first_night)
    env.flush_all()
    if count > SOLD_BY_ODOO:
        copy_rows(env, first_ids, count)
    return env["continuity.subscription"].search([("product_id", "=", product.id)], order="id")


def copy_rows(env, first_ids, count):
    """Copy the rows of these tables, from the given id on, until there are ``count`` of each customer."""
    copies = -(-count // SOLD_BY_ODOO) - 1
    strides = {table: _get_next_id(env, table) - first_id for table, first_id in first_ids.items() if first_id}
    # Order lines and planned lines point at each other: whichever is copied first points at nothing yet.
    env.cr.execute("SET LOCAL session_replication_role = replica")
    for table in first_ids:
        columns = _get_columns(env, table)
        values = ", ".join(
            f"CASE WHEN {column} >= {first_ids[target]} THEN {column} + copy * {strides[target]} ELSE {column} END"
            if target in strides
            else f'"{column}"'
            for column, target in columns.items()
        )
        first_column, first_table = next((name, target) for name, target in columns.items() if target in strides)
        where = f"{first_column} >= {first_ids[first_table]}"
        names = ", ".join(f'"{name}"' for name in columns)
        env.cr.execute(
            f"INSERT INTO {table} ({names})"
            f" SELECT {values} FROM {table}, generate_series(1, {copies}) copy WHERE {where}"
        )
        if "id" in columns:
            env.cr.execute(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))")
    env.invalidate_all()
    env.cr.commit()
    env.cr.execute("ANALYZE")


def _get_columns(env, table):
    """Return the columns of a table, each with the table it points at, if any; an id points at its own."""
    env.cr.execute(
        """
        SELECT a.attname, CASE WHEN a.attname = 'id' THEN c.relname ELSE f.confrelid::regclass::text END
          FROM pg_class c
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
          LEFT JOIN pg_constraint f ON f.conrelid = c.oid AND f.contype = 'f' AND f.conkey = ARRAY[a.attnum]
         WHERE c.oid = %s::regclass
         ORDER BY a.attnum
        """,
        [table],
    )
    return dict(env.cr.fetchall())


def _get_next_id(env, table):
    if "id" not in _get_columns(env, table):
        return None
    env.cr.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {table}")
    return env.cr.fetchone()[0]


def _get_tax(env):
    values = {"name": "Tax 10%", "amount": 10.0, "type_tax_use": "sale"}
    return env["account.tax"].search([("name", "=", values["name"])]) or env["account.tax"].create(values)
