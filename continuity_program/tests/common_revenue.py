from .common import day
from .common_stop import StopCase


class RevenueCase(StopCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.journal = cls.env['account.journal'].create({'name': "Revenue", 'code': 'REV', 'type': 'general'})
        cls.company.continuity_revenue_journal_id = cls.journal
        cls.deferred = cls.env['account.account'].create(
            {'name': "Deferred Revenue", 'code': '249000', 'account_type': 'liability_current'}
        )
        owed_tax = cls.env['account.account'].create(
            {'name': "Tax Owed", 'code': '250999', 'account_type': 'liability_current'}
        )
        lines = cls.tax.invoice_repartition_line_ids | cls.tax.refund_repartition_line_ids
        lines.filtered(lambda line: line.repartition_type == 'tax').account_id = owed_tax

    def _sell_deferred(self, events=3, **values):
        program = self._create_program(events, bill_upfront=True, **values)
        product = self._create_parent_product(program, property_account_income_id=self.deferred.id)
        return self._sell(program, product=product)

    def _send(self, subscription, on):
        """Make and deliver what is due on a day, and run the payments."""
        self._run_job('create_orders', day(on))
        self._deliver(subscription.child_order_ids.with_context(continuity_as_of=on))
        self._run_job('process_payments', day(on))

    def _get_balance(self, account):
        lines = self.env['account.move.line'].search([('account_id', '=', account.id), ('parent_state', '=', 'posted')])
        return round(sum(lines.mapped('balance')), 2)

    def _get_entry(self, move):
        """Return an entry as a list of (account, balance)."""
        return [(line.account_id, line.balance) for line in move.line_ids.sorted('balance', reverse=True)]
