from odoo.tests import tagged

from .common import ShopCase


@tagged('post_install', '-at_install')
class TestShopChildren(ShopCase):
    """Child orders of what was sold in the shop."""

    def _create_child(self):
        subscription = self._sell(
            self._create_program(1, allowed_methods='on_account'), order={'website_id': self.website.id}
        )
        self._run_job('create_orders')
        return subscription.order_id.continuity_child_ids

    def test_website_of_the_order(self):
        child = self._create_child()

        self.assertEqual(child.state, 'sale')
        self.assertEqual(child.website_id, self.website)

    def test_a_quotation_is_no_cart(self):
        self.company.continuity_autoconfirm = False

        child = self._create_child()

        self.assertEqual(child.state, 'draft')
        self.assertFalse(child.website_id)
        self.assertFalse(child.is_abandoned_cart)
