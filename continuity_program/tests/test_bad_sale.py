from odoo.exceptions import ValidationError
from odoo.fields import Command
from odoo.tests import tagged

from .common_bad_input import BadInputCase


@tagged('post_install', '-at_install')
class TestBadSale(BadInputCase):
    def test_quantity_of_the_parent_line(self):
        subscription = self._sell(self._create_program(2), confirm=False)

        self._assert_refused("quantity must be above 0", subscription.order_line_id.write, {'product_uom_qty': -1})

    def test_negative_quantity_in_a_new_order(self):
        program = self._create_program(2)
        self._create_parent_product(program)

        self._assert_refused("quantity must be above 0", self._sell, program, quantity=-1)

    def test_negative_quantity_of_a_running_parent_line(self):
        subscription = self._sell(self._create_program(2))

        self._assert_refused(subscription.name, subscription.order_line_id.write, {'product_uom_qty': -2})

    def test_values_of_a_planned_line(self):
        line = self._sell(self._create_program(2), confirm=False).line_ids[0]

        for message, values in [
            ("the quantity must be above 0", {'quantity': 0}),
            ("the quantity must be above 0", {'quantity': -1}),
            ("the discount must be between 0 and 100 %\\.", {'discount': 120}),
            ("the shipment number must be 1 or more", {'event_number': 0}),
            (
                "a product that sells a continuity program cannot be sent by one",
                {'product_id': line.subscription_id.product_id.id},
            ),
        ]:
            with self.subTest(message):
                self._assert_refused(f"CS.*, shipment .*{message}", line.write, values, error=ValidationError)

    def test_archived_product_put_into_a_plan(self):
        subscription = self._sell(self._create_program(2))
        self.books[9].action_archive()

        self._assert_refused("Book 10.* archived", subscription.line_ids[0].write, {'product_id': self.books[9].id})

    def test_planned_line_cannot_be_deleted(self):
        line = self._sell(self._create_program(2), confirm=False).line_ids[0]

        self._assert_refused("CS.*, shipment 1: Book 1 is part of the plan and cannot be deleted", line.unlink)

    def test_subscription_that_ran_cannot_be_deleted(self):
        subscription = self._sell(self._create_program(2))

        self._assert_refused(f"{subscription.name} .*has run and cannot be deleted", subscription.unlink)

    def test_two_currencies_without_a_rate(self):
        currency = self.env['res.currency'].create({'name': 'EUX', 'symbol': 'x'})
        program = self._create_program([{'price_overridden': True, 'price_unit': 30.0}], currency_id=currency.id)
        self._create_parent_product(program)

        self._assert_refused(
            "Program Book Club has prices in EUX and .* is in USD, but EUX has no exchange rate. Add one",
            self._sell,
            program,
        )

    def test_order_currency_without_a_rate(self):
        currency = self.env['res.currency'].create({'name': 'EUX', 'symbol': 'x'})
        pricelist = self.env['product.pricelist'].create({'name': "EUX", 'currency_id': currency.id})
        program = self._create_program([{'price_overridden': True, 'price_unit': 30.0}])
        subscription = self._sell(program, confirm=False)

        self._assert_refused(
            "Program Book Club has prices in USD and .* is in EUX, but EUX has no exchange rate",
            subscription.order_id.write,
            {'pricelist_id': pricelist.id},
        )

    def test_fixed_prices_do_not_change_their_currency_silently(self):
        currency = self.env['res.currency'].create({'name': 'EUX', 'symbol': 'x'})
        program = self._create_program([{'price_overridden': True, 'price_unit': 30.0}])

        self._assert_refused(
            "Program Book Club has fixed prices in USD. Remove them", program.write, {'currency_id': currency.id}
        )


@tagged('post_install', '-at_install')
class TestOtherCompany(BadInputCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other_company = cls.env['res.company'].create({'name': "Second House"})
        cls.env.user.company_ids += cls.other_company

    def test_program_of_another_company_cannot_be_sold(self):
        program = self._create_program(2, company_id=self.other_company.id)
        self._create_parent_product(program)

        self._assert_refused(
            "Book Club Membership sells program Book Club of Second House and cannot be sold by",
            self._sell,
            program,
        )

    def test_program_is_sold_in_its_own_company(self):
        program = self._create_program(2, company_id=self.other_company.id)
        product = self._create_parent_product(program)

        order = (
            self.env(su=True)['sale.order']
            .with_company(self.other_company)
            .create(
                {
                    'partner_id': self.customer.id,
                    'company_id': self.other_company.id,
                    'order_line': [Command.create({'product_id': product.id})],
                }
            )
        )

        self.assertEqual(order.continuity_subscription_ids.company_id, self.other_company)
        self.assertEqual(len(order.continuity_subscription_ids.line_ids), 2)

    def test_product_of_one_company_with_the_program_of_another(self):
        program = self._create_program(1, company_id=self.other_company.id)

        self._assert_refused(
            "Product Book Club Membership: it belongs to .*, but program Book Club to Second House",
            self._create_parent_product,
            program,
            company_id=self.company.id,
            error=ValidationError,
        )

    def test_event_product_of_another_company(self):
        self.books[0].company_id = self.other_company

        self._assert_refused("Book 1", self._create_program, 1)

    def test_sold_program_cannot_move(self):
        program = self._create_program(1)
        self._sell(program)

        self._assert_refused(
            "Program Book Club is sold in another company and cannot move",
            program.write,
            {'company_id': self.other_company.id},
        )

    def test_quotation_with_a_program_cannot_move_to_another_company(self):
        subscription = self._sell(self._create_program(1), confirm=False)

        self._assert_refused("Book Club", subscription.order_id.write, {'company_id': self.other_company.id})


@tagged('post_install', '-at_install')
class TestBadParameters(BadInputCase):
    def test_parameters_of_the_company(self):
        for message, values in [
            ('"Continuity Lead Days" must be from 0 to 3,650', {'continuity_lead_days': -1}),
            ('"On Account Bill Days" must be from 0 to 3,650', {'continuity_bill_lead_days': -1}),
            ('"Continuity Days Before Delivery" must be from -1 to 3,650', {'continuity_delivery_days': -2}),
            ('"Repeat Threshold" must be from 1 to 1,000,000', {'continuity_repeat_threshold': 0}),
            ('"Number of Orders to Create" must be from 0 to 1,000,000', {'continuity_orders_per_run': -1}),
        ]:
            with self.subTest(values=values):
                constraint = self._get_violated_constraint(values)
                self.assertIn(message, constraint)

    def _get_violated_constraint(self, values):
        """Return the message that the user sees for the company values."""
        result = (
            self.env['res.company']
            .with_context(import_file=True)
            .load(['.id', *values], [[str(self.company.id), *map(str, values.values())]])
        )
        self.assertFalse(result['ids'])
        return result['messages'][0]['message']
