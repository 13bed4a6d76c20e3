import re
from collections import deque
from urllib.parse import urljoin, urlsplit

from lxml import html

from odoo.fields import Command

from .common import ShopPagesCase

#: An amount of nothing, however it is written.
NOTHING = re.compile(r'(?<![\d.,])(?:\$\s*|"price":\s*"?|€\s*)?0[.,]0+(?![\d])')
#: Where it may be said: what is due today may be nothing, and a shop's range of prices begins anywhere.
ALLOWED = (
    "//*[@name='o_continuity_due_now']",
    "//*[@name='continuity_offer'][starts-with(normalize-space(.), 'Due today')]",
    "//script[not(@type='application/ld+json')]",
    "//style",
    "//head/*[not(self::title)][not(self::script[@type='application/ld+json'])]",
)
#: Pages that change something, or are another's.
LEFT_ALONE = re.compile(
    r'/(web|odoo|logout|report|forum|blog|event|slides|jobs|contactus|shop/(change_pricelist|wishlist|compare))|[?&](order|ppg)='
)


class OffersCase(ShopPagesCase):
    """Plans of each kind in the shop, and a crawler that reads all pages about them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.shipping = cls._create_product("Postage", 2.0, type='service', is_storable=False)
        cls.halves = cls._create_schedule("In halves", (50, 0), (50, 30))
        cls.gross_tax = cls.env['account.tax'].create(
            {'name': "Included 10%", 'amount': 10.0, 'type_tax_use': 'sale', 'price_include_override': 'tax_included'}
        )
        cls.gross_book = cls._create_product("Gross Book", 22.0, taxes_id=[Command.set(cls.gross_tax.ids)])
        gross = [{'product_id': cls.gross_book.id, 'repeat_count': 3}]
        account = {'allowed_methods': 'on_account'}
        #: (name, events, values of the program, what its price is in the shop)
        cls.kinds = {
            'by box': (3, {}, 22.0),
            'by box, shipping': (3, {'shipping_policy': 'fixed', **cls._prepare_shipping()}, 22.0),
            'until canceled': ([{'repeat_forever': True}], {}, 22.0),
            'committed': (3, {'minimum_shipments': 2}, 22.0),
            'gross': (gross, account, 22.0),
            'in advance': (3, {'bill_upfront': True}, 69.3),
            'in halves': (3, {'bill_upfront': True, 'payment_term_id': cls.halves.id}, 69.3),
            'with the first box': (
                3,
                {'bill_upfront': True, 'upfront_invoice_moment': 'first_shipment', **account},
                69.3,
            ),
            'own price': (3, {'bill_upfront': True, 'upfront_price_policy': 'product'}, 110.0),
            'in advance, shipping': (
                3,
                {'bill_upfront': True, 'shipping_policy': 'fixed', **cls._prepare_shipping()},
                75.9,
            ),
            'gross in advance': (gross, {'bill_upfront': True, **account}, 66.0),
        }

    @classmethod
    def _prepare_shipping(cls):
        return {'shipping_product_id': cls.shipping.id, 'shipping_amount': 2.0}

    def _publish_kind(self, kind, **product):
        events, values, _price = self.kinds[kind]
        sold = self._publish(events, **values)
        sold.write({'name': f"Club {kind}", **product})
        return sold

    # === READING === #

    def _crawl(self, *starts, limit=60):
        """Return (url, text of the response) of the pages that links lead to from these, on this site."""
        seen, queue = set(), deque(starts)
        pages = []
        while queue and len(pages) < limit:
            url = queue.popleft()
            path = urlsplit(url)
            if (path.path, path.query) in seen:
                continue
            seen.add((path.path, path.query))
            response = self.url_open(url)
            if 'text/html' not in response.headers.get('Content-Type', ''):
                continue
            self.assertEqual(response.status_code, 200, url)
            pages.append((url, response.text))
            queue.extend(self._find_links(url, response.text))
        return pages

    def _find_links(self, url, text):
        for link in html.fromstring(text).xpath('//a/@href'):
            target = urlsplit(urljoin(url, link))
            is_here = link.startswith('/') and not link.startswith('//')
            if is_here and target.path.startswith(('/shop', '/my')) and not LEFT_ALONE.search(link):
                yield f"{target.path}?{target.query}" if target.query else target.path

    def _find_nothings(self, text):
        """Return where a page says 0.00 of something that is not free."""
        page = html.fromstring(text)
        for xpath in ALLOWED:
            for node in page.xpath(xpath):
                node.drop_tree()
        said = ' '.join(page.text_content().split())
        return [said[max(match.start() - 60, 0) : match.end() + 20] for match in NOTHING.finditer(said)]

    def _assert_nothing_is_free(self, pages):
        told = {url: found for url, text in pages if (found := self._find_nothings(text))}
        self.assertFalse(told)
