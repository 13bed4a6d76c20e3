from .common import ContinuityCase


class AccessCase(ContinuityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.portal_partner = cls.env['res.partner'].create({'name': "Portia"})
        cls.users = {
            'own': cls._create_user('own', 'sales_team.group_sale_salesman'),
            'all': cls._create_user('all', 'sales_team.group_sale_salesman_all_leads'),
            'manager': cls._create_user('manager', 'sales_team.group_sale_manager'),
            'accountant': cls._create_user('accountant', 'account.group_account_invoice'),
            'auditor': cls._create_user('auditor', 'account.group_account_readonly'),
            'portal': cls._create_user('portia', 'base.group_portal', partner_id=cls.portal_partner.id),
            'internal': cls._create_user('internal', 'base.group_user'),
        }
        cls.program = cls._create_program(3)
        cls.other = cls._create_user('other', 'sales_team.group_sale_salesman')

    def setUp(self):
        super().setUp()
        self.mine = self._sell_for('own', self.portal_partner)
        self.theirs = self._sell_for('other', self.customer)

    def _sell_for(self, login, customer):
        """Return a running subscription of a salesperson, with a child order, a plan and a payment."""
        salesperson = self.env['res.users'].search([('login', '=', login)])
        subscription = self._sell(self.program, order={'user_id': salesperson.id, 'partner_id': customer.id})
        self._run_job('create_orders', domain=[('id', '=', subscription.id)])
        self.env['continuity.payment'].sudo().create(
            {'subscription_id': subscription.id, 'order_id': subscription.order_id.id, 'amount': 10.0}
        )
        return subscription

    def _get_records(self, subscription):
        return [subscription, subscription.line_ids, subscription.payment_ids]


#: Odoo's own, which it checks itself.
CRUD = {'create', 'write', 'unlink', 'default_get', 'onchange'}
