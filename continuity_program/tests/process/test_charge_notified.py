"""A card is charged at most once, and the books agree with the provider, who tells of it by himself, or not at all."""

import json
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from .common_charges import ChargeCase
from .ledger import CHARGED, DUP, PENDING, REFUSED

pytestmark = pytest.mark.soak


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
