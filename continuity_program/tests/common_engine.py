from contextlib import contextmanager
from unittest.mock import patch

from odoo.tools import mute_logger

from .common import ContinuityCase

ENGINE = 'odoo.addons.continuity_program.models.job'


class EngineCase(ContinuityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.salesperson = cls._create_user('salesperson', 'sales_team.group_sale_salesman')
        cls.responsible = cls._create_user('responsible', 'sales_team.group_sale_manager')

    def _sell_many(self, count, program=None, **values):
        """Sell a program to so many customers and return their subscriptions, the oldest first."""
        program = program or self._create_program(3, user_id=self.responsible.id)
        values.setdefault('order', {'user_id': self.salesperson.id})
        subscriptions = self.env['continuity.subscription']
        for number in range(count):
            customer = self.env['res.partner'].create({'name': f"Customer {number}"})
            subscriptions += self._sell(program, **{**values, 'order': {**values['order'], 'partner_id': customer.id}})
        return subscriptions

    def _get_children(self, subscriptions):
        return subscriptions.order_id.continuity_child_ids.sorted('id')

    @contextmanager
    def _raising_for(self, poisoned, error, method='_prepare_child_order'):
        """Let a method of subscriptions raise for the poisoned ones."""
        model = self.env.registry['continuity.subscription']
        original = getattr(model, method)

        def raising(records, *args, **kwargs):
            if any(record.id in poisoned.ids for record in records):
                raise error
            return original(records, *args, **kwargs)

        with patch.object(model, method, raising), mute_logger(ENGINE):
            yield

    def _trigger(self, job='create_orders'):
        """Let the scheduled action work once and return the runs it wrote."""
        cron = self.env.ref(f'continuity_program.ir_cron_{job}')
        job_run = self.env['continuity.job.run']
        before = job_run.search([])
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        self.env.invalidate_all()
        self.assertEqual(cron.failure_count, 0)
        self.assertTrue(cron.active)
        return job_run.search([]) - before

    def assertCounts(self, run, done=0, skipped=0, failed=0):
        self.assertRecordValues(
            run,
            [
                {
                    'selected_count': done + skipped + failed,
                    'done_count': done,
                    'skipped_count': skipped,
                    'failed_count': failed,
                }
            ],
        )

    def assertIssuesAddUp(self, run):
        failed = run.issue_ids.filtered(lambda issue: issue.kind == 'failed')
        self.assertEqual(sum(failed.mapped('count')), run.failed_count)
        self.assertEqual(sum((run.issue_ids - failed).mapped('count')), run.skipped_count)
