from datetime import date

from lxml import html

from odoo.tests import tagged

from odoo.addons.continuity_program.domain.offer import Rhythm

from .common import ContinuityCase, day


@tagged('post_install', '-at_install')
class TestOffer(ContinuityCase):
    """What a plan costs, as page, documents, portal and mails tell it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.email = "ann@example.com"
        cls.halves = cls._create_schedule("In halves", (50, 0), (50, 30))
        cls.lamp = cls._create_product("Lamp", 50.0)
        cls.postage = cls._create_product("Postage", 2.0, type='service', is_storable=False)
        cls.kinds = {
            'by box': {},
            'shipping': {'shipping_policy': 'fixed', **cls._prepare_postage()},
            'in advance': {'bill_upfront': True},
            'in halves': {'bill_upfront': True, 'payment_term_id': cls.halves.id},
            'with the first box': {'bill_upfront': True, 'upfront_invoice_moment': 'first_shipment'},
            'own price': {'bill_upfront': True, 'upfront_price_policy': 'product'},
            'shipping in advance': {'bill_upfront': True, 'shipping_policy': 'fixed', **cls._prepare_postage()},
        }

    @classmethod
    def _prepare_postage(cls):
        return {'shipping_product_id': cls.postage.id, 'shipping_amount': 2.0}

    def _say(self, text):
        return ' '.join(text.split())

    def _preview(self, program, quantity=1.0):
        """Return the plan that an order of today would get, in memory only."""
        program = program.with_env(self._as_of())
        order = {'partner_id': self.customer.id, 'date_order': '2027-01-01 12:00:00'}
        plan = program._prepare_preview(program.product_tmpl_ids.product_variant_id, order, quantity=quantity)
        plan._preview_plan(self.today)
        return plan

    def _read_paper(self, order):
        paper = self.env['ir.actions.report']._render_qweb_html('sale.report_saleorder', order.ids)[0]
        return self._say(html.fromstring(paper).text_content())

    def _read_mail(self, order):
        template = order._find_mail_template()
        body = template._generate_template(order.ids, ['body_html'])[order.id]['body_html']
        return self._say(html.fromstring(str(body)).text_content())

    def test_a_plan_in_memory_costs_what_its_order_will(self):
        for kind, values in self.kinds.items():
            for quantity in (1.0, 2.0):
                with self.subTest(kind=kind, quantity=quantity):
                    program = self._create_program(3, **values)
                    self._create_parent_product(program)
                    sold = self._sell(program, confirm=False, quantity=quantity)

                    self.assertEqual(self._preview(program, quantity)._get_offer(), sold._get_offer())

    def test_the_boxes_come_to_the_whole(self):
        for kind, values in self.kinds.items():
            with self.subTest(kind=kind):
                offer = self._sell(self._create_program(3, **values), confirm=False)._get_offer()

                self.assertAlmostEqual(sum(box.price + box.shipping for box in offer.boxes), offer.total, 2)
                paid = offer.due_now + sum(due.amount for due in offer.dues)
                self.assertAlmostEqual(paid, offer.total if offer.in_advance else 0.0, 2)
                self.assertEqual((offer.first_day, offer.last_day), (date(2027, 1, 1), date(2027, 3, 1)))
                self.assertEqual(offer.rhythm, Rhythm(1, 'month'))

    def test_in_words(self):
        boxes = "each month, 3 boxes, last 1 Mar 2027"
        said = {
            'by box': f"Due today $ 0.00 · then $ 22.00 to $ 24.20 {boxes} · in all $ 69.30",
            'shipping': f"Due today $ 0.00 · then $ 24.20 to $ 26.40 {boxes} · in all $ 75.90",
            'in advance': "Due today $ 69.30 · in all $ 69.30",
            'in halves': "Due today $ 34.65 · then $ 34.65 on 31 Jan 2027 · in all $ 69.30",
            'with the first box': "Due today $ 0.00 · then $ 69.30 with the first box · in all $ 69.30",
            'own price': "Due today $ 110.00 · in all $ 110.00",
            'shipping in advance': "Due today $ 75.90 · in all $ 75.90",
        }
        for kind, values in self.kinds.items():
            with self.subTest(kind=kind):
                plan = self._sell(self._create_program(3, **values), confirm=False)

                self.assertEqual(self._say(plan._word_offer()), said[kind])

    def test_until_canceled_and_a_commitment(self):
        plan = self._sell(self._create_program([{'repeat_forever': True}], minimum_shipments=2), confirm=False)

        self.assertEqual(
            self._say(plan._word_offer()),
            "Due today $ 0.00 · then $ 22.00 each month, until canceled · at least 2 boxes",
        )
        self.assertIn("It goes on until you cancel it. You agree to at least 2 boxes.", self._read_paper(plan.order_id))

    def test_two_of_a_plan(self):
        plan = self._sell(self._create_program(3), confirm=False, quantity=2.0)

        self.assertIn("$ 44.00 to $ 48.40 per box of 2", self._say(plan.summary))

    def test_a_price_of_its_own_is_shared(self):
        program = self._create_program(3, bill_upfront=True, upfront_price_policy='product')
        product = self._create_product(
            "Club", 60.0, type='service', is_storable=False, continuity_program_id=program.id
        )
        plan = self._sell(program, confirm=False, product=product)

        self.assertIn("$ 20.96 to $ 23.04 each · in all $ 66.00", self._say(plan.summary))

    def test_what_is_taken_off_the_first_boxes(self):
        plan = self._sell(self._create_program(3), confirm=False, discount_on_first=30.0)
        offer = plan._get_offer()

        self.assertEqual([box.price for box in offer.boxes], [0.0, 15.1, 24.2])
        self.assertAlmostEqual(offer.total, 39.3, 2)

    def test_the_total_of_an_order_with_plans(self):
        order = self._sell(self._create_program(3), confirm=False).order_id
        order.order_line.create({'order_id': order.id, 'product_id': self.lamp.id})
        in_advance = self._sell(self._create_program(3, bill_upfront=True), confirm=False).order_id
        plain = self.env['sale.order'].create({'partner_id': self.customer.id})
        plain.order_line.create({'order_id': plain.id, 'product_id': self.lamp.id})

        self.assertEqual((order.amount_total, order.continuity_total), (55.0, 124.3))
        self.assertEqual((in_advance.amount_total, in_advance.continuity_total), (69.3, 69.3))
        self.assertEqual(plain.continuity_total, 55.0)
        self.assertEqual(plain._get_offer_rows(), [])

    def test_paper_and_mail_tell_the_plan_and_nothing_of_nothing(self):
        order = self._sell(self._create_program(3), confirm=False).order_id
        for text in (self._read_paper(order), self._read_mail(order)):
            self.assertIn("Due today $ 0.00 Then $ 22.00 to $ 24.20 each month, 3 boxes, last 1 Mar 2027", text)
            self.assertIn("In all $ 69.30", text)
            self.assertIn("It ends by itself after the last box, on 1 Mar 2027.", text)
            self.assertEqual(text.count("0.00"), text.count("Due today $ 0.00"))

    def test_a_confirmation_tells_the_plan_in_place_of_the_order(self):
        order = self._sell(self._create_program(3), confirm=False).order_id
        order.with_context(send_email=True).action_confirm()
        mail = order.message_ids.filtered(lambda message: "has been confirmed" in message.body)

        self.assertEqual(len(mail), 1)
        said = self._say(html.fromstring(mail.body).text_content())
        self.assertIn("Next $ 22.00 on 1 Jan 2027", said)
        self.assertNotIn("0.00 ", said.replace("2.00 ", ""))

    def test_a_mail_that_the_company_wrote_stays(self):
        own = self.env.ref('sale.mail_template_sale_confirmation').copy()
        self.env['ir.config_parameter'].set_param('sale.default_confirmation_template', own.id)
        order = self._sell(self._create_program(3)).order_id

        self.assertEqual(order._find_mail_template(), own)

    def test_a_plain_order_has_the_mail_of_odoo(self):
        order = self.env['sale.order'].create({'partner_id': self.customer.id})

        self.assertEqual(order._find_mail_template(), self.env.ref('sale.email_template_edi_sale'))

    def test_what_is_paid_and_what_is_next(self):
        plan = self._sell(self._create_program(3, bill_upfront=True, payment_term_id=self.halves.id))
        self._run_job('process_payments')
        self._pay(plan.payment_ids.sorted('number')[0])
        rows = {row.code: row for row in plan.order_id.with_env(self._as_of())._get_offer_rows()}
        later = {row.code: row for row in plan.order_id.with_env(self._as_of(day('2027-01-05')))._get_offer_rows()}

        self.assertEqual((rows['paid'].label, rows['paid'].amount), ("Paid today", 34.65))
        self.assertEqual(self._say(rows['later'].text), "$ 34.65 on 31 Jan 2027")
        self.assertEqual(later['paid'].label, "Paid so far")
