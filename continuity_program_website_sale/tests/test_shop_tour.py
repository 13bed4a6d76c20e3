from odoo.tests import tagged

from .common import ShopCase


@tagged('post_install', '-at_install')
class TestShopTour(ShopCase):
    def test_customer_orders_a_plan_and_saves_the_card(self):
        product = self._publish()

        self.start_tour(product.website_url, 'continuity_shop', login='ann-shop')

        order = self.env['sale.order'].search([('website_id', '=', self.website.id)])
        self.assertEqual(order.state, 'sale')
        plan = order.continuity_subscription_ids
        self.assertEqual((plan.state, plan.payment_method), ('running', 'token'))
        self.assertEqual(plan.payment_token_id.payment_details, "4111")
