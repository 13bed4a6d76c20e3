"""A card is charged at most once, and the books agree with the provider, whatever dies, hangs or comes twice."""

import functools
import json
import random
import socket
import struct
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from .common import NAME, ProcessCase, Server, get_table_counts, wait_for
from .ledger import CHARGED, DUP, PENDING, REFUSED, Ledger

pytestmark = pytest.mark.slow


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


class TestKilled(ChargeCase):
    def test_nothing_is_charged_beforehand(self):
        """What the others start from: nothing billed, and what waits for its payment is held."""
        one, two, plan, double = self.sell(2, 2)
        self.assertEqual(
            dict(self.read(AMOUNTS)),
            {
                one: '22.00',
                two: '44.00',
                **dict(zip(plan, ('20.79', '34.65', '13.86'), strict=True)),
                **dict(zip(double, ('41.58', '69.30', '27.72'), strict=True)),
            },
        )
        self.assertEqual(self.get_charged(), {})
        self.assertBooksAgree()
        self.assertEqual([is_held for _name, is_held, *_rest in self.read(HOLDS)], [True, True, False, False])

    def test_before_the_provider_is_called(self):
        (payment,) = self.sell(1)

        self.die_at('before', [payment])
        self.assertEqual(self.get_payment(payment), ('processing', 1, False, [(f'CP-{payment}-1', 'draft')]))
        self.assertEqual(self.get_requests(), [])
        self.assertBooksAgree()
        run = self.charge([payment])
        self.assertEqual((run['done'], run['skipped']), (0, 1))
        self.assertEqual(self.get_issues(run), [('locked', payment, 1)])
        self.age()

        self.assertEqual(self.charge([payment])['done'], 1)

        self.assertEqual(self.get_requests(), [(CHARGED, f'CP-{payment}-1')])
        self.assertCharged(payment)
        self.assertPaid(payment)
        self.assertBooksAgree()
        self.assertEqual(self.charge([payment])['selected'], 0)

    def test_after_the_provider_has_charged(self):
        (payment,) = self.sell(1)

        self.die_at('after', [payment])
        self.assertEqual(self.get_payment(payment), ('processing', 1, False, [(f'CP-{payment}-1', 'draft')]))
        self.assertBooksAgree(unknown=[payment])
        self.age()
        self.assertEqual(self.charge([payment])['done'], 1)

        self.assertEqual(self.get_requests(), [(CHARGED, f'CP-{payment}-1'), (DUP, f'CP-{payment}-1')])
        self.assertCharged(payment)
        self.assertPaid(payment)
        self.assertBooksAgree()

    def test_after_the_provider_has_charged_again_and_again(self):
        (payment,) = self.sell(1)

        for _time in range(3):
            self.die_at('after', [payment])
            self.age()
        self.charge([payment])

        self.assertEqual([verdict for verdict, _reference in self.get_requests()], [CHARGED, DUP, DUP, DUP])
        self.assertCharged(payment)
        self.assertPaid(payment)
        self.assertBooksAgree()

    def test_after_the_outcome_is_written_down(self):
        payment, other = self.sell(2)

        self.die_at('committed', [payment])
        self.assertEqual(self.get_payment(payment), ('processing', 1, False, [(f'CP-{payment}-1', 'done')]))
        self.assertBooksAgree(unknown=[payment])
        self.assertEqual(self.charge([payment, other])['done'], 2)

        self.assertEqual(self.get_requests(payment), [(CHARGED, f'CP-{payment}-1')])
        self.assertCharged(payment, other)
        self.assertPaid(payment, other)
        self.assertBooksAgree()

    def test_after_a_refusal_is_written_down(self):
        """What follows a decline is not lost: the goods are held, the next attempt waits for its day."""
        single, (instalment, *_rest) = self.sell(1, 1)
        for payment in (single, instalment):
            refusal = {'answers': {payment: REFUSED}}
            self.die_at('committed', [payment], **refusal)
            self.assertEqual(self.get_payment(payment), ('declined', 1, False, [(f'CP-{payment}-1', 'error')]))

            self.charge([payment], **refusal)

            self.assertEqual(self.get_requests(payment), [(REFUSED, f'CP-{payment}-1')])
            self.assertEqual(self.get_payment(payment), ('declined', 1, False, [(f'CP-{payment}-1', 'error')]))
            self.assertDeclineIsTold(payment)
        self.assertBooksAgree()

    def assertDeclineIsTold(self, payment):
        """The next attempt is in three days; one activity and one mail tell of it."""
        told = """
            SELECT next_attempt_date - CURRENT_DATE,
                   (SELECT count(*) FROM mail_activity
                     WHERE res_model = 'continuity.payment' AND res_id = payment.id AND continuity_job = 'declined'),
                   (SELECT count(*) FROM mail_mail mail JOIN mail_message message ON message.id = mail.mail_message_id
                     WHERE message.model = 'continuity.payment' AND message.res_id = payment.id)
              FROM continuity_payment payment WHERE id = %s
        """
        self.assertEqual(self.query(told, payment), [(3, 1, 1)])

    def test_each_of_two_in_a_row_waits_for_a_human(self):
        """That the first one needs a look lasts before the second one rolls back."""
        self.use_provider_without_dedup()
        first, second, third = self.sell(3)
        for payment in (first, second):
            self.die_at('after', [payment])
        self.age()

        run = self.charge([first, second, third])

        self.assertEqual((run['done'], run['failed']), (1, 2))
        unknown = [('processing', 1, True, [(f'CP-{payment}-1', 'draft')]) for payment in (first, second)]
        self.assertEqual([self.get_payment(payment) for payment in (first, second)], unknown)
        told = "SELECT array_agg(res_id ORDER BY res_id) FROM mail_activity WHERE continuity_job = 'process_payments'"
        self.assertEqual(
            self.query(f"{told} AND res_model = 'continuity.payment' AND res_id = ANY(%s)", [first, second]),
            [([first, second],)],
        )
        self.assertEqual(self.charge([first, second])['selected'], 0)
        self.assertBooksAgree(unknown=[first, second])

    def test_a_provider_that_does_not_dedup_is_not_called_again(self):
        self.use_provider_without_dedup()
        payment, other = self.sell(2)

        self.die_at('after', [payment])
        self.age()
        run = self.charge([payment, other])

        self.assertEqual((run['done'], run['failed']), (1, 1))
        self.assertEqual(self.get_requests(payment), [(CHARGED, f'CP-{payment}-1')])
        self.assertEqual(self.get_payment(payment), ('processing', 1, True, [(f'CP-{payment}-1', 'draft')]))
        self.assertBooksAgree(unknown=[payment])
        self.assertEqual(self.charge([payment])['selected'], 0)

        self.run_task('charge_tasks.retry', ids=[payment])
        run = self.charge([payment])
        self.assertEqual((run['selected'], run['failed']), (1, 1))
        self.assertCharged(payment, other)

        self.notify(payment, 'done')
        self.assertCharged(payment, other)
        self.assertEqual(self.get_payment(payment)[0], 'paid')
        self.assertBooksAgree()

    def test_a_run_that_does_not_commit_takes_up_no_real_card(self):
        (payment,) = self.sell(1)
        self.die_at('before', [payment])
        self.age()
        change = "UPDATE payment_provider SET state = %s WHERE code = 'demo'"
        self.query(change, 'enabled')
        self.addCleanup(self.query, change, 'test')

        run = self.charge([payment], commit=False)

        self.assertEqual(self.get_requests(), [])
        self.assertEqual((run['selected'], run['skipped']), (1, 1))


class TestAtOnce(ChargeCase):
    def test_two_processes_charge_the_same(self):
        """By turns they skip what the other has; a third run finds at most what both let go."""
        one, two, (first, second, later) = self.sell(2, 1)
        payments = [one, two, first, second, later]

        runs = self.race(payments, payments)

        # One that starts late finds all of them held: it has done nothing then, and nothing wrong.
        self.assertTrue(any(run['done'] for run in runs), runs)
        self.assertEqual({verdict for verdict, _reference in self.get_requests()}, {CHARGED})
        self.age()
        self.charge(payments)
        self.assertAllCharged([one, two, first, second])
        self.assertEqual(self.charge(payments)['selected'], 0)

    def test_two_processes_without_dedup(self):
        """Nobody may ever ask twice there, and getting into each other's way is no reason to call a human."""
        self.use_provider_without_dedup()
        one, (first, second, later), (third, fourth, _later) = self.sell(1, 2)
        payments = [one, first, second, later, third, fourth]

        self.race(payments, payments)

        self.charge(payments)
        self.assertAllCharged([one, first, second, third, fourth])

    def test_two_instalments_of_one_invoice(self):
        """Both are at the provider at the same time, and enter it in the same invoice."""
        self.use_provider_without_dedup()
        plans = self.sell(0, 3)
        for plan, moment in zip(plans, ('before', 'after', 'committed'), strict=True):
            first, second, _later = plan
            meeting = self.server.folder / f'meeting-{self.id()}-{moment}'
            meeting.mkdir()

            runs = self.race([first], [second], moments={moment: 'meet'}, pause=str(meeting))

            self.assertEqual(len(list(meeting.iterdir())), 2)
            self.assertEqual([(run['done'], run['skipped']) for run in runs], [(1, 0), (1, 0)])
            self.assertPaid(first, second)
        self.assertCharged(*(payment for plan in plans for payment in plan[:2]))
        invoices = "SELECT count(*) FROM account_move WHERE move_type = 'out_invoice' AND partner_id = ANY(%s)"
        self.assertEqual(self.read(invoices), [(3,)])
        self.assertBooksAgree()
        self.assertNobodyIsParked()

    def test_a_second_process_during_a_slow_call(self):
        (payment,) = self.sell(1)
        for moment, asked in (('before', []), ('after', [CHARGED])):
            with self.charge_waiting(moment, [payment]) as process:
                self.age()
                run = self.charge([payment])
                self.assertEqual((run['done'], self.get_issues(run)), (0, [('locked', payment, 1)]))
                process.kill()
                self.assertEqual(process.wait(), -9)
            self.wait_for_backends()
            self.assertEqual([verdict for verdict, _reference in self.get_requests()], asked)
            self.assertEqual(self.get_payment(payment), ('processing', 1, False, [(f'CP-{payment}-1', 'draft')]))

        self.assertEqual(self.charge([payment])['done'], 1)

        self.assertEqual(self.get_requests(), [(CHARGED, f'CP-{payment}-1'), (DUP, f'CP-{payment}-1')])
        self.assertCharged(payment)
        self.assertPaid(payment)
        self.assertBooksAgree()

    def test_odoos_own_scheduled_action_keeps_the_books_at_the_same_time(self):
        one, two, three, (first, second, _later) = self.sell(3, 1)
        payments = [one, two, three, first, second]
        for payment in payments:
            self.die_at('committed', [payment])
        moment = time.time() + 0.3
        other = self.start('charge_tasks.post_process', payments=payments, start_at=moment)
        process = self.start_charge(payments, start_at=moment)
        other.finish()
        process.finish()
        self.assertEqual(process.troubles, [])
        self.charge(payments)

        self.assertEqual(self.get_requests(), [(CHARGED, f'CP-{payment}-1') for payment in payments])
        self.assertPaid(*payments)
        self.assertBooksAgree()


#: What does not depend on how often it was begun.
STATE = (
    """
    SELECT id, state, amount, attempt_count, next_attempt_date, on_hold, is_given_up, is_parked, notified_date
      FROM continuity_payment ORDER BY id
    """,
    """
    SELECT reference, state, amount, is_post_processed, continuity_is_unknown, state_message, provider_reference
      FROM payment_transaction ORDER BY reference
    """,
    """
    SELECT line.continuity_payment_id, line.debit, line.amount_residual, line.reconciled, line.date_maturity, line.name,
           move.state, move.date, move.payment_state, move.amount_total, move.amount_residual
      FROM account_move_line line JOIN account_move move ON move.id = line.move_id
     WHERE line.continuity_payment_id IS NOT NULL ORDER BY 1
    """,
    """
    SELECT account.code_store, move.move_type, line.date, count(*), SUM(line.debit), SUM(line.credit)
      FROM account_move_line line
      JOIN account_move move ON move.id = line.move_id
      JOIN account_account account ON account.id = line.account_id
  GROUP BY account.id, move.move_type, line.date ORDER BY account.id, move.move_type, line.date
    """,
)


class TestThirtyKills(ChargeCase):
    """Two databases of its own, each with six single instalments and three plans."""

    copy = ProcessCase.copy

    def test_thirty_kills(self):
        """At any statement and around any commit; in the end the books are those of a twin that nobody disturbed."""
        self.customers = self.seeded['customers']
        due = sorted([*self.seeded['single'], *(payment for plan in self.seeded['schedule'] for payment in plan[:2])])
        twin = self.copy()
        twin_ledger = self.open_ledger(twin)
        whole = self.charge(database=twin, run='cron_run', ledger=str(twin_ledger.path))
        start, billed, *charged = whole['commits'][:5]
        # All bills are made first; a run that finds them made comes to the charges so much earlier.
        first = [start, *(start + commit - billed for commit in charged), billed]
        draw = random.Random(20270101)
        places = [{'die_at': commit + offset} for commit in first for offset in (-1, 0, 1)]
        places += [{'die_at': draw.randint(first[0], first[-1])} for _number in range(10)]
        places += [{'moments': {'after': 'die'}} for _number in range(4)]
        draw.shuffle(places)

        killed = 0
        for place in places:
            process = self.start_charge(run='cron_run', **place)
            killed += process.wait() == -9
            self.assertEqual(process.troubles, [])
            self.wait_for_backends()
            self.get_charged()
            self.age()
        still_open = "SELECT count(*) FROM continuity_payment WHERE id = ANY(%s) AND state <> 'paid'"
        left = self.get_value(still_open, due)
        self.charge(run='cron_run')

        self.assertGreaterEqual(killed, 25, f"only {left} were left in the end")
        self.assertAllCharged(due)
        self.assertIn(DUP, [verdict for verdict, _reference in self.get_requests()])
        self.assertEqual(self.get_charged(), self.get_charged(twin_ledger))
        for sql in (BOOKS, HOLDS):
            self.assertEqual(self.read(sql), self.read(sql, database=twin), sql)
        for sql in STATE:
            self.assertEqual(self.query(sql), self.query(sql, database=twin), sql)
        self.assertEqual(get_table_counts(self.database), get_table_counts(twin))


class TestNotified(ChargeCase):
    def test_done_while_the_run_is_at_the_provider(self):
        """The provider tells it by two ways at once, whatever it answers the run."""
        payments = self.sell(3)
        for payment, answer in zip(payments, (CHARGED, PENDING, REFUSED), strict=True):
            with self.charge_waiting('after', [payment], answers={payment: answer}) as process:
                if answer != CHARGED:
                    self.write_ledger(payment, CHARGED)
                self.notify(payment, 'done')
                self.assertPaid(payment)
            process.finish()
            self.assertEqual(process.troubles, [])
            self.assertPaid(payment)
        self.charge(payments)
        self.assertCharged(*payments)
        self.assertBooksAgree()

    def test_pending_is_done_later(self):
        single, (_first, instalment, _later) = self.sell(1, 1)
        for payment in (single, instalment):
            self.charge([payment], answers={payment: PENDING})
            self.age()
            run = self.charge([payment])
            self.assertEqual(self.get_issues(run), [('pending', payment, 1)])
            self.assertEqual(self.get_payment(payment), ('processing', 1, False, [(f'CP-{payment}-1', 'pending')]))
            self.write_ledger(payment, CHARGED)
            self.assertBooksAgree(unknown=[payment])

            self.notify(payment, 'done')

            self.assertPaid(payment)
            self.assertBooksAgree()
            self.assertEqual(self.charge([payment])['selected'], 0)
            self.assertEqual(self.get_requests(payment), [(PENDING, f'CP-{payment}-1'), (CHARGED, f'CP-{payment}-1')])

    def test_pending_is_refused_later(self):
        """As any decline: what hangs on it is held at once, and the next attempt waits for its day."""
        single, (_first, instalment, _later) = self.sell(1, 1)
        for payment in (single, instalment):
            self.charge([payment], answers={payment: PENDING})
            self.write_ledger(payment, REFUSED)

            self.notify(payment, 'error')

            self.assertEqual(self.get_payment(payment), ('declined', 1, False, [(f'CP-{payment}-1', 'error')]))
            self.assertBooksAgree()
            self.assertEqual(self.charge([payment])['done'], 0)
            self.assertEqual(self.get_requests(payment)[1:], [(REFUSED, f'CP-{payment}-1')])
        self.assertEqual(self.get_charged(), {})

    def leave_unknown(self, payment):
        """Let the run die when the provider, which does not dedup, has charged; a human is asked."""
        self.use_provider_without_dedup()
        self.die_at('after', [payment])
        self.age()
        self.assertEqual(self.charge([payment])['failed'], 1)

    def test_done_after_a_human_gave_it_up(self):
        """As cancelled or as an error: when the success is heard of after all, nobody asks for the money again."""
        for payment, event in zip(self.sell(2), ('error', 'cancel'), strict=True):
            with self.subTest(event=event):
                self.leave_unknown(payment)
                self.notify(payment, event)
                state = {'error': 'error', 'cancel': 'cancel'}[event]
                self.assertEqual(self.get_payment(payment)[::3], ('declined', [(f'CP-{payment}-1', state)]))
                self.assertHeldWhereUnpaid()

                late = self.start('charge_tasks.notify', reference=f'CP-{payment}-1', event='done')
                late.finish()
                self.run_task('charge_tasks.retry', ids=[payment])
                self.charge([payment])

                self.assertEqual(self.get_requests(payment), [(CHARGED, f'CP-{payment}-1')])
                self.assertEqual(late.troubles, [])
                self.assertPaid(payment)
        self.assertBooksAgree()

    def test_done_after_the_next_attempt(self):
        """The money of both is in the books, that which is too much on the customer's account, not on an instalment
        that nobody has paid."""
        ((first, second, third),) = self.sell(0, 1)
        self.charge([first], answers={first: REFUSED})
        self.query("UPDATE continuity_payment SET next_attempt_date = CURRENT_DATE")
        self.charge([first])
        self.assertEqual(self.get_requests(), [(REFUSED, f'CP-{first}-1'), (CHARGED, f'CP-{first}-2')])

        self.notify(first, 'done')
        self.charge([first, second, third])

        self.assertEqual(self.get_requests(first), [(REFUSED, f'CP-{first}-1'), (CHARGED, f'CP-{first}-2')])
        entries = """
            SELECT tx.reference, entry.amount::numeric(12, 2)::text, line.amount_residual::numeric(12, 2)::text
              FROM account_payment entry
              JOIN payment_transaction tx ON tx.id = entry.payment_transaction_id
              JOIN account_move_line line ON line.move_id = entry.move_id AND line.credit > 0
             WHERE entry.partner_id = ANY(%s)
          ORDER BY tx.id
        """
        self.assertEqual(
            self.read(entries),
            [
                (f'CP-{first}-1', '20.79', '-20.79'),
                (f'CP-{first}-2', '20.79', '0.00'),
                (f'CP-{second}-1', '34.65', '0.00'),
            ],
        )
        states = [self.get_payment(payment)[0] for payment in (first, second, third)]
        self.assertEqual(states, ['paid', 'paid', 'scheduled'])

    def test_done_while_the_next_attempt_is_open(self):
        """The next attempt was written down and did not come to the provider: it is not sent any more, even before
        Odoo's scheduled action has entered the money of the first."""
        (payment,) = self.sell(1)
        self.charge([payment], answers={payment: REFUSED})
        self.query("UPDATE continuity_payment SET next_attempt_date = CURRENT_DATE WHERE id = %s", payment)
        self.die_at('before', [payment])
        self.age()
        self.write_ledger(payment, CHARGED)

        self.notify(payment, 'done', is_processed=False)
        self.charge([payment])

        self.assertEqual(self.get_requests(), [(REFUSED, f'CP-{payment}-1'), (CHARGED, f'CP-{payment}-1')])
        self.assertEqual(self.get_payment(payment)[0], 'paid')
        self.assertBooksAgree()


class WebProvider(ThreadingHTTPServer):
    """Charges as its ledger says, and then answers as it likes: by payment, one after the other."""

    daemon_threads = True

    def __init__(self, ledger):
        super().__init__(('127.0.0.1', 0), WebProviderHandler)
        self.ledger = ledger
        self.manners = {}
        self.ended = threading.Event()
        self.url = f'http://127.0.0.1:{self.server_port}'
        threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.05}, daemon=True).start()

    def close(self):
        self.ended.set()
        self.shutdown()
        self.server_close()


class WebProviderHandler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        manners = self.server.manners.get(int(asked['reference'].split('-')[1]))
        manner = manners.pop(0) if manners else 'polite'
        getattr(self, f'be_{manner}')(asked)

    def decide(self, asked, verdict=CHARGED):
        return self.server.ledger.ask(asked['reference'], asked['amount'], asked['key'], verdict)

    def answer(self, status, body, length=None):
        body = body.encode()
        self.send_response(status)
        self.send_header('Content-Length', str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def be_polite(self, asked):
        self.answer(200, json.dumps({'verdict': self.decide(asked)}))

    def be_silent(self, asked):
        """Charge and do not answer."""
        self.decide(asked)
        self.server.ended.wait(20)

    def be_gone(self, asked):
        """Charge and reset the connection."""
        self.decide(asked)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.connection.close()

    def be_broken(self, asked):
        """Charge and fail at one's own end."""
        self.decide(asked)
        self.answer(503, "upstream timed out")

    def be_cut(self, asked):
        """Charge and lose the connection in the middle of the answer."""
        self.answer(200, json.dumps({'verdict': self.decide(asked)})[:8], length=100)

    def be_busy(self, _asked):
        """Be at work on an earlier request under this key, of which the outcome is not known yet."""
        self.answer(409, "another request with this key is in progress")

    def be_strict(self, asked):
        self.decide(asked, REFUSED)
        self.answer(402, "insufficient funds")

    def log_message(self, *_args):
        pass


class TestNoAnswer(ChargeCase):
    """The provider is on the net, and what is between it and us fails."""

    def setUp(self):
        super().setUp()
        self.provider = WebProvider(self.ledger)
        self.addCleanup(self.provider.close)
        self.options['url'] = self.provider.url

    def charge_in_trouble(self, payments):
        """Run the job; the log may tell of what the provider did."""
        run = self.start_charge(payments).finish()
        self.assertAddsUp(run)
        return run

    def assertUnknown(self, *payments):
        for payment in payments:
            self.assertEqual(
                self.get_payment(payment)[::3], ('processing', [(f'CP-{payment}-1', 'draft')]), f"payment {payment}"
            )

    def test_no_answer_is_no_decline(self):
        silent, gone, broken, fine = payments = self.sell(4)
        self.provider.manners = {silent: ['silent'], gone: ['gone'], broken: ['broken']}

        self.charge_in_trouble(payments)

        self.assertUnknown(silent, gone, broken)
        self.assertPaid(fine)
        self.assertCharged(*payments)
        self.assertBooksAgree(unknown=[silent, gone, broken])
        self.assertNobodyIsParked()
        self.age()
        self.assertEqual(self.charge(payments)['done'], 3)

        for payment in (silent, gone, broken):
            self.assertEqual(self.get_requests(payment), [(CHARGED, f'CP-{payment}-1'), (DUP, f'CP-{payment}-1')])
        self.assertCharged(*payments)
        self.assertPaid(*payments)
        self.assertBooksAgree()

    def test_no_answer_again_and_again(self):
        ((payment, *_rest),) = self.sell(0, 1)
        self.provider.manners = {payment: ['broken', 'gone', 'silent']}

        for _time in range(4):
            self.charge_in_trouble([payment])
            self.age()

        self.assertEqual([verdict for verdict, _reference in self.get_requests()], [CHARGED, DUP, DUP, DUP])
        self.assertCharged(payment)
        self.assertPaid(payment)
        self.assertBooksAgree()

    def test_nobody_there(self):
        """The request never came to the provider, which Odoo cannot know."""
        (payment,) = self.sell(1)
        with socket.socket() as listener:
            listener.bind(('127.0.0.1', 0))
            nowhere = f'http://127.0.0.1:{listener.getsockname()[1]}'
            self.start_charge([payment], url=nowhere).finish()
        self.assertUnknown(payment)
        self.assertEqual(self.get_requests(), [])
        self.assertBooksAgree()
        self.age()

        self.charge([payment])

        self.assertEqual(self.get_requests(), [(CHARGED, f'CP-{payment}-1')])
        self.assertPaid(payment)
        self.assertBooksAgree()

    def test_an_answer_cut_in_the_middle(self):
        payment, other = self.sell(2)
        self.provider.manners = {payment: ['cut']}
        self.charge_in_trouble([payment, other])
        self.assertUnknown(payment)
        self.assertPaid(other)
        self.assertBooksAgree(unknown=[payment])
        self.age()

        self.charge([payment])

        self.assertEqual(self.get_requests(payment), [(CHARGED, f'CP-{payment}-1'), (DUP, f'CP-{payment}-1')])
        self.assertPaid(payment)
        self.assertBooksAgree()

    def test_the_first_request_is_still_in_progress(self):
        """A provider that dedups answers 409 as long as it works on the first: no decline, and no new reference."""
        (payment,) = self.sell(1)
        self.provider.manners = {payment: ['silent', 'busy']}
        self.charge_in_trouble([payment])
        self.age()

        self.charge_in_trouble([payment])
        self.assertUnknown(payment)
        self.age()
        self.charge([payment])

        self.assertEqual(self.get_requests(), [(CHARGED, f'CP-{payment}-1'), (DUP, f'CP-{payment}-1')])
        self.assertPaid(payment)
        self.assertBooksAgree()

    def test_without_dedup_nobody_asks_again(self):
        self.use_provider_without_dedup()
        self.provider.ledger = self.ledger
        (payment,) = self.sell(1)
        self.provider.manners = {payment: ['silent']}
        self.charge_in_trouble([payment])
        self.assertUnknown(payment)
        self.age()

        self.assertEqual(self.charge([payment])['failed'], 1)

        self.assertEqual(self.get_payment(payment), ('processing', 1, True, [(f'CP-{payment}-1', 'draft')]))
        self.assertEqual(self.get_requests(), [(CHARGED, f'CP-{payment}-1')])
        self.assertBooksAgree(unknown=[payment])

    def test_refused_after_no_answer(self):
        """What a notification says later counts, also when it is no."""
        self.use_provider_without_dedup()
        self.provider.ledger = self.ledger
        (payment,) = self.sell(1)
        self.provider.manners = {payment: ['silent']}
        self.charge_in_trouble([payment])

        self.notify(payment, 'error')

        self.assertEqual(self.get_payment(payment), ('declined', 1, False, [(f'CP-{payment}-1', 'error')]))
        self.assertHeldWhereUnpaid()

    def test_no_is_a_decline(self):
        """An HTTP 4xx, and a complaint of the provider's own code."""
        strict, fine, (complained, *_rest) = self.sell(2, 1)
        self.provider.manners = {strict: ['strict']}
        self.charge_in_trouble([strict, fine])
        self.charge([complained], url=None, answers={complained: 'INVALID'})

        for payment in (strict, complained):
            self.assertEqual(self.get_payment(payment), ('declined', 1, False, [(f'CP-{payment}-1', 'error')]))
        self.assertEqual(self.get_requests(strict), [(REFUSED, f'CP-{strict}-1')])
        self.assertPaid(fine)
        self.assertCharged(fine)
        self.assertBooksAgree()
