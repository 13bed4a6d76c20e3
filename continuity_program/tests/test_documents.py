from odoo.fields import Command
from odoo.tests import HttpCase, tagged
from odoo.tools import html2plaintext

from .common import day
from .common_payments import PaymentCase


class DocumentCase(PaymentCase):
    def _render(self, order):
        """Return the plans on the printed order, as plain text without blanks and line breaks in between."""
        html = self.env['ir.actions.report']._render_qweb_html('sale.report_saleorder', order.ids)[0].decode()
        text = ' '.join(html2plaintext(html).replace('\xa0', ' ').split())
        return text.partition('Your plan: ')[2]

    def _get_rows(self, subscription):
        document = subscription._get_document()
        return [
            (row['number'], str(row['date']), row['products'], round(row['amount'], 2)) for row in document['shipments']
        ]


@tagged('post_install', '-at_install')
class TestDocuments(DocumentCase):
    def test_a_quotation_shows_each_shipment_and_when_it_is_paid(self):
        program = self._create_program([{}, {'quantity': 2}, {}])
        program.write({'line_ids': [Command.create({'event_number': 2, 'product_id': self.books[5].id})]})
        subscription = self._sell(program, confirm=False)

        self.assertEqual(
            self._get_rows(subscription),
            [
                # 20, 2 × 21 + 25, 22, and 10 % of tax
                (1, '2027-01-01', ["1 × Book 1"], 22.0),
                (2, '2027-02-01', ["2 × Book 2", "1 × Book 6"], 73.7),
                (3, '2027-03-01', ["1 × Book 3"], 24.2),
            ],
        )
        text = self._render(subscription.order_id)
        self.assertTrue(text.startswith("Book Club"))
        self.assertIn("2 02/01/2027 2 × Book 2 1 × Book 6 $ 73.70", text)
        self.assertIn("The whole plan $ 119.90", text)
        self.assertIn("Each shipment is billed when it has shipped.", text)
        self.assertNotIn("Payments", text)

    def test_an_order_without_a_program_shows_no_plan(self):
        order = self.env['sale.order'].create(
            {'partner_id': self.customer.id, 'order_line': [Command.create({'product_id': self.books[0].id})]}
        )
        self.assertEqual(self._render(order), '')

    def test_an_optional_line_that_is_not_taken_has_no_plan(self):
        subscription = self._sell(self._create_program(2), confirm=False, quantity=0)
        self.assertEqual(self._render(subscription.order_id), '')

    def test_a_plan_billed_in_advance_shows_its_parts_and_instalments(self):
        program = self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id)
        subscription = self._sell(program, confirm=False)
        subscription.order_line_id.price_unit = 60.0

        # 66.00 with tax, in the proportion of 19.05 : 20.00 : 20.95.
        self.assertEqual([row[3] for row in self._get_rows(subscription)], [20.96, 22.0, 23.04])
        text = self._render(subscription.order_id)
        self.assertIn("The whole plan $ 66.00 Payments Instalment Due Amount 1 01/01/2027 $ 22.00", text)
        self.assertIn("2 01/31/2027 $ 22.00 3 03/02/2027 $ 22.00", text)

    def test_what_is_paid_in_advance_with_the_first_shipment_says_so(self):
        subscription = self._sell(self._create_program(2, bill_upfront=True, upfront_invoice_moment='first_shipment'))

        self.assertIn("1 with the first shipment $ 45.10", self._render(subscription.order_id))

    def test_what_is_paid_already_is_no_payment_to_come(self):
        subscription = self._sell(self._create_program(3, bill_upfront=True, payment_term_id=self.thirds.id))
        self._run_job('process_payments')
        self._pay(subscription.payment_ids[0])

        self.assertEqual([row['number'] for row in subscription._get_document()['payments']], [2, 3])

    def test_a_schedule_per_shipment_shows_each_instalment(self):
        subscription = self._sell(self._create_program(2, payment_term_id=self.thirds.id), confirm=False)

        document = subscription._get_document()

        self.assertEqual(
            [(row['shipment'], row['number'], str(row['date']), row['amount']) for row in document['payments']],
            [
                (1, 1, '2027-01-01', 7.33),
                (1, 2, '2027-01-31', 7.33),
                (1, 3, '2027-03-02', 7.34),
                (2, 1, '2027-02-01', 7.7),
                (2, 2, '2027-03-03', 7.7),
                (2, 3, '2027-04-02', 7.7),
            ],
        )
        self.assertEqual(document['payment_text'], '')

    def test_shipping_costs_are_in_the_amounts(self):
        postage = self._create_product("Postage", type='service', is_storable=False)
        shipping = {'shipping_policy': 'fixed', 'shipping_product_id': postage.id, 'shipping_amount': 2.0}
        subscription = self._sell(self._create_program(2, **shipping), confirm=False)
        # (20 + 2) and (21 + 2), and 10 % of tax
        self.assertEqual([row[3] for row in self._get_rows(subscription)], [24.2, 25.3])

        prepaid = self._sell(self._create_program(2, name="Paid", bill_upfront=True, **shipping), confirm=False)
        self.assertEqual([row[3] for row in self._get_rows(prepaid)], [24.2, 25.3])

    def test_a_long_plan_is_shortened(self):
        subscription = self._sell(self._create_program([{'repeat_count': 18}]), confirm=False)
        self.company.continuity_repeat_threshold = 12
        document = subscription._get_document()

        # 12 are planned, 6 are bought and planned later.
        self.assertEqual([row['number'] for row in document['shipments']], list(range(1, 13)))
        self.assertEqual((document['before'], document['after'], document['total']), ('', "And 6 more.", None))

    def test_a_long_plan_of_known_dates_tells_its_last_day(self):
        subscription = self._sell(self._create_program([{}] * 15), confirm=False)
        document = subscription._get_document()

        self.assertEqual(len(document['shipments']), 12)
        self.assertEqual(document['after'], "And 3 more, the last on 03/01/2028.")
        self.assertEqual(document['total'], subscription.amount_total)

    def test_an_endless_plan_goes_on(self):
        subscription = self._sell(self._create_program([{'repeat_forever': True}]), confirm=False)
        document = subscription._get_document()

        self.assertEqual(len(document['shipments']), 12)
        self.assertEqual((document['after'], document['total']), ("And so on, until cancelled.", None))

    def test_what_was_delivered_makes_room(self):
        subscription = self._sell(self._create_program([{}] * 15))
        self.company.continuity_delivery_days = 60
        self._run_job('create_orders', day('2027-02-01'))
        self._deliver(subscription.child_order_ids)
        self._run_job('create_orders', day('2027-03-01'))
        document = subscription._get_document()

        self.assertEqual(document['before'], "Sent already: 2 shipments.")
        self.assertEqual([row['number'] for row in document['shipments']], list(range(3, 15)))
        self.assertEqual(document['after'], "And 1 more, the last on 03/01/2028.")

    def test_many_instalments_are_shortened(self):
        subscription = self._sell(self._create_program(5, payment_term_id=self.thirds.id), confirm=False)
        document = subscription._get_document()

        self.assertEqual(len(document['payments']), 12)
        # The fifth shipment: 24 and 10 % of tax.
        self.assertEqual(document['payments_after'], "And 3 more, in all $\xa026.40.")

    def test_cards_are_charged_as_it_is_said(self):
        self._create_token()
        subscription = self._sell(self._create_program(2), confirm=False)
        self.assertEqual(
            subscription._get_document()['payment_text'], "Each shipment is charged to your card when it has shipped."
        )
        self.company.continuity_charge_moment = 'creation'
        self.assertEqual(
            subscription._get_document()['payment_text'], "Each shipment is charged to your card before it is sent."
        )

    def test_of_a_stopped_one_only_what_was_sent_is_left(self):
        subscription = self._sell(self._create_program(3))
        self._run_job('create_orders')
        subscription._cancel()

        self.assertEqual(self._get_rows(subscription), [(1, '2027-01-01', ["1 × Book 1"], 22.0)])
        self.assertEqual(subscription._get_document()['payment_text'], '')

    def test_the_plans_come_in_the_order_of_the_lines(self):
        club = self._create_parent_product(self._create_program(1))
        coffee = self._create_parent_product(self._create_program(1, name="Coffee"))
        order = self.env['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'order_line': [Command.create({'product_id': product.id}) for product in (club, coffee)],
            }
        )
        self.assertRegex(self._render(order), "^Book Club .* Your plan: Coffee ")

    def test_it_is_in_the_customers_language(self):
        self.env['res.lang']._activate_lang('fr_FR')
        self.customer.lang = 'fr_FR'
        subscription = self._sell(self._create_program(2), confirm=False)

        self.assertIn("2 01/02/2027 1 × Book 2 $ 23,10", self._render(subscription.order_id))

    def test_product_codes_are_not_for_customers(self):
        self.books[0].default_code = "B1"
        subscription = self._sell(self._create_program(1), confirm=False)

        self.assertEqual(self._get_rows(subscription)[0][2], ["1 × Book 1"])


@tagged('post_install', '-at_install')
class TestPortalDocument(HttpCase, DocumentCase):
    def test_a_visitor_with_the_link_sees_the_plan(self):
        order = self._sell(self._create_program(2), confirm=False).order_id

        page = self.url_open(order.get_portal_url())

        text = ' '.join(html2plaintext(page.text).replace('\xa0', ' ').split())
        self.assertIn("Your plan: Book Club", text)
        self.assertIn("2 02/01/2027 1 × Book 2 $ 23.10", text)
