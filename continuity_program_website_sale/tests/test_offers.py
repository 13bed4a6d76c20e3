import json

from lxml import html

from odoo import fields
from odoo.fields import Command
from odoo.tests import tagged

from .common_offers import OffersCase


@tagged('post_install', '-at_install')
class TestOneFigure(OffersCase):
    """A plan costs the same wherever the shop tells it."""

    def test_each_kind_costs_the_same_on_every_page(self):
        self.env['product.template'].search([]).is_published = False
        products = {kind: self._publish_kind(kind) for kind in self.kinds}
        grid = self._open('/shop')
        for kind, (_events, _values, price) in self.kinds.items():
            product = products[kind]
            with self.subTest(kind=kind):
                page = self._open(product.website_url)
                markup = json.loads(page.xpath("//script[@type='application/ld+json']/text()")[-1])
                tile = grid.xpath(
                    f"//*[contains(@class, 'oe_product_cart')][.//*[normalize-space(.)='{product.name}']]"
                )
                self.assertIn(f"$ {price:.2f}", self._get_text(page, "//*[@name='product_price_container']"))
                self.assertEqual(self._get_markup_price(markup), price)
                self.assertIn(f"$ {price:.2f}", ' '.join(tile[0].text_content().split()))
                self.assertEqual(self._search_price(product), price)
                info = self._get_info(product)
                self.assertEqual((info['price'], info['list_price']), (price, price))
                self._check_order(product, page, price)

    def _get_markup_price(self, markup):
        offers = [entry['offers'] for entry in (markup if isinstance(markup, list) else [markup]) if 'offers' in entry]
        return offers[0]['price']

    def _search_price(self, product):
        rows = self.make_jsonrpc_request(
            '/website/snippet/autocomplete',
            {
                'search_type': 'products',
                'term': product.name,
                'order': 'name asc',
                'limit': 5,
                'max_nb_chars': 50,
                'options': {
                    'displayDetail': True,
                    'displayImage': False,
                    'displayDescription': False,
                    'displayExtraLink': False,
                    'allowFuzzy': False,
                },
            },
        )['results']
        row = next(row for row in rows if html.fromstring(row['name']).text_content() == product.name)
        return float(html.fromstring(row['detail']).xpath("//*[@class='oe_currency_value']/text()")[0])

    def _get_info(self, product, quantity=1, combination=()):
        return self.make_jsonrpc_request(
            '/website_sale/get_combination_info',
            {
                'product_template_id': product.product_tmpl_id.id,
                'product_id': product.id,
                'combination': list(combination),
                'add_qty': quantity,
            },
        )

    def _check_order(self, product, page, price):
        """What the cart, the toast and the analytics tell is what the product page tells."""
        self.authenticate(None, None)
        answer = self.make_jsonrpc_request(
            '/shop/cart/add',
            {'product_template_id': product.product_tmpl_id.id, 'product_id': product.id, 'quantity': 1},
        )
        self.env.invalidate_all()
        plan = self.env['continuity.subscription'].search([('product_id', '=', product.id)], order='id desc', limit=1)
        offer = plan._get_offer()
        toast, tracked = answer['notification_info']['lines'][0], answer['tracking_info'][0]
        self.assertEqual(self._get_text(page, "//*[@name='continuity_plan']"), self._clean(plan._get_summary(False)))
        self.assertEqual(self._get_text(page, "//*[@name='continuity_offer']"), self._clean(plan._word_offer()))
        self.assertIn(plan._word_offer(), toast['description'])
        self.assertAlmostEqual(toast['price_total'], offer.get_value(), 2)
        self.assertAlmostEqual(tracked['price'], offer.get_price(untaxed=True), 2)
        self.assertAlmostEqual(offer.get_price(), price, 2)
        cart = self._open('/shop/cart')
        self.assertIn(f"$ {offer.due_now:.2f}", self._get_text(cart, "//tr[@name='o_continuity_due_now']"))
        if offer.total is not None:
            self.assertIn(f"$ {offer.total:.2f}", self._get_text(cart, "//tr[@name='o_continuity_total']"))
            self.assertAlmostEqual(plan.order_id.continuity_total, offer.total, 2)
        else:
            self.assertFalse(cart.xpath("//tr[@name='o_continuity_total']"))

    def _clean(self, text):
        return ' '.join(text.split())

    def test_two_of_a_plan(self):
        product = self._publish_kind('by box')
        info = self._get_info(product, quantity=2)
        self._add(product, quantity=2)
        cart = self._open('/shop/cart')

        self.assertEqual(info['price'], 22.0)
        self.assertIn("$ 44.00 to $ 48.40 per box of 2", self._clean(info['continuity_plan']))
        self.assertEqual(
            self._get_text(cart, "//*[@class='o_continuity_plan_price']"), "$ 44.00 to $ 48.40 per box of 2"
        )

    def test_what_an_option_costs_is_charged(self):
        size = self.env['product.attribute'].create(
            {
                'name': "Size",
                'create_variant': 'always',
                'value_ids': [Command.create({'name': "M"}), Command.create({'name': "L", 'default_extra_price': 5.0})],
            }
        )
        paper = self.env['product.attribute'].create(
            {
                'name': "Paper",
                'create_variant': 'no_variant',
                'value_ids': [
                    Command.create({'name': "Plain"}),
                    Command.create({'name': "Fine", 'default_extra_price': 1.0}),
                ],
            }
        )
        for values, medium, large, badge in (({}, 22.0, 27.5, 5.5), ({'bill_upfront': True}, 69.3, 85.8, 16.5)):
            with self.subTest(values=values):
                template = self.env['product.template'].create(
                    {
                        'name': "Choice Club",
                        'type': 'service',
                        'is_published': True,
                        'taxes_id': [Command.set(self.tax.ids)],
                        'continuity_program_id': self._create_program(3, **values).id,
                        'attribute_line_ids': [
                            Command.create({'attribute_id': kind.id, 'value_ids': [Command.set(kind.value_ids.ids)]})
                            for kind in (size, paper)
                        ],
                    }
                )
                options = template.attribute_line_ids.product_template_value_ids
                plain, fine = options.filtered(lambda option, paper=paper: option.attribute_id == paper)
                for variant, price in zip(template.product_variant_ids, (medium, large), strict=True):
                    chosen = variant.product_template_attribute_value_ids
                    self.assertAlmostEqual(self._get_info(variant, combination=(chosen | plain).ids)['price'], price, 2)
                    dearer = price + 1.1 * (3 if values else 1)
                    self.assertAlmostEqual(self._get_info(variant, combination=(chosen | fine).ids)['price'], dearer, 2)
                    self.authenticate(None, None)
                    cart = self._add(variant)
                    self.assertAlmostEqual(cart.continuity_subscription_ids._get_offer().get_price(), price, 2)
                page = self._open(template.website_url)
                badges = [
                    ' '.join(node.text_content().split()) for node in page.xpath("//*[@class='variant_price_extra']")
                ]
                self.assertIn(f"$ {badge:.2f}", badges)


@tagged('post_install', '-at_install')
class TestFindingPlans(OffersCase):
    """Plans among other products, by what they cost."""

    def setUp(self):
        super().setUp()
        self.env['product.template'].search([]).is_published = False
        self.cheap, self.dear = (
            self._create_product(f"Lamp {price}", price, is_published=True) for price in (10.0, 50.0)
        )
        self.by_box = self._publish_kind('by box', list_price=0.0)
        self.in_advance = self._publish_kind('in advance', list_price=1000.0)

    def _get_names(self, query):
        page = self._open(f'/shop?{query}')
        found = page.xpath("//*[@id='o_wsale_products_grid']//h2//a | //*[@id='o_wsale_products_grid']//h6//a")
        return [' '.join(node.text_content().split()) for node in found]

    def test_sorted_by_price(self):
        names = ["Lamp 10.0", "Club by box", "Lamp 50.0", "Club in advance"]

        self.assertEqual(self._get_names('order=list_price asc'), names)
        self.assertEqual(self._get_names('order=list_price desc'), names[::-1])

    def test_filtered_by_price(self):
        self.assertEqual(set(self._get_names('min_price=15&max_price=55')), {"Club by box", "Lamp 50.0"})
        self.assertEqual(set(self._get_names('min_price=60')), {"Club in advance"})
        self.assertEqual(set(self._get_names('max_price=15')), {"Lamp 10.0"})

    def test_the_price_list_of_the_visitor_counts(self):
        self.env.ref('base.group_user').implied_ids += self.env.ref('product.group_product_pricelist')
        half = self.env['product.pricelist'].create(
            {
                'name': "Half",
                'website_id': self.website.id,
                'selectable': True,
                'item_ids': [Command.create({'compute_price': 'percentage', 'percent_price': 60.0})],
            }
        )
        self.url_open(f'/shop/change_pricelist/{half.id}')

        self.assertEqual(self._get_names('order=list_price asc')[0], "Club by box")

    def test_a_product_that_sells_a_plan_no_longer(self):
        self.by_box.product_tmpl_id.write({'continuity_program_id': False, 'list_price': 5.0})

        self.assertEqual(self._get_names('order=list_price asc')[0], "Club by box")

    def test_a_feed_for_search_engines(self):
        self.website.enabled_gmc_src = True
        # Odoo feeds no services.
        (self.by_box | self.in_advance).type = 'consu'
        feed = self.env['product.feed'].create({'name': "Feed", 'website_id': self.website.id})
        response = self.url_open(feed.url)

        self.assertIn("22.0 USD", response.text)
        self.assertIn("69.3 USD", response.text)
        self.assertNotIn(">0.0 USD", response.text)
        self.assertNotIn("1100.0 USD", response.text)


@tagged('post_install', '-at_install')
class TestCrawler(OffersCase):
    """Nothing is told to cost 0.00 that is not free, on any page that a link leads to."""

    def test_the_crawler_finds_what_costs_nothing(self):
        for told in (
            "<p>Total $ 0.00</p>",
            "<p>0.00 $</p>",
            "<tr name='o_continuity_total'><td>$ 0.00</td></tr>",
            """<script type="application/ld+json">{"price": 0.0}</script>""",
        ):
            self.assertTrue(self._find_nothings(f"<html><body>{told}</body></html>"), told)
        for told in (
            "<p>Total $ 10.00, 20.00</p>",
            "<p>1,000.00</p>",
            "<table><tr name='o_continuity_due_now'><td>$ 0.00</td></tr></table>",
            "<p name='continuity_offer'>Due today $ 0.00</p>",
            "<script>price = 0.0</script>",
        ):
            self.assertFalse(self._find_nothings(f"<html><body>{told}</body></html>"), told)

    def _order_all(self):
        """Order each kind, one order of goods beside, and one quotation, as the customer who has a login."""
        orders = self.env['sale.order']
        for kind in self.kinds:
            product = self._publish_kind(kind)
            orders |= self._sell(
                product.continuity_program_id, product=product, on=fields.Date.to_date('2027-01-10')
            ).order_id
        quotation = self._sell(product.continuity_program_id, product=product, confirm=False).order_id
        quotation.write({'state': 'sent', 'require_signature': True})
        by_box = self._publish_kind('by box')
        second = self._sell(by_box.continuity_program_id, product=by_box, confirm=False, quantity=2).order_id
        second.state = 'sent'
        return orders | quotation | second

    def test_a_visitor(self):
        self.env['product.template'].search([]).is_published = False
        products = [self._publish_kind(kind) for kind in self.kinds]
        for product in (products[0], products[-1]):
            self._add(product)
        self._enter_address()
        pages = self._crawl('/shop', '/shop/cart', '/shop/checkout', '/shop/payment')

        self.assertGreater(len(pages), len(products))
        self._assert_nothing_is_free(pages)

    def test_a_customer_with_a_login(self):
        self.env['product.template'].search([]).is_published = False
        orders = self._order_all()
        self.authenticate('ann-shop', 'ann-shop')
        pages = self._crawl('/my', '/my/orders', '/my/quotes', '/my/continuity')

        paths = {url.partition('?')[0] for url, _text in pages}
        self.assertLessEqual({f'/my/orders/{order.id}' for order in orders}, paths)
        self._assert_nothing_is_free(pages)

    def test_mails_and_paper(self):
        orders = self._order_all()
        told = []
        for order in orders:
            template = order._find_mail_template()
            mail = template._generate_template(order.ids, ['body_html'])[order.id]['body_html']
            paper = self.env['ir.actions.report']._render_qweb_html('sale.report_saleorder', order.ids)[0]
            told += [(f"mail {order.name}", str(mail)), (f"paper {order.name}", paper.decode())]
            for plan in order.continuity_subscription_ids:
                if plan.occurrences_left == 0:
                    total = f"{plan.amount_total:.2f}"
                    self.assertIn(total, str(mail))
                    self.assertIn(total, paper.decode())

        self._assert_nothing_is_free(told)

    def test_the_mail_of_the_shop(self):
        cart = self._add(self._publish_kind('until canceled'))
        self._enter_address()
        self._pay(self._go_to_payment())
        mail = self.env['mail.message'].search(
            [('model', '=', 'sale.order'), ('res_id', '=', cart.id), ('body', 'ilike', 'confirmed')]
        )

        self.assertEqual(len(mail), 1)
        self.assertIn("$ 22.00", html.fromstring(mail.body).text_content().replace('\xa0', ' '))
        self.assertIn("until you cancel it", mail.body)
        self.assertFalse(self._find_nothings(str(mail.body)))

    def test_the_confirmation_tells_what_was_paid_and_what_follows(self):
        self._add(self._publish_kind('in halves'))
        self._enter_address()
        self._pay(self._go_to_payment())
        page = self._open('/shop/payment/validate')

        self.assertIn("Paid today $ 34.65", self._get_text(page, "//tr[@name='o_continuity_paid']"))
        self.assertIn("Next $ 34.65 on 9 Feb 2027", self._get_text(page, "//tr[@name='o_continuity_later']"))
        self.assertFalse(page.xpath("//tr[@name='o_continuity_due_now']"))
