from unittest.mock import patch

from odoo.exceptions import ValidationError
from odoo.fields import Command

from .common import ContinuityCase


class PaymentCase(ContinuityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.thirds = cls._create_schedule("In thirds", (33.33, 0), (33.33, 30), (33.34, 60))

    def _get_payments(self, subscription):
        """Return the payments as a list of (billed order, due date as text, amount, state)."""
        return [
            (payment.order_id, str(payment.due_date or ''), payment.amount, payment.state)
            for payment in subscription.payment_ids.sorted(lambda payment: (payment.order_id.id, payment.number))
        ]


class ChargeCase(PaymentCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.token = cls._create_token()
        cls.customer.email = 'ann@example.com'

    def setUp(self):
        super().setUp()
        #: What the provider was asked: (reference, amount), one for each call.
        self.ledger = []
        self.answers = []
        case = self

        def answer(transaction):
            case.ledger.append((transaction.reference, transaction.amount))
            kind = case.answers.pop(0) if case.answers else 'done'
            if kind == 'invalid':
                raise ValidationError("The provider refused the request.")
            transaction.provider_reference = f"ref-{transaction.reference}"
            {
                'done': transaction._set_done,
                'pending': transaction._set_pending,
                'error': lambda: transaction._set_error("Insufficient funds"),
            }.get(kind, lambda: transaction._set_error(kind))()

        patcher = patch.object(self.registry['payment.transaction'], '_send_payment_request', answer)
        patcher.start()
        self.addCleanup(patcher.stop)

    def _sell_upfront(self, **values):
        program = self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id, **values)
        return self._sell(program)


class PrepaymentCase(ChargeCase):
    def _pay_online(self, order, amount, token=None, operation='online_direct', **values):
        """Pay an order in the portal and let Odoo process it; return the transaction."""
        provider = self.token.provider_id
        transaction = self.env['payment.transaction'].create(
            {
                'provider_id': provider.id,
                'payment_method_id': self.token.payment_method_id.id,
                'reference': f"{order.name}-{amount}-{operation}",
                'operation': operation,
                'amount': amount,
                'currency_id': order.currency_id.id,
                'partner_id': order.partner_id.id,
                'token_id': token.id if token else False,
                'sale_order_ids': [Command.set(order.ids)],
                **values,
            }
        )
        transaction._set_done()
        transaction._post_process()
        return transaction

    def _bill_down_payment(self, order, amount):
        wizard = self.env['sale.advance.payment.inv'].create(
            {
                'sale_order_ids': [Command.set(order.ids)],
                'advance_payment_method': 'fixed',
                'fixed_amount': amount,
            }
        )
        wizard.create_invoices()
        bill = order.invoice_ids.filtered(lambda move: move.state == 'draft')
        bill.action_post()
        self.env['account.payment.register'].with_context(active_model='account.move', active_ids=bill.ids).create(
            {}
        )._create_payments()
        return bill
