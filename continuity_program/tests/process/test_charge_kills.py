"""A card is charged at most once, and the books agree with the provider, whatever dies, hangs or comes twice."""

import random
import time

import pytest

from .common import ProcessCase, get_table_counts
from .common_charges import AMOUNTS, BOOKS, HOLDS, ChargeCase
from .ledger import CHARGED, DUP, REFUSED

pytestmark = pytest.mark.soak


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
