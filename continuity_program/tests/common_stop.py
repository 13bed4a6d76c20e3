from .common import day
from .common_payments import PaymentCase


class StopCase(PaymentCase):
    def _sell_prepaid(self, events=3, on='2027-01-01', **values):
        """Sell a plan billed in advance, bill it, and deliver its first shipment."""
        subscription = self._sell(self._create_program(events, bill_upfront=True, **values), on=day(on))
        self._run_job('process_payments')
        self._run_job('create_orders')
        self._deliver(subscription.child_order_ids)
        return subscription

    def _get_note(self, subscription):
        return self.env['account.move'].search([('continuity_subscription_id', '=', subscription.id)])

    def _return(self, child):
        back = self._start_return(child.picking_ids)
        back.move_ids.quantity = 1.0
        back.move_ids.picked = True
        back._action_done()

    def _open_dialog(self, subscription):
        action = subscription.action_stop()
        return self.env[action['res_model']].with_context(**action['context']).create({})
