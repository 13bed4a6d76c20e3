"""What the engine owes each job at the edges: a second look under the lock, and the oldest first under a limit."""

from contextlib import contextmanager
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged

from odoo.addons.continuity_program.models.job import engine as job_engine

from .common import ContinuityCase, day


@tagged('post_install', '-at_install')
class TestSecondLook(ContinuityCase):
    """Somebody changes a record between the moment a run finds it and the moment the run holds it."""

    @contextmanager
    def _meanwhile(self, model, change):
        """Let ``change`` happen once, just before the first records of a model are locked."""
        lock = self.env.registry[model].try_lock_for_update
        changed = []

        def lock_after_the_change(records, **kwargs):
            if not changed:
                changed.append(True)
                change()
                self.env.flush_all()
            return lock(records, **kwargs)

        with patch.object(self.env.registry[model], 'try_lock_for_update', lock_after_the_change):
            yield
        self.assertTrue(changed)

    def test_who_was_paused_meanwhile_gets_no_child_order(self):
        program = self._create_program(3)
        paused, other = self._sell(program), self._sell(program)

        with self._meanwhile('continuity.subscription', lambda: paused._pause(day('2027-06-01'))):
            run = self._run_job('create_orders')

        self.assertEqual((run.selected_count, run.done_count), (1, 1))
        self.assertEqual((len(paused.child_order_ids), len(other.child_order_ids)), (0, 1))
        self.assertEqual((paused.state, paused.is_parked), ('paused', False))

    def test_who_was_stopped_meanwhile_is_not_extended(self):
        self.company.continuity_repeat_threshold = 2
        program = self._create_program([{'repeat_forever': True}])
        stopped, other = self._sell(program), self._sell(program)
        self._run_job('create_orders')

        with self._meanwhile('continuity.subscription', lambda: stopped._cancel()):
            run = self._run_job('extend')

        self.assertEqual((run.selected_count, run.done_count), (1, 1))
        self.assertEqual((len(stopped.line_ids), len(other.line_ids)), (2, 3))

    def test_who_was_stopped_meanwhile_does_not_follow_the_program(self):
        program = self._create_program(2)
        stopped, other = self._sell(program), self._sell(program)
        program.line_ids[1].product_id = self.books[8]

        with self._meanwhile('continuity.subscription', lambda: stopped._cancel()):
            run = self._run_job('sync')

        self.assertEqual((run.selected_count, run.done_count), (1, 1))
        self.assertEqual(stopped.line_ids.mapped('product_id.name'), ["Book 1", "Book 2"])
        self.assertEqual(other.line_ids.mapped('product_id.name'), ["Book 1", "Book 9"])

    def test_what_was_put_on_hold_meanwhile_is_not_billed(self):
        program = self._create_program(2, bill_upfront=True)
        held, other = self._sell(program).payment_ids, self._sell(program).payment_ids

        with self._meanwhile('continuity.payment', lambda: held.action_hold()):
            run = self._run_job('process_payments')

        self.assertEqual((run.selected_count, run.done_count), (1, 1))
        self.assertEqual((held.state, other.state), ('scheduled', 'billed'))
        self.assertFalse(held.order_id.invoice_ids)


@tagged('post_install', '-at_install')
class TestOldestFirst(ContinuityCase):
    def test_what_one_has_due_later_waits_for_the_older_ones_of_others(self):
        """Each batch holds one subscription with three boxes due: without a look at the day, it would take them all."""
        program = self._create_program(3)
        sold = [self._sell(program, on=day(on)) for on in ('2027-01-01', '2027-01-02', '2027-01-03')]

        made = []
        with patch.object(job_engine, 'BATCH_SIZE', 1):
            for _time in range(4):
                run = self._run_job('create_orders', day('2027-05-01'), limit=3)
                made.append((run.done_count, [len(subscription.child_order_ids) for subscription in sold]))

        self.assertEqual(made, [(3, [1, 1, 1]), (3, [2, 2, 2]), (3, [3, 3, 3]), (0, [3, 3, 3])])
        children = self.env['sale.order'].union(*(subscription.child_order_ids for subscription in sold)).sorted('id')
        self.assertEqual(
            [fields.Date.to_string(child.commitment_date) for child in children],
            [f'2027-{month}-{number}' for month in ('01', '02', '03') for number in ('01', '02', '03')],
        )

    def test_boxes_of_one_day_are_shared_with_who_comes_in_the_next_batch(self):
        program = self._create_program(2)
        first, second = self._sell(program), self._sell(program)

        with patch.object(job_engine, 'BATCH_SIZE', 1):
            self._run_job('create_orders', day('2027-02-01'), limit=2)

        self.assertEqual((len(first.child_order_ids), len(second.child_order_ids)), (1, 1))
