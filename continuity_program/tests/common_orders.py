from .common import ContinuityCase


class CreateOrdersCase(ContinuityCase):
    def _get_children(self, subscription):
        return subscription.order_id.continuity_child_ids.sorted('id')

    def _create_child(self, subscription, on=None):
        """Run the job and return the one child order it made for the subscription."""
        before = self._get_children(subscription)
        self._run_job('create_orders', on)
        child = self._get_children(subscription) - before
        self.assertEqual(len(child), 1)
        return child
