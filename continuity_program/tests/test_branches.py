from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_payments import ChargeCase


@tagged('post_install', '-at_install')
class TestBranches(ChargeCase):
    """A branch has what its company has set, unless it has set it otherwise; and the cards of its providers."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.continuity_retry_limit = 5
        cls.branch = cls._create_branch("Branch", cls.company)
        cls.env.user.company_ids += cls.branch

    @classmethod
    def _create_branch(cls, name, company, **values):
        return cls.env['res.company'].create({'name': name, 'parent_id': company.id, **values})

    def test_a_new_branch_has_what_its_company_has_set(self):
        self.assertEqual(self.branch.continuity_retry_limit, 5)
        own = self._create_branch("Own", self.company, continuity_retry_limit=1)
        self.assertEqual(own.continuity_retry_limit, 1)

    def test_it_follows_its_company_until_it_sets_it_otherwise(self):
        below = self._create_branch("Below", self.branch)
        journal = self.env['account.journal'].create({'name': "Revenue", 'code': 'CREV', 'type': 'general'})

        self.company.write({'continuity_lead_days': 3, 'continuity_revenue_journal_id': journal.id})
        self.assertEqual((self.branch.continuity_lead_days, below.continuity_lead_days), (3, 3))
        self.assertEqual(self.branch.continuity_revenue_journal_id, journal)

        self.branch.continuity_lead_days = 7
        self.assertEqual(below.continuity_lead_days, 7)
        self.company.continuity_lead_days = 4
        self.assertEqual((self.branch.continuity_lead_days, below.continuity_lead_days), (7, 7))

    def test_another_company_follows_nobody(self):
        other = self.env['res.company'].create({'name': "Other"})
        self.assertEqual(other.continuity_retry_limit, 3)
        self.company.continuity_retry_limit = 3
        self.company.continuity_retry_limit = 8
        self.assertEqual(other.continuity_retry_limit, 3)

    def test_a_card_of_its_companys_provider_is_charged(self):
        program = self._create_program(3, bill_upfront=True, company_id=self.branch.id)
        product = self._create_parent_product(program)
        self.env = self.env(context={**self.env.context, 'allowed_company_ids': [self.branch.id, self.company.id]})
        subscription = self._sell(program, product=product.with_env(self.env), order={'company_id': self.branch.id})
        self.assertEqual(subscription.company_id, self.branch)
        self.assertEqual(subscription.payment_token_id, self.token)

        self._run_job('process_payments')

        self.assertEqual([amount for _reference, amount in self.ledger], [69.3])
        self.assertEqual((subscription.payment_ids.state, subscription.payment_ids.is_parked), ('paid', False))
        self.assertEqual(subscription.payment_ids.invoice_id.company_id, self.branch)

    def test_its_revenue_is_posted_in_its_companys_journal(self):
        journal = self.env['account.journal'].create({'name': "Revenue", 'code': 'CREV', 'type': 'general'})
        self.company.continuity_revenue_journal_id = journal
        self.books.invoice_policy = 'order'
        services = self.env['product.product'].create(
            [
                {'name': name, 'type': 'service', 'list_price': 20.0, 'taxes_id': [Command.clear()]}
                for name in ("One", "Two")
            ]
        )
        program = self._create_program(
            [{'product_id': service.id} for service in services], bill_upfront=True, company_id=self.branch.id
        )
        product = self._create_parent_product(program)
        self.env = self.env(context={**self.env.context, 'allowed_company_ids': [self.branch.id, self.company.id]})
        subscription = self._sell(
            program,
            product=product.with_env(self.env),
            order={'company_id': self.branch.id},
            payment_method='on_account',
            payment_token_id=False,
        )
        self._run_job('process_payments')
        self._run_job('create_orders')
        child = subscription.child_order_ids
        child.order_line.qty_delivered = 1.0

        self._run_job('process_payments', day('2027-01-02'))

        entry = subscription.line_ids.revenue_move_id
        self.assertEqual((entry.company_id, entry.journal_id, entry.amount_total), (self.branch, journal, 20.0))
