"""What the processes of ``test_charge_kills.py`` do; like ``tasks.py``, whose jobs they run at a provider of ours."""

import os
import signal
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import requests
import tasks
from ledger import CHARGED, PENDING, REFUSED, Ledger

from odoo import sql_db
from odoo.exceptions import ValidationError
from odoo.fields import Command

from odoo.addons.payment import utils as payment_utils

#: Seconds until a provider that does not answer is given up; Odoo's are ten.
PATIENCE = 0.7


# === THE DATA === #


def seed(env):
    """Make a book charged at creation and a plan billed in advance, of which two instalments are due at once, and sell
    them to customers with a card. Return the instalments."""
    company = env.company
    company.partner_id.tz = 'UTC'
    company.continuity_charge_moment = 'creation'
    env.ref('payment.payment_provider_demo').state = 'test'
    tax = env['account.tax'].create({'name': "Tax 10%", 'amount': 10.0, 'type_tax_use': 'sale'})
    books = env['product.product'].create(
        [
            {
                'name': f"Book {price}",
                'type': 'consu',
                'list_price': price,
                'taxes_id': [Command.set(tax.ids)],
                'invoice_policy': 'delivery',
            }
            for price in (20, 21, 22)
        ]
    )
    term = env['account.payment.term'].create(
        {
            'name': "50 and 30 at once, 20 later",
            'line_ids': [
                Command.create({'value': 'percent', 'value_amount': percent, 'nb_days': days})
                for percent, days in ((50, 0), (30, 0), (20, 30))
            ],
        }
    )
    _create_product(env, "Single", books[:1])
    _create_product(env, "Schedule", books, bill_upfront=True, payment_term_id=term.id)
    return sell(env, 6, 3)


def _create_product(env, name, books, **values):
    program = env['continuity.program'].create(
        {'name': name, 'line_ids': [Command.create({'product_id': book.id}) for book in books], **values}
    )
    env['product.product'].create(
        {'name': name, 'type': 'service', 'list_price': 0, 'continuity_program_id': program.id}
    )


def sell(env, singles, schedules):
    """Sell to new customers, one piece to the first, two to the second…, and create the first shipment of each; return
    their instalments."""
    single = [_sell(env, "Single", quantity) for quantity in range(1, singles + 1)]
    schedule = [_sell(env, "Schedule", quantity) for quantity in range(1, schedules + 1)]
    sold = env['continuity.subscription'].concat(*single, *schedule)
    env['continuity.job.run']._execute('create_orders', domain=[('id', 'in', sold.ids)])
    return {
        'single': [subscription.payment_ids.id for subscription in single],
        'schedule': [subscription.payment_ids.sorted('number').ids for subscription in schedule],
        'customers': sold.partner_id.ids,
    }


def _sell(env, name, quantity):
    """Sell to a new customer with a card of the demo provider."""
    customer = env['res.partner'].create({'name': f"{name} {quantity}", 'email': 'ann@example.com'})
    env['payment.token'].create(
        {
            'provider_id': env.ref('payment.payment_provider_demo').id,
            'payment_method_id': env.ref('payment_demo.payment_method_demo').id,
            'payment_details': "4242",
            'partner_id': customer.id,
            'provider_ref': "demo",
        }
    )
    product = env['product.product'].search([('name', '=', name)])
    order = env['sale.order'].create(
        {
            'partner_id': customer.id,
            'order_line': [Command.create({'product_id': product.id, 'product_uom_qty': quantity})],
        }
    )
    order.action_confirm()
    return order.continuity_subscription_ids


# === CHARGING === #


def charge(env, ledger, run='execute', dedups=True, url=None, **options):
    """Run the payments' job at a provider of ours.

    :param ledger: the provider's file.
    :param run: the task of ``tasks.py`` that runs it.
    :param url: of a provider to be asked by HTTP.
    """
    names = ('answers', 'moments', 'pause')
    provider = Provider(Ledger(ledger, dedups), **{name: options.pop(name) for name in names if name in options})
    with ExitStack() as stack:

        def replace(model, name, function):
            stack.enter_context(patch.object(env.registry[model], name, function))

        replace('continuity.payment', '_get_deduplicating_providers', lambda _self: {'demo'} if dedups else set())
        if url:
            stack.enter_context(patch.object(requests, 'request', _request_in_haste))
            replace('payment.provider', '_build_request_url', lambda _self, endpoint, **_options: url + endpoint)
            replace('payment.transaction', '_send_payment_request', _send_by_http)
        else:
            stack.enter_context(patch.object(sql_db.Cursor, 'commit', provider.noticing(sql_db.Cursor.commit)))
            replace('payment.transaction', '_send_payment_request', lambda transaction: provider.send(transaction))
        return getattr(tasks, run)(env, job='process_payments', **options)


class Provider:
    """Decides on what Odoo sends; at certain moments it kills the process or makes it wait.

    :param answers: {payment id: verdict}, where it is not charged.
    :param moments: {``before`` | ``after`` (the ledger is written) | ``committed`` (the answer is): ``die`` | ``wait``
        until ``pause`` is removed | ``meet`` another process in the folder ``pause``}.
    """

    def __init__(self, ledger, answers=None, moments=None, pause=None):
        self.ledger = ledger
        self.answers = answers or {}
        self.moments = moments or {}
        self.pause = pause and Path(pause)
        self.has_answered = False

    def send(self, transaction):
        self.reach('before')
        key = payment_utils.generate_idempotency_key(transaction)
        verdict = self.answers.get(str(transaction.continuity_payment_id.id), CHARGED)
        answer = self.ledger.ask(transaction.reference, transaction.amount, key, verdict)
        self.reach('after')
        _hear(transaction, answer)
        self.has_answered = True

    def noticing(self, commit):
        def commit_and_notice(cr):
            commit(cr)
            if self.has_answered:
                self.reach('committed')

        return commit_and_notice

    def reach(self, moment):
        todo = self.moments.get(moment)
        if todo == 'die':
            os.kill(os.getpid(), signal.SIGKILL)
            threading.Event().wait()
        elif todo == 'meet':
            tasks._meet(self.pause)
        elif todo == 'wait':
            self.pause.touch()
            while self.pause.exists():
                time.sleep(0.005)


def _hear(transaction, answer):
    """Enter what a provider says; a verdict that is none of its own is what it complains of."""
    transaction.provider_reference = f'ref-{transaction.reference}'
    if answer == CHARGED:
        transaction._set_done()
    elif answer == PENDING:
        transaction._set_pending()
    elif answer == REFUSED:
        transaction._set_error("Insufficient funds")
    else:
        raise ValidationError(answer)


def _send_by_http(transaction):
    request = {
        'reference': transaction.reference,
        'amount': transaction.amount,
        'key': payment_utils.generate_idempotency_key(transaction),
    }
    _hear(transaction, transaction._send_api_request('POST', '/charges', json=request)['verdict'])


def _request_in_haste(*args, timeout, **kwargs):
    with requests.Session() as session:
        return session.request(*args, timeout=min(timeout, PATIENCE), **kwargs)


# === WHAT OTHERS DO MEANWHILE === #


def notify(env, reference, event, is_processed=True):
    """Do what a provider's notification does, or a human who knows better; then, if so wanted, Odoo's scheduled action,
    which comes within ten minutes."""
    transaction = env['payment.transaction'].search([('reference', '=', reference)])
    if event == 'error':
        transaction._set_error("Refused after all")
    else:
        {'done': transaction._set_done, 'cancel': transaction._set_canceled}[event]()
    env.cr.commit()
    if is_processed:
        transaction._cron_post_process()


def post_process(env, payments, start_at=None):
    """Run Odoo's own scheduled action for the transactions of these instalments."""
    transactions = env['continuity.payment'].browse(payments).transaction_ids
    env.cr.commit()
    tasks._wait_until(start_at)
    transactions._cron_post_process()


def retry(env, ids):
    env['continuity.payment'].browse(ids).action_retry()
