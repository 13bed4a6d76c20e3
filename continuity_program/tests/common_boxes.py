from .common import day
from .common_stop import StopCase

#: Two books in the first box, one in the second.
TWO_IN_ONE = [{'event_number': 1}, {'event_number': 1}, {'event_number': 2}]


class BoxCase(StopCase):
    def _sell_ordered(self, events=3, **values):
        """Sell a program and make its first child order."""
        subscription = self._sell(self._create_program(events, **values))
        self._run_job('create_orders')
        return subscription

    def _sell_delivered(self, events=3, **values):
        subscription = self._sell_ordered(events, **values)
        self._deliver(subscription.child_order_ids)
        return subscription

    def _send_all(self, subscription, on='2027-12-31'):
        """Make and deliver all child orders that are due, bill them and have them paid."""
        self._run_job('create_orders', day(on))
        self._deliver(subscription.child_order_ids.with_context(continuity_as_of=on))
        self._run_job('process_payments', day(on))
        self._pay(subscription.payment_ids.filtered(lambda payment: payment.state == 'billed'))

    def _get_children(self, subscription):
        """Return the child orders as a list of (shipment no., state, total)."""
        return [
            (child.order_line.continuity_line_id[0].event_number, child.state, child.amount_total)
            for child in subscription.child_order_ids.sorted('id')
        ]
