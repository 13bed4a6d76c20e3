from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_engine import EngineCase


@tagged('post_install', '-at_install')
class TestPreview(EngineCase):
    def _count_everything(self):
        self.env.flush_all()
        others = ('sale.order', 'sale.order.line', 'mail.message', 'mail.activity')
        tables = [
            model._table
            for name, model in self.env.registry.items()
            if (name.startswith('continuity.') or name in others) and model._auto and not model._abstract
        ]
        counts = {}
        for table in tables:
            self.env.cr.execute(f'SELECT count(*), max(write_date) FROM "{table}"')
            counts[table] = self.env.cr.fetchone()
        self.assertIn('continuity_line', counts)
        return counts

    def _preview(self, job, on, **kwargs):
        before, queries = self._count_everything(), []
        original = type(self.env.cr).execute

        def spying(cursor, query, *args, **kw):
            queries.append(str(query).strip().split(None, 1)[0].upper())
            return original(cursor, query, *args, **kw)

        with patch.object(type(self.env.cr), 'execute', spying):
            rows = self.env['continuity.job.run']._preview(job, as_of=on, **kwargs)
            self.env.flush_all()
        self.assertEqual(self._count_everything(), before)
        self.assertFalse({'INSERT', 'UPDATE', 'DELETE'} & set(queries))
        return rows

    def assertPreviewIsRun(self, subscriptions, on):
        """Compare what the preview of child orders says with the child orders that the run makes."""
        domain = [('id', 'in', subscriptions.ids)]
        rows = self._preview('create_orders', on, domain=domain)
        run = self._run_job('create_orders', on, domain=domain)
        made = [row for row in rows if not row['skipped']]
        self.assertEqual(run.done_count, len(made))
        self.assertEqual(run.skipped_count, len(rows) - len(made))
        children = self._get_children(subscriptions)
        self.assertEqual(
            sorted((row['order_id'], str(row['date']), round(row['amount'], 2), row['line_ids']) for row in made),
            sorted(
                (
                    child.continuity_parent_id.id,
                    str(child.commitment_date.date()),
                    round(child.amount_total, 2),
                    child.order_line.continuity_line_id.sorted('id').ids,
                )
                for child in children
            ),
        )
        return rows

    def test_create_orders(self):
        program = self._create_program([{'event_number': 1}, {'event_number': 1, 'quantity': 3, 'discount': 5}, {}])
        subscriptions = self._sell_many(3, program)
        subscriptions[1].payment_method = 'token'

        rows = self.assertPreviewIsRun(subscriptions, day('2027-02-15'))

        self.assertEqual(len(rows), 6)
        self.assertEqual([row['skipped'] for row in rows].count("No usable card."), 2)

    def test_create_orders_at_the_price_of_the_day(self):
        subscription = self._sell(self._create_program(2, price_policy='current'))
        self.books[0].list_price = 99.0

        self.assertPreviewIsRun(subscription, day('2027-02-15'))

    def test_create_orders_with_taxed_shipping(self):
        shipping = self._create_product("Shipping", type='service', is_storable=False)
        program = self._create_program(
            2, shipping_policy='fixed', shipping_product_id=shipping.id, shipping_amount=2.95
        )

        self.assertPreviewIsRun(self._sell(program), day('2027-02-15'))

    def test_create_orders_sent_where_other_taxes_apply(self):
        belgium = self.env.ref('base.be')
        position = self.env['account.fiscal.position'].create(
            {'name': "Belgium", 'auto_apply': True, 'country_id': belgium.id}
        )
        self.env['account.tax'].create(
            {
                'name': "Tax 6%",
                'amount': 6.0,
                'type_tax_use': 'sale',
                'fiscal_position_ids': [Command.set(position.ids)],
                'original_tax_ids': [Command.set(self.tax.ids)],
            }
        )
        self.customer.country_id = self.env.ref('base.us')
        subscription = self._sell(self._create_program(2))
        subscription.line_ids[0].partner_shipping_id = self.env['res.partner'].create(
            {'name': "Aunt", 'country_id': belgium.id}
        )

        self.assertPreviewIsRun(subscription, day('2027-02-15'))

    def test_create_orders_paid_in_advance(self):
        self.assertPreviewIsRun(self._sell(self._create_program(2, bill_upfront=True)), day('2027-02-15'))

    def test_create_orders_rounds_like_the_order(self):
        program = self._create_program(
            [{'event_number': 1, 'price_overridden': True, 'price_unit': 0.33} for _number in range(5)]
        )

        self.assertPreviewIsRun(self._sell(program), day('2027-01-01'))

    def test_parked_ones_are_not_in_it(self):
        subscriptions = self._sell_many(2)
        with self._raising_for(subscriptions[0], UserError("No.")):
            self._run_job('create_orders')

        rows = self._preview('create_orders', day('2027-02-01'))

        self.assertEqual([row['subscription_id'] for row in rows], subscriptions[1].ids)

    def test_extend(self):
        program = self._create_program([{'event_number': 1}, {'event_number': 1}, {'repeat_forever': True}])
        subscription = self._sell(program)
        self._run_job('create_orders', day('2027-04-01'))
        before = subscription.line_ids

        rows = self._preview('extend', day('2027-04-01'))
        self._run_job('extend', day('2027-04-01'))

        added = subscription.line_ids - before
        self.assertEqual(len(added), 3)
        self.assertEqual(
            [(row['subscription_id'], row['date'], round(row['amount'], 2)) for row in rows],
            [(subscription.id, line.date_planned, round(line.price_total, 2)) for line in added.sorted('date_planned')],
        )

    def test_update_events(self):
        program = self._create_program([{'start_date': f'2027-{month:02}-01'} for month in range(1, 5)])

        rows = self._preview('update_events', day('2027-03-15'), domain=[('id', '=', program.id)])

        self.assertEqual(len(rows), 1)
        self.assertIn("0 → 3", rows[0]['change'])
        self.assertEqual(program.current_event, 0)
        self._run_job('update_events', day('2027-03-15'), domain=[('id', '=', program.id)])
        self.assertEqual(program.current_event, 3)

    def test_an_error_in_one_record_does_not_hide_the_others(self):
        subscriptions = self._sell_many(3)

        with self._raising_for(subscriptions[1], UserError("No."), '_get_child_refusal'):
            rows = self.env['continuity.job.run']._preview('create_orders', as_of=self.today)

        self.assertEqual(
            [row['subscription_id'] for row in rows if not row.get('skipped')],
            [subscriptions[0].id, subscriptions[2].id],
        )


@tagged('post_install', '-at_install')
class TestLog(EngineCase):
    def test_an_unknown_job_is_refused(self):
        job_run = self.env['continuity.job.run']
        text = "There is no continuity job make_coffee. The jobs are: .*create_orders"
        for call in (job_run._execute, job_run._preview):
            with self.assertRaisesRegex(UserError, text):
                call('make_coffee')
        self.assertFalse(job_run.search([]))

    def test_the_run_tells_what_it_worked_for(self):
        subscriptions = self._sell_many(2)

        run = self._run_job('create_orders', day('2027-01-05'), domain=[('id', '=', subscriptions[0].id)])

        self.assertCounts(run, done=1)
        self.assertRecordValues(run, [{'as_of': day('2027-01-05'), 'is_scheduled': False, 'user_id': self.env.uid}])
        self.assertIn(str(subscriptions[0].id), run.criteria)
        self.assertEqual(run.display_name, "Create child orders 01/05/2027")
        self.assertTrue(run.date_end)

    def test_each_issue_leads_to_its_record(self):
        subscription = self._sell_many(1)
        subscription.payment_method = 'token'

        issue = self._run_job('create_orders').issue_ids

        self.assertEqual(issue.res_name, subscription.display_name)
        action = issue.action_open_record()
        self.assertEqual((action['res_model'], action['res_id']), (subscription._name, subscription.id))

    def test_an_issue_of_a_record_that_is_gone_still_shows(self):
        program = self._create_program(1)
        run = self._run_job('create_orders')
        issue = (
            self.env['continuity.job.issue']
            .sudo()
            .create(
                {'run_id': run.id, 'kind': 'failed', 'res_model': program._name, 'res_id': program.id, 'reason': "No."}
            )
        )
        program.unlink()

        self.assertFalse(issue.res_name)

    def test_a_run_by_hand_that_finds_nothing_is_written(self):
        self.assertCounts(self._run_job('create_orders'))

    def test_old_runs_are_removed(self):
        """With what they alone told; what a later run met again stays."""
        lasting, over = self._sell_many(2)
        (lasting + over).payment_method = 'token'
        old = self._run_job('create_orders')
        over.payment_method = 'on_account'
        recent = self._run_job('create_orders')
        issues = old.issue_ids.sorted('res_id')
        old.sudo().date_start = fields.Datetime.subtract(fields.Datetime.now(), days=181)
        recent.sudo().date_start = fields.Datetime.subtract(fields.Datetime.now(), days=179)

        self.env['continuity.job.run'].sudo()._gc_runs()

        self.assertFalse(old.exists())
        self.assertTrue(recent.exists())
        self.assertEqual(issues.exists().mapped('res_id'), lasting.ids)
        self.assertEqual(recent.issue_ids, issues.exists())

    def test_a_sales_manager_runs_and_previews_by_the_wizard(self):
        subscriptions = self._sell_many(2)
        wizard = (
            self.env['continuity.job.wizard']
            .with_user(self.responsible)
            .create(
                {'job': 'create_orders', 'as_of': '2027-02-01', 'subscription_ids': [Command.set(subscriptions[0].ids)]}
            )
        )

        wizard.action_preview()
        self.assertEqual(wizard.preview_count, 2)
        self.assertFalse(self._get_children(subscriptions))
        with freeze_time('2027-02-01 12:00:00'):
            action = wizard._run(commit=False)

        run = self.env['continuity.job.run'].browse(action['res_id'])
        self.assertCounts(run, done=2)
        self.assertEqual(run.user_id, self.responsible)
        self.assertEqual(self._get_children(subscriptions).continuity_parent_id, subscriptions[0].order_id)

    @freeze_time('2027-01-01 12:00:00')
    def test_the_wizard_keeps_to_program_customer_and_limit(self):
        program = self._create_program(1)
        subscriptions = self._sell_many(2, program) + self._sell_many(2)
        wizard = self.env['continuity.job.wizard'].with_user(self.responsible)

        wizard.create({'as_of': '2027-01-01', 'program_ids': [Command.set(program.ids)], 'limit': 1})._run(commit=False)
        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [1, 0, 0, 0])
        wizard.create({'as_of': '2027-01-01', 'partner_ids': [Command.set(subscriptions[3].partner_id.ids)]})._run(
            commit=False
        )
        self.assertEqual([len(self._get_children(one)) for one in subscriptions], [1, 0, 0, 1])
