from pathlib import Path

from odoo.fields import Command
from odoo.tests import tagged

from .common import ContinuityCase

#: What a child order does not have from its parent, of all that can be entered on an order.
NOT_CARRIED = {
    'sale.order': {
        'access_token',
        'applied_coupon_ids',
        'cart_recovery_email_sent',
        'code_enabled_rule_ids',
        'customizable_pdf_form_fields',
        'locked',
        'name',
        'opportunity_id',
        'pending_email_template_id',
        'pickup_location_data',
        'prepayment_percent',
        'quotation_document_ids',
        'recompute_delivery_price',
        'reference',
        'shipping_weight',
        'shop_warning',
        'signature',
        'signed_by',
        'signed_on',
        'state',
        'stock_reference_ids',
        'validity_date',
    },
    'sale.order.line': {
        'collapse_composition',
        'collapse_prices',
        'combo_item_id',
        'coupon_id',
        'customer_lead',
        'display_type',
        'extra_tax_data',
        'invoice_lines',
        'is_delivery',
        'is_downpayment',
        'is_expense',
        'is_optional',
        'is_reward_line',
        'linked_line_id',
        'linked_virtual_id',
        'name',
        'order_id',
        'points_cost',
        'product_document_ids',
        'project_id',
        'purchase_price',
        'qty_delivered',
        'reward_id',
        'reward_identifier_code',
        'sequence',
        'shop_warning',
        'task_id',
        'virtual_id',
    },
}


class ChildCarriesCase(ContinuityCase):
    def _create_child(self, subscription, on=None):
        self._run_job('create_orders', on)
        return subscription.order_id.continuity_child_ids


@tagged('post_install', '-at_install')
class TestChildCarries(ChildCarriesCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.salesperson = cls._create_user('seller', 'sales_team.group_sale_salesman')

    def test_every_field_of_an_order_is_carried_or_listed(self):
        """A field that Odoo has, or gets, is either in what a child is made of or in the list with a reason."""
        subscription = self._sell(self._create_program(1))
        behaviour = (Path(__file__).resolve().parents[2] / 'docs/behaviour.md').read_text()
        prepared = {
            'sale.order': {*subscription._prepare_child_order(subscription.line_ids)},
            'sale.order.line': {*subscription.line_ids._prepare_child_line()},
        }
        for model, names in prepared.items():
            entered = {name for name, field in self.env[model]._fields.items() if self._is_entered(field)}
            self.assertEqual(entered - names - NOT_CARRIED[model], set())
            self.assertEqual(names & NOT_CARRIED[model], set())
            missing = {name for name in NOT_CARRIED[model] if f'`{name}`' not in behaviour}
            self.assertEqual(missing, set())

    def _is_entered(self, field):
        """Whether people, or a document that is copied, can give a field its value."""
        is_ours = field.name.startswith(('continuity_', 'activity_', 'message_', 'website_message_'))
        is_magic = field.name in ('id', 'create_uid', 'create_date', 'write_uid', 'write_date')
        is_other_side = field.type == 'one2many' and not field.compute and field.name != 'order_line'
        return field.store and not field.related and not (field.readonly or is_ours or is_magic or is_other_side)

    def test_what_was_agreed_on_the_order(self):
        method_line = self.env['account.payment.method.line'].search([('payment_type', '=', 'inbound')], limit=1)
        route = self.env['stock.route'].create({'name': "By Bike", 'sale_selectable': True})
        subscription = self._sell(
            self._create_program(1),
            order={'note': "<p>Ring twice.</p>", 'preferred_payment_method_line_id': method_line.id},
            line={'route_ids': [Command.set(route.ids)]},
        )

        child = self._create_child(subscription)

        self.assertIn("Ring twice.", child.note)
        self.assertTrue(method_line)
        self.assertEqual(child.preferred_payment_method_line_id, method_line)
        self.assertEqual(child.order_line.route_ids, route)

    def test_no_terms_of_the_company_come_back_that_were_taken_off_the_order(self):
        self.env['ir.config_parameter'].set_param('account.use_invoice_terms', True)
        self.company.invoice_terms = "General terms."
        subscription = self._sell(self._create_program(1), order={'note': False})

        self.assertFalse(self._create_child(subscription).note)

    def test_the_salesperson_follows_and_is_not_told(self):
        before = self.env['mail.notification'].search([], order='id desc', limit=1).id or 0
        subscription = self._sell(self._create_program(1), order={'user_id': self.salesperson.id})
        told = self.env['mail.notification'].search([('id', '>', before)])

        child = self._create_child(subscription)

        self.assertEqual(child.message_partner_ids, self.salesperson.partner_id)
        after = self.env['mail.notification'].search([('id', '>', before)])
        self.assertFalse((after - told).filtered(lambda note: note.res_partner_id == self.salesperson.partner_id))

    def test_an_answer_of_the_customer_reaches_the_salesperson(self):
        subscription = self._sell(self._create_program(1), order={'user_id': self.salesperson.id})
        child = self._create_child(subscription)

        message = child.message_post(
            body="Where is it?", author_id=self.customer.id, message_type='email', subtype_xmlid='mail.mt_comment'
        )

        self.assertEqual(message.notified_partner_ids, self.salesperson.partner_id)

    def test_each_salesperson_follows_his_own(self):
        other = self._create_user('other', 'sales_team.group_sale_salesman')
        archived = self._create_user('gone', 'sales_team.group_sale_salesman')
        program = self._create_program(1)
        sold = {user: self._sell(program, order={'user_id': user.id}) for user in (self.salesperson, other, archived)}
        archived.action_archive()

        self._run_job('create_orders')

        for user, subscription in sold.items():
            followers = subscription.order_id.continuity_child_ids.message_partner_ids
            self.assertEqual(followers, user.partner_id if user.active else followers.browse())


@tagged('post_install', '-at_install')
class TestChosenOptions(ChildCarriesCase):
    """What is chosen on the parent line, and makes no product of its own, is in each box."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        attribute = cls.env['product.attribute'].create(
            {
                'name': "Engraving",
                'create_variant': 'no_variant',
                'value_ids': [
                    Command.create({'name': "Without"}),
                    Command.create({'name': "With", 'is_custom': True, 'default_extra_price': 5.0}),
                ],
            }
        )
        cls.program = cls._create_program(2)
        cls.parent = cls._create_parent_product(cls.program)
        line = cls.env['product.template.attribute.line'].create(
            {
                'product_tmpl_id': cls.parent.product_tmpl_id.id,
                'attribute_id': attribute.id,
                'value_ids': [Command.set(attribute.value_ids.ids)],
            }
        )
        cls.without, cls.engraved = line.product_template_value_ids.sorted('price_extra')

    def _sell_engraved(self, **values):
        line = {
            'product_no_variant_attribute_value_ids': [Command.set(self.engraved.ids)],
            'product_custom_attribute_value_ids': [
                Command.create(
                    {'custom_product_template_attribute_value_id': self.engraved.id, 'custom_value': "For Ann"}
                )
            ],
        }
        return self._sell(self.program, product=self.parent, line=line, **values)

    def test_they_reach_the_box_and_the_packer(self):
        subscription = self._sell_engraved()

        line = self._create_child(subscription).order_line

        self.assertEqual(line.product_no_variant_attribute_value_ids, self.engraved)
        self.assertEqual(line.product_custom_attribute_value_ids.mapped('custom_value'), ["For Ann"])
        self.assertIn("Engraving: With: For Ann", line.name)
        self.assertEqual(line.move_ids.never_product_template_attribute_value_ids, self.engraved)
        self.assertIn("For Ann", line.move_ids.description_picking)
        self.assertEqual(
            subscription.order_line_id.product_custom_attribute_value_ids.mapped('custom_value'), ["For Ann"]
        )

    def test_they_are_in_the_price_of_each_box(self):
        subscription = self._sell_engraved()
        self.assertEqual(subscription.line_ids.mapped('price_unit'), [25.0, 26.0])

        child = self._create_child(subscription)

        self.assertEqual(child.amount_untaxed, 25.0)
        child.order_line.product_uom_qty = 2.0
        self.assertEqual(child.amount_untaxed, 50.0)

    def test_they_are_in_the_price_of_the_day(self):
        self.program.price_policy = 'current'
        subscription = self._sell_engraved()
        self.books[0].list_price = 30.0

        self.assertEqual(self._create_child(subscription).amount_untaxed, 35.0)

    def test_they_are_in_the_price_in_the_orders_currency_and_by_the_dozen(self):
        currency = self.env['res.currency'].create(
            {'name': "CNT", 'symbol': "¤", 'rate_ids': [Command.create({'name': '2020-01-01', 'rate': 2.0})]}
        )
        pricelist = self.env['product.pricelist'].create({'name': "Abroad", 'currency_id': currency.id})
        dozen = self.env.ref('uom.product_uom_dozen')
        self.program.line_ids.write({'product_uom_id': dozen.id, 'price_overridden': True, 'price_unit': 100.0})

        subscription = self._sell_engraved(order={'pricelist_id': pricelist.id})

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [320.0, 320.0])

    def test_billed_in_advance_they_are_in_the_bill(self):
        self.program.bill_upfront = True
        subscription = self._sell_engraved()

        self.assertEqual(subscription.order_line_id.price_subtotal, 51.0)
        self.assertEqual(subscription.line_ids.mapped('prepaid_amount'), [25.0, 26.0])
        self.assertEqual(self._create_child(subscription).amount_total, 0.0)

    def test_chosen_afterwards_they_change_the_plan(self):
        subscription = self._sell_engraved(confirm=False)

        subscription.order_line_id.product_no_variant_attribute_value_ids = self.without

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 21.0])

    def test_a_changed_program_keeps_them_in_the_price(self):
        subscription = self._sell_engraved()
        self.program.line_ids[1].product_id = self.books[5]

        self._run_job('sync')

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [25.0, 30.0])

    def test_a_price_agreed_for_the_event_has_them_in_it(self):
        subscription = self._sell_engraved(confirm=False)
        subscription.order_line_id.price_unit = 40.0

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [40.0, 40.0])

    def test_plain_plans_cost_nothing_more(self):
        subscription = self._sell(self.program, product=self.parent)

        self.assertEqual(subscription.line_ids.mapped('price_unit'), [20.0, 21.0])
        self.assertFalse(self._create_child(subscription).order_line.product_no_variant_attribute_value_ids)
