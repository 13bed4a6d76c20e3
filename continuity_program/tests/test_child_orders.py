from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged

from .common import day
from .common_orders import CreateOrdersCase


@tagged('post_install', '-at_install')
class TestChildOrderValues(CreateOrdersCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.salesperson = cls._create_user('salesperson', 'sales_team.group_sale_salesman')
        cls.team = cls.env['crm.team'].create({'name': "Phone"})
        cls.tag = cls.env['crm.tag'].create({'name': "Loyal"})
        cls.invoice_address = cls.env['res.partner'].create(
            {'name': "Ann's mother", 'parent_id': cls.customer.id, 'type': 'invoice'}
        )
        cls.delivery_address = cls.env['res.partner'].create(
            {'name': "Ann's shed", 'parent_id': cls.customer.id, 'type': 'delivery'}
        )
        cls.foreign_currency = cls.env['res.currency'].create(
            {'name': "CNT", 'symbol': "¤", 'rate_ids': [Command.create({'name': '2020-01-01', 'rate': 2.0})]}
        )
        cls.pricelist = cls.env['product.pricelist'].create({'name': "Abroad", 'currency_id': cls.foreign_currency.id})
        plan = cls.env['account.analytic.plan'].create({'name': "Clubs"})
        cls.analytic_account = cls.env['account.analytic.account'].create({'name': "Club", 'plan_id': plan.id})

    def test_child_is_as_the_parent(self):
        noon = fields.Datetime.to_datetime('2027-01-01 12:00:00')
        incoterm = self.env['account.incoterms'].create({'name': "To the Door", 'code': 'TTD'})
        journal = self.env['account.journal'].create({'name': "Clubs", 'code': 'CLUB', 'type': 'sale'})
        origin = {
            f'{name}_id': self.env[f'utm.{name}'].create({'name': "Book Fair"}).id
            for name in ('campaign', 'medium', 'source')
        }
        subscription = self._sell(
            self._create_program(1),
            order={
                'partner_invoice_id': self.invoice_address.id,
                'partner_shipping_id': self.delivery_address.id,
                'pricelist_id': self.pricelist.id,
                'user_id': self.salesperson.id,
                'team_id': self.team.id,
                'tag_ids': [Command.set(self.tag.ids)],
                'client_order_ref': "PO 7",
                'incoterm': incoterm.id,
                'incoterm_location': "Ghent",
                'journal_id': journal.id,
                'picking_policy': 'one',
                **origin,
            },
            line={'analytic_distribution': {str(self.analytic_account.id): 100.0}},
        )

        child = self._create_child(subscription)

        self.assertRecordValues(
            child,
            [
                {
                    'company_id': self.company.id,
                    'partner_id': self.customer.id,
                    'partner_invoice_id': self.invoice_address.id,
                    'partner_shipping_id': self.delivery_address.id,
                    'pricelist_id': self.pricelist.id,
                    'currency_id': self.foreign_currency.id,
                    'user_id': self.salesperson.id,
                    'team_id': self.team.id,
                    'tag_ids': self.tag.ids,
                    'client_order_ref': "PO 7",
                    'origin': subscription.order_id.name,
                    'continuity_parent_id': subscription.order_id.id,
                    'warehouse_id': subscription.order_id.warehouse_id.id,
                    'incoterm': incoterm.id,
                    'incoterm_location': "Ghent",
                    'journal_id': journal.id,
                    'picking_policy': 'one',
                    **origin,
                    'date_order': noon,
                    'commitment_date': noon,
                    'amount_untaxed': 40.0,
                }
            ],
        )
        self.assertEqual(child.order_line.analytic_distribution, {str(self.analytic_account.id): 100.0})

    def test_addresses_of_the_subscription_are_those_of_later_children(self):
        subscription = self._sell(self._create_program(2))
        self._create_child(subscription)
        subscription.write(
            {'partner_shipping_id': self.delivery_address.id, 'partner_invoice_id': self.invoice_address.id}
        )

        child = self._create_child(subscription, day('2027-02-01'))

        self.assertEqual(child.partner_shipping_id, self.delivery_address)
        self.assertEqual(child.partner_invoice_id, self.invoice_address)

    def test_commitment_date_is_the_companys_planned_day(self):
        self.company.partner_id.tz = 'Pacific/Auckland'
        subscription = self._sell(self._create_program(1, days_after_order=30))

        child = self._create_child(subscription, day('2027-03-01'))

        self.assertEqual(self.company._get_continuity_day(child.commitment_date), day('2027-01-31'))
        self.assertEqual(self.company._get_continuity_day(child.date_order), day('2027-03-01'))

    def _create_fiscal_position(self):
        """Return a fiscal position for deliveries to Belgium, and the tax it puts in place of the usual one."""
        belgium = self.env.ref('base.be')
        self.customer.country_id = self.env.ref('base.us')
        position = self.env['account.fiscal.position'].create(
            {'name': "Belgium", 'auto_apply': True, 'country_id': belgium.id}
        )
        tax = self.env['account.tax'].create(
            {
                'name': "Tax 6%",
                'amount': 6.0,
                'type_tax_use': 'sale',
                'fiscal_position_ids': [Command.set(position.ids)],
                'original_tax_ids': [Command.set(self.tax.ids)],
            }
        )
        return position, tax

    def test_taxes_are_those_of_the_delivery_address(self):
        position, tax = self._create_fiscal_position()
        self.delivery_address.country_id = self.env.ref('base.be')
        subscription = self._sell(self._create_program(2), order={'partner_shipping_id': self.customer.id})
        first = self._create_child(subscription)
        subscription.partner_shipping_id = self.delivery_address

        second = self._create_child(subscription, day('2027-02-01'))

        self.assertNotEqual(first.fiscal_position_id, position)
        self.assertEqual(first.order_line.tax_ids, self.tax)
        self.assertEqual(second.fiscal_position_id, position)
        self.assertEqual(second.order_line.tax_ids, tax)
        self.assertAlmostEqual(second.amount_total, 21 * 1.06)

    def test_one_off_address_has_its_own_taxes(self):
        position, tax = self._create_fiscal_position()
        self.delivery_address.country_id = self.env.ref('base.be')
        subscription = self._sell(self._create_program(1))
        subscription.line_ids.partner_shipping_id = self.delivery_address

        child = self._create_child(subscription)

        self.assertEqual(child.fiscal_position_id, position)
        self.assertEqual(child.order_line.tax_ids, tax)

    def test_name_of_the_line_is_in_the_customers_language(self):
        self.env['res.lang']._activate_lang('fr_FR')
        self.books[0].with_context(lang='fr_FR').name = "Livre 1"
        self.customer.lang = 'fr_FR'
        subscription = self._sell(self._create_program(1))

        child = self._create_child(subscription)

        self.assertEqual(child.order_line.name, "Livre 1")


@tagged('post_install', '-at_install')
class TestChildOrderPrices(CreateOrdersCase):
    def test_locked_price_is_that_of_the_order_day(self):
        subscription = self._sell(self._create_program(2))
        self.books[1].list_price = 99.0

        self._run_job('create_orders', day('2027-02-01'))

        self.assertEqual(self._get_children(subscription).order_line.mapped('price_unit'), [20.0, 21.0])

    def test_current_price_is_that_of_the_price_list(self):
        subscription = self._sell(self._create_program(2, price_policy='current'))
        self.books[1].list_price = 99.0

        child = self._create_child(subscription, day('2027-01-01'))
        self.assertEqual(child.order_line.price_unit, 20.0)
        child = self._create_child(subscription, day('2027-02-01'))

        self.assertEqual(child.order_line.price_unit, 99.0)
        self.assertEqual(subscription.line_ids[1].price_unit, 99.0)

    def test_current_price_is_that_of_the_day_the_child_is_made(self):
        pricelist = self.env['product.pricelist'].create(
            {
                'name': "From February",
                'item_ids': [
                    Command.create(
                        {
                            'applied_on': '3_global',
                            'compute_price': 'fixed',
                            'fixed_price': 15.0,
                            'date_start': '2027-02-01 00:00:00',
                        }
                    )
                ],
            }
        )
        subscription = self._sell(self._create_program(2, price_policy='current'), order={'pricelist_id': pricelist.id})

        self._run_job('create_orders')
        self._run_job('create_orders', day('2027-02-01'))

        self.assertEqual(self._get_children(subscription).order_line.mapped('price_unit'), [20.0, 15.0])

    def test_current_price_leaves_a_price_agreed_by_hand(self):
        subscription = self._sell(self._create_program(1, price_policy='current'))
        subscription.line_ids.price_unit = 12.0
        self.books[0].list_price = 99.0

        self.assertEqual(self._create_child(subscription).order_line.price_unit, 12.0)

    def test_current_price_leaves_the_fixed_price_of_the_event(self):
        program = self._create_program(
            [{'price_overridden': True, 'price_unit': 9.0, 'discount': 10.0}], price_policy='current'
        )
        subscription = self._sell(program)
        self.books[0].list_price = 99.0

        line = self._create_child(subscription).order_line

        self.assertEqual((line.price_unit, line.discount), (9.0, 10.0))

    def test_price_is_kept_whatever_recomputes_the_line(self):
        program = self._create_program([{'price_overridden': True, 'price_unit': 9.0, 'discount': 10.0}])
        self.company.continuity_autoconfirm = False
        child = self._create_child(self._sell(program))
        line = child.order_line

        for change in (
            lambda: line.write({'product_uom_qty': 5.0}),
            child.action_update_prices,
            lambda: child.write({'pricelist_id': self.env['product.pricelist'].create({'name': "Other"}).id}),
            child.action_update_prices,
            child.action_confirm,
            lambda: line.write({'product_uom_qty': 2.0}),
        ):
            change()
            self.env.flush_all()
            self.assertEqual((line.price_unit, line.discount), (9.0, 10.0))
        self.assertAlmostEqual(child.amount_untaxed, 16.2)

    def test_price_set_by_hand_on_the_child_stays(self):
        self.company.continuity_autoconfirm = False
        child = self._create_child(self._sell(self._create_program(1)))
        child.order_line.price_unit = 5.0

        child.order_line.product_uom_qty = 3.0

        self.assertEqual(child.order_line.price_unit, 5.0)

    def test_prepaid_child_has_nothing_to_invoice_and_is_invoiced_once_delivered(self):
        subscription = self._sell(self._create_program(2, bill_upfront=True))
        child = self._create_child(subscription)

        self.assertEqual(child.amount_total, 0.0)
        self.assertEqual(child.order_line.price_unit, 0.0)
        self.assertEqual(child.order_line.qty_to_invoice, 0.0)
        self.assertEqual(child.invoice_status, 'no')
        self.assertFalse(subscription.line_ids[0].is_invoiced)

        self._deliver(child)

        self.assertEqual(child.order_line.qty_to_invoice, 0.0)
        self.assertEqual(child.order_line.invoice_status, 'invoiced')
        self.assertEqual(child.invoice_status, 'invoiced')
        self.assertTrue(subscription.line_ids[0].is_invoiced)

    def test_prepaid_price_stays_0_whatever_recomputes_the_line(self):
        self.company.continuity_autoconfirm = False
        child = self._create_child(self._sell(self._create_program(1, bill_upfront=True)))

        child.order_line.product_uom_qty = 4.0
        child.action_update_prices()

        self.assertEqual((child.order_line.price_unit, child.order_line.discount), (0.0, 0.0))

    def test_an_ordinary_line_put_on_a_prepaid_child_is_billed(self):
        child = self._create_child(self._sell(self._create_program(1, bill_upfront=True)))

        child.order_line = [Command.create({'product_id': self._create_product("Mug", invoice_policy='order').id})]

        self.assertEqual(child.order_line.mapped('qty_to_invoice'), [0.0, 1.0])
        self.assertEqual(child.invoice_status, 'to invoice')
