from .common import day
from .common_orders import CreateOrdersCase


class UnpaidCase(CreateOrdersCase):
    """Monthly books on account: each shipment has to be paid on the day it is planned for."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.at_once = cls._create_schedule("At once", (100, 0))
        cls.reason = cls.env.ref('continuity_program.continuity_cancel_reason_unpaid')

    def _sell_on_account(self, events=12, on=None, **program):
        return self._sell(self._create_program(events, **{'payment_term_id': self.at_once.id, **program}), on=on)

    def _run_months(self, *months, year=2027):
        """Create the orders of the first of these months, and return the last run."""
        for month in months:
            run = self._run_job('create_orders', day(f'{year}-{month:02}-01'))
        return run

    def _get_made(self, subscription):
        """Return the days for which child orders were made."""
        return [
            str(self.company._get_continuity_day(child.commitment_date)) for child in self._get_children(subscription)
        ]

    def _settle(self, payments, on):
        """Bill what is due on the day, and let the customer pay the payments."""
        self._run_job('process_payments', on)
        self._pay(payments)

    def _get_unpaid_issues(self, run):
        return [(issue.kind, issue.res_id, issue.count, issue.reason) for issue in run.issue_ids.sorted('res_id')]

    def _get_skipped(self, on):
        rows = self.env['continuity.job.run']._preview('create_orders', as_of=on)
        return [(row['subscription_id'], str(row['date']), row['skipped']) for row in rows]
