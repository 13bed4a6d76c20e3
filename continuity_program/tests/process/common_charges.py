import functools
import time
from contextlib import contextmanager

from .common import NAME, ProcessCase, Server, wait_for
from .ledger import CHARGED, Ledger


class ChargeServer(Server):
    name = f'{NAME}_charges'

    def _seed(self):
        seeded = self.start('charge_tasks.seed', self.seed_database).finish()
        self.tell({'rehearse': 'charge_tasks.sell', 'args': {'singles': 1, 'schedules': 1}})
        self.tell({'rehearse': 'charge_tasks.charge', 'args': {'ledger': str(self.folder / 'ledger'), 'commit': False}})
        return seeded

    @functools.cached_property
    def shared_database(self):
        return self.copy()


get_charge_server = functools.cache(ChargeServer)


class ChargeCase(ProcessCase):
    """All tests share a database, in which each sells to customers of its own and looks at nothing else. The provider
    keeps a ledger of its own for each test."""

    get_server = staticmethod(get_charge_server)

    def setUp(self):
        super().setUp()
        self.ledger = self.open_ledger(self.id())
        self.options = {}

    def copy(self):
        return self.server.shared_database

    def sell(self, singles=0, schedules=0):
        """Sell to customers with a card: so many a book charged at creation, of 22.00, 44.00…, and so many a plan of
        three instalments billed in advance: two due at once, of 20.79 and 34.65, and one later, of 13.86; the second
        customer twice of all. Return the instalments, those of a plan as a list."""
        sold = self.run_task('charge_tasks.sell', singles=singles, schedules=schedules)
        self.customers = sold['customers']
        return sold['single'] + sold['schedule']

    def open_ledger(self, name, **options):
        return Ledger(self.server.folder / f'ledger-{name}', **options)

    def use_provider_without_dedup(self):
        self.ledger = self.open_ledger(self.id(), dedups=False)
        self.options['dedups'] = False

    # === CHARGING === #

    def get_options(self, payments, **options):
        domain = {'domain': [('id', 'in', payments)]} if payments else {}
        return {'ledger': str(self.ledger.path), **self.options, **domain, **options}

    def charge(self, payments=None, database=None, **options):
        """Run the job on these payments, or on all, to its end; return its counts."""
        return self.run_task('charge_tasks.charge', database, **self.get_options(payments, **options))

    def start_charge(self, payments=None, **options):
        return self.start('charge_tasks.charge', **self.get_options(payments, **options))

    def die_at(self, moment, payments, **options):
        """Run the job, killed at the moment it reaches with the first payment."""
        process = self.start_charge(payments, moments={moment: 'die'}, **options)
        self.assertEqual(process.wait(), -9)
        self.assertEqual(process.troubles, [])
        self.wait_for_backends()

    @contextmanager
    def charge_waiting(self, moment, payments, **options):
        """Run the job until it waits at the moment; give the process, and let it go on at the end."""
        pause = self.server.folder / f'pause-{self.id()}'
        process = self.start_charge(payments, moments={moment: 'wait'}, pause=str(pause), **options)
        wait_for(pause.exists)
        yield process
        pause.unlink()

    def notify(self, payment, event, **options):
        """Let the provider tell Odoo, in a process of its own, what became of the first attempt."""
        self.run_task('charge_tasks.notify', reference=f'CP-{payment}-1', event=event, **options)

    def write_ledger(self, payment, verdict):
        """Let the provider decide later on what it left pending."""
        asked = next(entry for entry in self.ledger.read() if entry.reference.startswith(f'CP-{payment}-'))
        with self.ledger.path.open('a') as file:
            file.write(' '.join(asked._replace(verdict=verdict)) + '\n')

    def age(self):
        """Let the minute pass after which an attempt is taken up again."""
        self.query("UPDATE payment_transaction SET create_date = create_date - interval '2 minutes'")

    def race(self, one, other, **options):
        """Let two processes charge at the same moment, without a word of trouble; return their counts."""
        moment = time.time() + 0.5
        processes = [self.start_charge(payments, start_at=moment, **options) for payments in (one, other)]
        runs = [process.finish() for process in processes]
        self.assertEqual([process.troubles for process in processes], [[], []])
        for run in runs:
            self.assertAddsUp(run)
            self.assertEqual(run['failed'], 0)
        return runs

    # === WHAT WAS ASKED, WHAT THE BOOKS SAY === #

    def get_requests(self, payment=None):
        """Return (verdict, reference) of what the provider was asked, for a payment or all."""
        return [
            (entry.verdict, entry.reference)
            for entry in self.ledger.read()
            if payment is None or entry.reference.startswith(f'CP-{payment}-')
        ]

    def get_charged(self, ledger=None):
        """Return {payment: (reference, amount)} of what the provider charged; none twice."""
        charged = {}
        for entry in (ledger or self.ledger).read():
            if entry.verdict == CHARGED:
                payment = int(entry.reference.split('-')[1])
                self.assertNotIn(payment, charged, "charged twice")
                charged[payment] = (entry.reference, entry.amount)
        return charged

    def get_payment(self, payment):
        """Return (state, attempts, whether it is parked, [(reference, state) of its transactions])."""
        ((state, attempts, is_parked),) = self.query(
            "SELECT state, attempt_count, COALESCE(is_parked, FALSE) FROM continuity_payment WHERE id = %s", payment
        )
        transactions = self.query(
            "SELECT reference, state FROM payment_transaction WHERE continuity_payment_id = %s ORDER BY id", payment
        )
        return state, attempts, is_parked, transactions

    def read(self, sql, *params, database=None):
        """Return what a query gives that is about the customers of this test."""
        return self.query(sql, self.customers, *params, database=database)

    def assertCharged(self, *payments):
        """These and no others were charged, at the first attempt, for all that they come to."""
        amounts = dict(self.read(AMOUNTS))
        self.assertEqual(self.get_charged(), {payment: (f'CP-{payment}-1', amounts[payment]) for payment in payments})

    def assertPaid(self, *payments):
        self.assertEqual(
            [self.get_payment(payment) for payment in payments],
            [('paid', 1, False, [(f'CP-{payment}-1', 'done')]) for payment in payments],
        )

    def assertBooksAgree(self, unknown=()):
        """Line by line, the books show what the provider charged and nothing else; ``unknown``: of what Odoo has not
        heard. What waits for its payment is held, and only that."""
        charged = self.get_charged()
        for payment in unknown:
            self.assertEqual(charged.pop(payment, ('', ''))[0], f'CP-{payment}-1')
        booked = self.read(BOOKS)
        entries = {payment: [list(charged[payment])] if payment in charged else [] for payment, *_rest in booked}
        self.assertLessEqual(set(charged), set(entries))
        self.assertEqual(
            booked,
            [
                (payment, done[0][1] if done else amount, bool(done), '0.00' if done else amount, done, done, done)
                for (payment, amount, *_rest), done in zip(booked, entries.values(), strict=True)
            ],
        )
        count = "SELECT count(*) FROM account_payment WHERE partner_id = ANY(%s)"
        self.assertEqual(self.read(count), [(len(charged),)])
        self.assertEqual(self.read(WRONG_INVOICES), [])
        self.assertHeldWhereUnpaid()

    def assertHeldWhereUnpaid(self):
        """A shipment charged at creation is held until it is paid, one of a schedule while an instalment is declined;
        goods are reserved for what is not held only."""
        holds = self.read(HOLDS)
        self.assertEqual(len(holds), len(self.customers))
        self.assertEqual(
            [(name, is_held, moves) for name, is_held, _must, moves in holds],
            [(name, must, ['confirmed' if must else 'assigned']) for name, _is_held, must, _moves in holds],
        )

    def assertNobodyIsParked(self):
        self.assertEqual(
            self.read("SELECT id, park_reason FROM continuity_payment WHERE partner_id = ANY(%s) AND is_parked"), []
        )

    def assertAllCharged(self, payments):
        """These were charged once, and nothing else."""
        self.assertCharged(*payments)
        self.assertPaid(*payments)
        self.assertBooksAgree()
        self.assertNobodyIsParked()
        self.assertRunsAddUp()


AMOUNTS = "SELECT id, amount::numeric(12, 2)::text FROM continuity_payment WHERE partner_id = ANY(%s)"


#: For each instalment: whether it is paid, what is open on its receivable line, or would be, and by reference what the
#: transactions, the entries and the settlement are.
BOOKS = """
    SELECT payment.id, payment.amount::numeric(12, 2)::text, payment.state = 'paid',
           COALESCE(line.amount_residual_currency, payment.amount)::numeric(12, 2)::text,
           COALESCE((
               SELECT json_agg(json_build_array(tx.reference, tx.amount::numeric(12, 2)::text) ORDER BY tx.id)
                 FROM payment_transaction tx
                WHERE tx.continuity_payment_id = payment.id AND tx.state = 'done' AND tx.is_post_processed
           ), '[]'),
           COALESCE((
               SELECT json_agg(json_build_array(tx.reference, entry.amount::numeric(12, 2)::text) ORDER BY entry.id)
                 FROM payment_transaction tx
                 JOIN account_payment entry ON entry.payment_transaction_id = tx.id
                WHERE tx.continuity_payment_id = payment.id AND entry.state IN ('in_process', 'paid')
           ), '[]'),
           COALESCE((
               SELECT json_agg(
                          json_build_array(tx.reference, partial.debit_amount_currency::numeric(12, 2)::text)
                          ORDER BY partial.id
                      )
                 FROM account_partial_reconcile partial
                 JOIN account_move_line credit ON credit.id = partial.credit_move_id AND credit.parent_state = 'posted'
            LEFT JOIN account_move move ON move.id = credit.move_id
            LEFT JOIN account_payment entry ON entry.id = move.origin_payment_id
            LEFT JOIN payment_transaction tx ON tx.id = entry.payment_transaction_id
                WHERE partial.debit_move_id = line.id
           ), '[]')
      FROM continuity_payment payment
 LEFT JOIN account_move_line line ON line.continuity_payment_id = payment.id AND line.parent_state = 'posted'
     WHERE payment.partner_id = ANY(%s)
  ORDER BY payment.id
"""


#: Orders billed twice, and invoices whose rest is not that of their instalments.
WRONG_INVOICES = """
    SELECT invoice.name, invoice.amount_total, invoice.amount_residual
      FROM account_move invoice
 LEFT JOIN account_move_line line ON line.move_id = invoice.id AND line.display_type = 'payment_term'
 LEFT JOIN continuity_payment payment ON payment.id = line.continuity_payment_id AND payment.invoice_id = invoice.id
     WHERE invoice.move_type = 'out_invoice' AND invoice.partner_id = ANY(%s)
  GROUP BY invoice.id
    HAVING invoice.state <> 'posted'
        OR invoice.amount_total <> SUM(payment.amount)
        OR invoice.amount_residual <> SUM(CASE WHEN payment.state = 'paid' THEN 0 ELSE payment.amount END)
        OR count(*) <> count(payment.id)
"""


HOLDS = """
    SELECT child.name, COALESCE(child.continuity_payment_hold, FALSE),
           CASE WHEN subscription.bill_upfront
                THEN EXISTS (
                    SELECT 1 FROM continuity_payment payment
                     WHERE payment.subscription_id = subscription.id AND payment.state = 'declined'
                )
                ELSE EXISTS (
                    SELECT 1 FROM continuity_payment payment
                     WHERE payment.order_id = child.id AND payment.state <> 'paid'
                )
           END,
           ARRAY(
               SELECT DISTINCT move.state FROM stock_move move
                 JOIN sale_order_line line ON line.id = move.sale_line_id
                WHERE line.order_id = child.id
           )
      FROM sale_order child
      JOIN continuity_line planned ON planned.child_order_id = child.id
      JOIN continuity_subscription subscription ON subscription.id = planned.subscription_id
     WHERE child.partner_id = ANY(%s)
  ORDER BY child.id
"""
