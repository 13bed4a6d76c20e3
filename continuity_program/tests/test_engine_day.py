from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_engine import EngineCase


@tagged('post_install', '-at_install')
class TestDay(EngineCase):
    def test_as_of_counts_for_the_superuser_only(self):
        company = self.company.with_context(continuity_as_of='2031-05-05')
        self.assertEqual(company.sudo()._get_continuity_today(), day('2031-05-05'))

        with freeze_time('2027-01-01 12:00:00'):
            self.assertEqual(company.with_user(self.responsible)._get_continuity_today(), day('2027-01-01'))

    def test_as_of_in_a_users_context_moves_no_plan(self):
        program = self._create_program(1)
        product = self._create_parent_product(program)

        with freeze_time('2027-01-01 12:00:00'):
            order = (
                self.env['sale.order']
                .with_user(self.salesperson)
                .with_context(continuity_as_of='2031-05-05')
                .create({'partner_id': self.customer.id, 'order_line': [Command.create({'product_id': product.id})]})
            )
            order.action_confirm()

        self.assertEqual(order.sudo().continuity_subscription_ids.line_ids.date_planned, day('2027-01-01'))
        self.assertEqual(order.date_order.year, 2027)

    def test_as_of_in_a_users_context_moves_no_run(self):
        subscription = self._sell(self._create_program(3))

        Run = self.env['continuity.job.run'].with_user(self.responsible)
        with freeze_time('2027-01-01 12:00:00'):
            with self.assertRaisesRegex(UserError, "is to come"):
                Run.with_context(continuity_as_of='2031-05-05')._execute('create_orders')
            run = Run.with_context(continuity_as_of='2026-05-05')._execute('create_orders')

        self.assertEqual(run.done_count, 1)
        self.assertEqual(len(self._get_children(subscription)), 1)

    def _create_company(self, name, timezone):
        company = self.env['res.company'].create({'name': name, 'currency_id': self.company.currency_id.id})
        company.partner_id.tz = timezone
        self.env.user.company_ids += company
        return company

    def _sell_in(self, company):
        """Sell in a company a program with a book of its own taxes."""
        env = self.env(context={**self.env.context, 'allowed_company_ids': company.ids})
        own_tax = self.books[0].sudo().taxes_id.filtered(lambda tax: tax.company_id == company)
        tax = own_tax or env['account.tax'].create(
            {
                'name': f"Tax of {company.name}",
                'amount': 5.0,
                'type_tax_use': 'sale',
                'company_id': company.id,
                'tax_group_id': env['account.tax.group']
                .create({'name': "Group", 'company_id': company.id, 'country_id': company.country_id.id})
                .id,
                'country_id': company.country_id.id or self.env.ref('base.us').id,
            }
        )
        book = self.books[0]
        book.sudo().taxes_id += tax
        program = env['continuity.program'].create(
            {'name': company.name, 'company_id': company.id, 'line_ids': [Command.create({'product_id': book.id})]}
        )
        product = self._create_parent_product(program)
        order = (
            self._as_of()['sale.order']
            .with_company(company)
            .create(
                {
                    'partner_id': self.customer.id,
                    'company_id': company.id,
                    'order_line': [Command.create({'product_id': product.id})],
                }
            )
        )
        order.continuity_subscription_ids.start_date = '2027-01-02'
        order.action_confirm()
        return order.continuity_subscription_ids

    def test_the_same_instant_is_another_day_in_another_company(self):
        auckland = self._create_company("Auckland Books", 'Pacific/Auckland')
        honolulu = self._create_company("Honolulu Books", 'Pacific/Honolulu')
        east, west = self._sell_in(auckland), self._sell_in(honolulu)
        for company in auckland | honolulu:
            self.assertEqual(self._sell_in(company).line_ids.date_planned, day('2027-01-02'))
        domain = [('id', 'in', (east | west).ids)]

        with freeze_time('2027-01-01 18:00:00'):  # 2 January in Auckland, 1 January in Honolulu
            run = self.env['continuity.job.run']._execute('create_orders', domain=domain)
        self.assertEqual(run.done_count, 1)
        self.assertEqual((len(self._get_children(east)), len(self._get_children(west))), (1, 0))

        with freeze_time('2027-01-02 09:59:00'):
            run = self.env['continuity.job.run']._execute('create_orders', domain=domain)
        self.assertEqual(run.done_count, 0)
        with freeze_time('2027-01-02 10:00:00'):
            run = self.env['continuity.job.run']._execute('create_orders', domain=domain)
        self.assertEqual(run.done_count, 1)

    def test_each_child_is_made_in_its_own_company(self):
        other = self._create_company("Other Books", 'UTC')
        self.env['ir.sequence'].create(
            {'name': "Orders", 'code': 'sale.order', 'prefix': "OTHER", 'company_id': other.id}
        )
        here, there = self._sell_in(self.company), self._sell_in(other)
        batches = []
        model = self.env.registry['continuity.subscription']
        original = model._job_create_orders_process

        def spying(records, batch):
            batches.append((records.company_id, records.env.company, records.env.companies))
            return original(records, batch)

        with patch.object(model, '_job_create_orders_process', spying):
            run = self._run_job('create_orders', day('2027-01-02'))

        self.assertEqual(run.done_count, 2)
        self.assertCountEqual(batches, [(company, company, company) for company in (self.company, other)])
        child_here, child_there = self._get_children(here), self._get_children(there)
        self.assertEqual((child_here.company_id, child_there.company_id), (self.company, other))
        self.assertTrue(child_there.name.startswith("OTHER"))
        self.assertFalse(child_here.name.startswith("OTHER"))
        for child in (child_here, child_there):
            self.assertEqual(child.warehouse_id.company_id, child.company_id)
            self.assertEqual(child.picking_ids.company_id, child.company_id)
            self.assertEqual(len(child.order_line.tax_ids), 1)
            self.assertEqual(child.order_line.tax_ids.company_id, child.company_id)

    def test_a_user_runs_it_in_the_chosen_companies_only(self):
        other = self._create_company("Other Books", 'UTC')
        here, there = self._sell_in(self.company), self._sell_in(other)
        self.responsible.company_ids += other
        job_run = self.env['continuity.job.run'].with_user(self.responsible)

        with freeze_time('2027-01-02 12:00:00'):
            run = job_run.with_context(allowed_company_ids=other.ids)._execute('create_orders', as_of='2027-01-02')

        self.assertEqual(run.company_ids, other)
        self.assertEqual((len(self._get_children(here)), len(self._get_children(there))), (0, 1))
        here_only = job_run.with_context(allowed_company_ids=self.company.ids)
        preview = here_only._preview('create_orders', as_of='2027-01-02')
        self.assertEqual([row['subscription_id'] for row in preview], here.ids)

    def test_a_killed_run_waits_for_one_of_all_its_companies(self):
        """The next run of other companies could not do what it left."""
        other = self._create_company("Other Books", 'UTC')
        self.responsible.company_ids += other
        job_run = self.env['continuity.job.run']
        by_both = job_run.with_user(self.responsible).with_context(allowed_company_ids=(self.company + other).ids)
        killed = job_run._as_superuser()._create_run('create_orders', by_both.env)
        killed.progress = {str(other.id): {'deferred_ids': [7]}}
        self.env.flush_all()
        self.env.cr.execute("UPDATE continuity_job_run SET write_date = write_date - interval '2 hours'")
        self.env.invalidate_all()

        by_both.with_context(allowed_company_ids=self.company.ids)._execute('create_orders')
        self.assertEqual(killed.state, 'running')

        engine = job_run._as_superuser()
        run = engine._create_run('create_orders', by_both.env)
        self.assertEqual(killed.state, 'stopped')
        self.assertEqual(run._read_progress(other).deferred_ids, [7])

    def test_names_are_in_the_customers_language_whoever_runs_it(self):
        for lang in ('fr_FR', 'nl_NL'):
            self.env['res.lang']._activate_lang(lang)
        self.books[0].with_context(lang='fr_FR').name = "Livre 1"
        self.books[0].with_context(lang='nl_NL').name = "Boek 1"
        self.customer.lang = 'fr_FR'
        self.responsible.lang = 'nl_NL'
        subscription = self._sell(self._create_program(1))

        in_dutch = self.env['continuity.job.run'].with_user(self.responsible).with_context(lang='nl_NL')
        with freeze_time('2027-01-01 12:00:00'):
            in_dutch._execute('create_orders', as_of='2027-01-01')

        self.assertEqual(self._get_children(subscription).order_line.name, "Livre 1")

    def test_another_time_zone_midway_doubles_nothing(self):
        self.company.partner_id.tz = 'Pacific/Auckland'
        subscription = self._sell(self._create_program([{'repeat_count': 5, 'interval_unit': 'day'}]))
        for hour in range(24 * 7):
            if hour == 50:
                self.company.partner_id.tz = 'Pacific/Honolulu'
            with freeze_time(f'2027-01-{1 + hour // 24:02} {hour % 24:02}:30:00'):
                self.env['continuity.job.run']._execute('create_orders')

        children = self._get_children(subscription)
        self.assertEqual(len(children), 5)
        self.assertEqual(len(children.order_line.continuity_line_id), 5)

    def test_every_day_over_a_change_of_the_clocks_once(self):
        self.company.partner_id.tz = 'Europe/Brussels'
        self.company.continuity_repeat_threshold = 60
        program = self._create_program([{'repeat_count': 20, 'interval_unit': 'day'}])
        subscription = self._sell(program, on=day('2027-03-20'), start_date='2027-03-20')
        for number in range(25):
            self._run_job('create_orders', fields.Date.add(day('2027-03-20'), days=number))

        self.assertEqual(
            [self.company._get_continuity_day(child.commitment_date) for child in self._get_children(subscription)],
            [fields.Date.add(day('2027-03-20'), days=number) for number in range(20)],
        )
