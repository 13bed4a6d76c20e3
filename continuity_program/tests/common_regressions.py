from contextlib import contextmanager

from odoo.exceptions import UserError
from odoo.fields import Command

from .common import ContinuityCase


class RegressionCase(ContinuityCase):
    """What a review found: each test is one thing that went wrong once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.agent = cls._create_user('agent', 'sales_team.group_sale_salesman')
        cls.colleague = cls._create_user('colleague', 'sales_team.group_sale_salesman')
        cls.elsewhere = cls.env['res.partner'].create({'name': "Zoe Zander"})

    @contextmanager
    def assertRefused(self, reason, exception=UserError):
        """Check that something is refused with a text; nothing of it stays, as when a request fails."""
        with self.assertRaisesRegex(exception, reason), self.env.cr.savepoint():
            yield

    def _sell_for(self, user, program=None, **kwargs):
        """Sell a program, by default of three books, as an order of the salesperson."""
        return self._sell(program or self._create_program(3), order={'user_id': user.id}, **kwargs)

    def _sell_product(self, product, **values):
        """Return a confirmed ordinary order of one piece."""
        order = self.env['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'order_line': [Command.create({'product_id': product.id})],
                **values,
            }
        )
        order.action_confirm()
        return order

    def _create_carrier(self):
        return self.env['delivery.carrier'].create(
            {
                'name': "Courier",
                'delivery_type': 'fixed',
                'product_id': self._create_product("Delivery", 5.0, type='service', is_storable=False).id,
            }
        )

    def _create_term(self, **values):
        term = self._create_schedule("30 days", (100.0, 30))
        term.write(values)
        return term
