from itertools import product

from odoo.fields import Command
from odoo.tests import tagged

from odoo.addons.continuity_program.models.job.job import JobBatch

from .common import day
from .common_gate import UNPAID, GateCase, Undone

METHODS = ('token', 'on_account')


MOMENTS = ('delivery', 'creation')


SCHEDULES = ('none', 'program', 'event')


STATES = ('scheduled', 'billed', 'processing', 'paid', 'declined', 'cancelled', 'on hold')


#: When the payment is due, seen from the day of the test, and that day itself: the payment is due on 20 January.
DUES = {'yesterday': day('2027-01-21'), 'today': day('2027-01-20'), 'tomorrow': day('2027-01-19')}


DUE_DATE = DUES['today']


FAILING = "instalment 1 of 01/20/2027 is {}."


def expect_hold(method, bill_upfront, schedule, moment, state, due):
    """Return why the child order is held, or nothing: the table of the design, section 6, row by row.

    A schedule of an event is that of the child's bill; a plan billed in advance has the program's or none. A payment
    that is cancelled asks for nothing.
    """
    has_schedule = schedule == 'program' or (schedule == 'event' and not bill_upfront)
    if has_schedule:
        if method == 'on_account' or due == 'tomorrow' or state not in ('declined', 'on hold'):
            return False
        return FAILING.format(state)
    if bill_upfront or method == 'on_account' or moment == 'delivery' or state in ('paid', 'cancelled'):
        return False
    return UNPAID


@tagged('post_install', '-at_install')
class TestGateTable(GateCase):
    """Every row of the table of the design, section 6: "may the child be delivered?"."""

    def test_every_row(self):
        rows = set()
        for method, bill_upfront, schedule in product(METHODS, (True, False), SCHEDULES):
            # Only a shipment without a schedule is planned by the moment of charging; the others must not mind it.
            sold_at = MOMENTS if not bill_upfront and schedule == 'none' else ('creation',)
            for moment in sold_at:
                with Undone(self.env):
                    payment, child = self._sell_row(method, bill_upfront, schedule, moment)
                    moments = (moment,) if len(sold_at) > 1 else MOMENTS
                    rows |= self._check_states(payment, child, (method, bill_upfront, schedule), moments)
        self.assertEqual(len(rows), 2 * 2 * 3 * 2 * 7 * 3)

    def _check_states(self, payment, child, sold, moments):
        """Check what was sold in every state, under the moments and on the days, and return the rows of the table."""
        rows = set()
        for state in STATES:
            with Undone(self.env):
                self._reach(payment, state)
                for moment, (due, on) in product(moments, DUES.items()):
                    row = (*sold, moment, state, due)
                    rows.add(row)
                    self.company.continuity_charge_moment = moment
                    with self.subTest(row=row):
                        self._check_row(payment, child, on, expect_hold(*row))
        return rows

    def test_the_table_holds_what_it_says_and_nothing_more(self):
        held = [row for row in product(METHODS, (True, False), SCHEDULES, MOMENTS, STATES, DUES) if expect_hold(*row)]
        by_schedule = [row for row in held if expect_hold(*row) != UNPAID]
        # Card, three kinds of schedule that count, both moments, two states, two days; five open states at creation.
        self.assertEqual((len(by_schedule), len(held) - len(by_schedule)), (3 * 2 * 2 * 2, 5 * 3))

    def _sell_row(self, method, bill_upfront, schedule, moment):
        """Return the first payment, due on 20 January if it has a date, and the child order that waits for it."""
        self.company.continuity_charge_moment = moment
        has_schedule = schedule == 'program' or (schedule == 'event' and not bill_upfront)
        event = {'payment_term_id': self.term.id} if schedule == 'event' else {}
        program = self._create_program(
            [event, event],
            bill_upfront=bill_upfront,
            payment_term_id=self.term.id if schedule == 'program' else False,
            allowed_methods=method,
        )
        # A schedule counts from the sale; what is due at once is sold on the day it is due.
        on = self.today if has_schedule else DUE_DATE
        subscription = self._sell(program, on=on)
        self.assertEqual(subscription.payment_method, method)
        self._run_job('create_orders', on)
        payments = subscription.payment_ids
        child = subscription.child_order_ids
        self.assertEqual(payments.order_id, subscription.order_id if bill_upfront else child)
        is_due_on_delivery = not bill_upfront and not has_schedule and (method == 'on_account' or moment == 'delivery')
        self.assertEqual(payments[0].due_date, False if is_due_on_delivery else DUE_DATE)
        self.assertEqual(len(payments), 2 if has_schedule else 1)
        return payments[0], child

    def _reach(self, payment, state):
        """Bring a payment into a state, by the means it comes about."""
        getattr(self, f'_reach_{state.replace(" ", "_")}')(payment)
        # An instalment charged to a card stays scheduled while its invoice is open; one on hold keeps its state.
        stays_scheduled = state == 'on hold' or (state == 'billed' and payment.method == 'token')
        self.assertEqual(payment.state, 'scheduled' if stays_scheduled else state)
        self.assertEqual(payment.on_hold, state == 'on hold')
        self.assertEqual(bool(payment.move_line_id), state not in ('scheduled', 'cancelled', 'on hold'))

    def _reach_scheduled(self, payment):
        pass

    def _reach_billed(self, payment):
        self._bill_by_hand(payment)

    def _reach_cancelled(self, payment):
        payment.is_cancelled = True

    def _reach_on_hold(self, payment):
        payment.action_hold()

    def _reach_processing(self, payment):
        self._charge(payment, 'pending')

    def _reach_declined(self, payment):
        self._charge(payment, 'error')

    def _reach_paid(self, payment):
        if payment.method == 'token':
            self._charge(payment, 'done')
        else:
            self._bill_by_hand(payment)
            self._pay(payment)

    def _charge(self, payment, answer):
        """Have the provider answer for the payment: to the job where it is due on a date, else to the charge itself;
        what is on account is charged by a link that the customer was sent."""
        self.answers = [answer]
        if payment.method == 'on_account':
            self._bill_by_hand(payment)
            self._create_link_transaction(payment)._send_payment_request()
        elif payment.due_date:
            self._run_job('process_payments', DUE_DATE, domain=[('id', '=', payment.id)])
        else:
            self._on(payment, DUE_DATE)._charge(JobBatch(DUE_DATE))
        self.assertEqual(len(self.ledger), 1)
        self.ledger.clear()

    def _create_link_transaction(self, payment):
        return self.env['payment.transaction'].create(
            {
                'provider_id': self.token.provider_id.id,
                'payment_method_id': self.token.payment_method_id.id,
                'amount': payment.amount,
                'currency_id': payment.currency_id.id,
                'partner_id': self.customer.id,
                'reference': f"link-{payment.id}",
                'operation': 'online_direct',
                'invoice_ids': [Command.set(payment.invoice_id.ids)],
                'continuity_payment_id': payment.id,
            }
        )

    def _check_row(self, payment, child, on, expected):
        """Check the hold, its reason and the reservation of the goods on a day."""
        self._on(payment.subscription_id, on)._update_holds()
        self.assertEqual(
            (child.continuity_payment_hold, child.continuity_payment_hold_reason), (bool(expected), expected)
        )
        picking = child.picking_ids
        self.assertEqual(picking.state, 'confirmed' if expected else 'assigned')
        if expected:
            picking.action_assign()
            self.assertEqual((picking.state, picking.move_ids.quantity), ('confirmed', 0.0))
        refusal = picking.move_ids._get_continuity_refusal()
        self.assertEqual(refusal, f"{child.name} is not delivered yet: {expected}" if expected else None)
