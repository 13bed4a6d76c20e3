"""What the processes do: each function is given an environment of its own and returns what JSON can carry."""

import os
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

from psycopg2.extensions import ISOLATION_LEVEL_READ_COMMITTED

from odoo import fields, sql_db
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.service.model import retrying
from odoo.tools import mute_logger

from odoo.addons.continuity_program.models.job import engine as job_engine

SUBSCRIPTION = 'continuity.subscription'


# === THE DATA === #


def seed(env):
    """Make users, books and two programs: one of three months without stock-keeping, one without end from stock."""
    company = env.company
    company.partner_id.tz = 'UTC'
    users = (
        env['res.users']
        .with_context(no_reset_password=True)
        .create(
            [
                {
                    'name': name,
                    'login': name.lower(),
                    'email': f"{name}@example.com",
                    'group_ids': [Command.link(group.id)],
                }
                for name, group in (
                    ("Salesperson", env.ref('sales_team.group_sale_salesman')),
                    ("Responsible", env.ref('sales_team.group_sale_manager')),
                )
            ]
        )
    )
    books = env['product.product'].create(
        [{'name': f"Book {number}", 'type': 'consu', 'list_price': 20} for number in range(1, 4)]
    )
    coffee = env['product.product'].create({'name': "Coffee", 'type': 'consu', 'is_storable': True, 'list_price': 9})
    stock = env['stock.warehouse'].search([('company_id', '=', company.id)], limit=1).lot_stock_id
    env['stock.quant']._update_available_quantity(coffee, stock, 100000)
    return {
        'monthly': _create_program(env, "Monthly", [{'product_id': book.id} for book in books], users),
        'endless': _create_program(env, "Endless", [{'product_id': coffee.id, 'repeat_forever': True}], users),
        'books': books.ids,
        'salesperson': users[0].id,
    }


def _create_program(env, name, events, users):
    program = env['continuity.program'].create(
        {'name': name, 'user_id': users[1].id, 'line_ids': [Command.create(event) for event in events]}
    )
    env['product.product'].create(
        {'name': f"{name} Membership", 'type': 'service', 'list_price': 0, 'continuity_program_id': program.id}
    )
    return program.id


def sell(env, program, count, user):
    """Sell a program to so many customers; the first shipment of each is due today. Return the subscriptions."""
    bulk = env(context={'tracking_disable': True, 'mail_create_nolog': True, 'mail_create_nosubscribe': True})
    product = env['continuity.program'].browse(program).product_tmpl_ids.product_variant_id
    customers = bulk['res.partner'].create([{'name': f"Customer {number}"} for number in range(count)])
    sold = []
    for part in (customers[start : start + 50] for start in range(0, count, 50)):
        orders = bulk['sale.order'].create(
            [
                {
                    'partner_id': customer.id,
                    'user_id': user,
                    'order_line': [Command.create({'product_id': product.id, 'product_uom_qty': 1})],
                }
                for customer in part
            ]
        )
        orders.action_confirm()
        sold += orders.continuity_subscription_ids.ids
        env.cr.commit()
        env.invalidate_all()
    return sold


def create_calendars(env, count, product):
    """Create calendar programs whose second event has begun, although nobody has told them."""
    today = env.company._get_continuity_today()
    events = [{'product_id': product, 'start_date': fields.Date.add(today, days=days)} for days in (-40, -10, 20)]
    env['continuity.program'].create(
        [
            {'name': f"Calendar {number}", 'line_ids': [Command.create(event) for event in events]}
            for number in range(count)
        ]
    )


def create_poison(env, products, pricelists):
    """Archive the product that some subscriptions send next, and let the price list of others change its currency.

    Return the products, and the price list with the currency it had.
    """
    book = env['product.product'].create({'name': "Old Book", 'type': 'consu'})
    env[SUBSCRIPTION].browse(products).line_ids.filtered(lambda line: line.event_number == 1).product_id = book
    book.active = False
    pricelist = env['product.pricelist'].create({'name': "Moved Abroad"})
    currency = pricelist.currency_id
    other = env['res.currency'].with_context(active_test=False).search([('id', '!=', currency.id)], limit=1)
    other.active = True
    env.flush_all()
    orders = env[SUBSCRIPTION].browse(pricelists).order_id
    env.cr.execute("UPDATE sale_order SET pricelist_id = %s WHERE id IN %s", [pricelist.id, tuple(orders.ids)])
    pricelist.currency_id = other
    return book.ids, [pricelist.id, currency.id]


# === RUNNING A JOB === #


def execute(env, job='create_orders', start_at=None, batch_size=None, commit=True, **options):
    """Run a job and commit, at a given moment; return its counts."""
    with ExitStack() as stack:
        if batch_size:
            stack.enter_context(patch.object(job_engine, 'BATCH_SIZE', batch_size))
        _wait_until(start_at)
        return _get_counts(env['continuity.job.run']._execute(job, commit=commit, **options))


def click(env, method, record, start_at=None):
    """Press a button of a subscription as RPC does, which tries again while the database is busy; return what the user
    is told, if anything. What is next was read before the given moment."""
    subscription = env[SUBSCRIPTION].browse(record)
    subscription._get_next_shipment()
    _wait_until(start_at)
    try:
        retrying(getattr(subscription, method), env)
    except UserError as error:
        return str(error)
    return None


def execute_without_guard(env, meeting, **options):
    """Run a job that neither locks, nor reads its condition again, nor is isolated from what others commit. Two such
    processes begin their first batch together."""
    model = env.registry[SUBSCRIPTION]
    find = model._get_due_shipments
    met = []

    def find_and_meet(records, batch):
        shipments = find(records, batch)
        if not met:
            met.append(True)
            _meet(Path(meeting))
        return shipments

    env.cr.connection.set_isolation_level(ISOLATION_LEVEL_READ_COMMITTED)
    with (
        patch.object(model, 'try_lock_for_update', lambda records, **_kwargs: records),
        patch.object(model, 'filtered_domain', lambda records, _domain: records),
        patch.object(model, '_get_due_shipments', find_and_meet),
        mute_logger('odoo.sql_db'),
    ):
        return execute(env, **options)


def cron_run(env, job='create_orders', batch_size=job_engine.BATCH_SIZE, die_at=None):
    """Do what the scheduled action does; ``die_at`` is the number of the statement or commit to be killed at."""
    with patch.object(job_engine, 'BATCH_SIZE', batch_size), KillingAt(die_at) as steps:
        env['continuity.job.run']._cron_run(job)
    return {'steps': steps.count, 'commits': steps.commits}


def trigger(env, job='create_orders', batch_size=job_engine.BATCH_SIZE):
    """Let Odoo run the scheduled action itself."""
    with patch.object(job_engine, 'BATCH_SIZE', batch_size):
        env.ref(f'continuity_program.ir_cron_{job}').method_direct_trigger()


def execute_with_bad_overrides(env, raising, **options):
    """Run a job while an override raises for some subscriptions."""
    model = env.registry[SUBSCRIPTION]
    original = model._prepare_child_order

    def prepare(record, lines):
        if record.id in raising:
            raise ZeroDivisionError("division by zero")
        return original(record, lines)

    with patch.object(model, '_prepare_child_order', prepare), mute_logger('odoo.sql_db'):
        return execute(env, **options)


def execute_while(env, statement, **options):
    """Run a job; between finding the first records and locking them, somebody else's statement is committed."""
    model = env.registry[SUBSCRIPTION]
    original = model.try_lock_for_update
    done = []

    def lock(records, **kwargs):
        if not done:
            done.append(True)
            with env.registry.cursor() as cr:
                cr.execute(statement)
        return original(records, **kwargs)

    with patch.object(model, 'try_lock_for_update', lock):
        return execute(env, **options)


def trigger_and_pause(env, pause, batch=2, half_way=True, **options):
    """Let Odoo run the scheduled action; in a batch, before its orders are made or before they last, wait until the
    file ``pause`` is removed."""
    model = env.registry[SUBSCRIPTION]
    original = model._create_child_orders
    pause, batches = Path(pause), []

    def wait(records):
        pause.write_text(str(records.env.cr.connection.get_backend_pid()))
        while pause.exists():
            time.sleep(0.01)

    def create(records, shipments):
        batches.append(shipments)
        is_chosen = len(batches) == batch
        if is_chosen and not half_way:
            wait(records)
        orders = original(records, shipments)
        records.env.flush_all()
        if is_chosen and half_way:
            wait(records)
        return orders

    with patch.object(model, '_create_child_orders', create):
        trigger(env, **options)


def preview(env, job='create_orders', **options):
    return env['continuity.job.run']._preview(job, **options)


def retry(env, ids):
    env[SUBSCRIPTION].browse(ids).action_retry()


def write(env, model, ids, vals):
    env[model].browse(ids).write(vals)


def search(env, model, domain):
    return env[model].search(domain).ids


# === HELPERS === #


def _wait_until(moment):
    if moment:
        time.sleep(max(moment - time.time(), 0))


def _meet(folder, count=2, timeout=20):
    """Wait until so many processes have come here."""
    (folder / str(os.getpid())).touch()
    deadline = time.monotonic() + timeout
    while len(list(folder.iterdir())) < count and time.monotonic() < deadline:
        time.sleep(0.005)


def _get_counts(run):
    return {
        'id': run.id,
        'state': run.state,
        'selected': run.selected_count,
        'done': run.done_count,
        'skipped': run.skipped_count,
        'failed': run.failed_count,
    }


class KillingAt:
    """Count statements and commits; be killed just before the one with this number, or just after a commit."""

    def __init__(self, number):
        self.number = number
        self.count = 0
        self.commits = []
        self.stack = ExitStack()

    def __enter__(self):
        cursor = sql_db.Cursor
        execute, commit = cursor.execute, cursor.commit

        def counted_execute(cr, *args, **kwargs):
            self.step()
            return execute(cr, *args, **kwargs)

        def counted_commit(cr):
            self.step()
            commit(cr)
            self.commits.append(self.step())

        self.stack.enter_context(patch.object(cursor, 'execute', counted_execute))
        self.stack.enter_context(patch.object(cursor, 'commit', counted_commit))
        return self

    def __exit__(self, *exception):
        self.stack.close()

    def step(self):
        self.count += 1
        if self.count == self.number:
            os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait()
        return self.count
