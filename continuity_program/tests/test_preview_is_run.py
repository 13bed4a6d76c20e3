from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from odoo.fields import Command
from odoo.tests import tagged

from .common import ContinuityCase

cents = st.integers(1, 9999).map(lambda number: number / 100)

event_lines = st.fixed_dictionaries(
    {
        'book': st.integers(0, 5),
        'is_new_event': st.booleans(),
        'quantity': st.sampled_from([1, 2, 3, 7]),
        'price': st.none() | cents,
        'discount': st.sampled_from([0, 5, 12.5, 33.33]),
        'timing': st.fixed_dictionaries(
            {
                'repeat_count': st.integers(1, 3),
                'interval_number': st.integers(1, 3),
                'interval_unit': st.sampled_from(['day', 'week', 'month']),
                'action': st.sampled_from(['normal', 'normal', 'normal', 'skip']),
            }
        ),
    }
)
programs = st.fixed_dictionaries(
    {
        'lines': st.lists(event_lines, min_size=1, max_size=4),
        'price_policy': st.sampled_from(['locked', 'current']),
        'bill_upfront': st.booleans(),
        'stock_policy': st.sampled_from(['backorder', 'backorder', 'wait', 'substitute']),
        'shipping': st.none() | cents,
        'days_after_order': st.integers(0, 10),
    }
)
sales = st.fixed_dictionaries(
    {
        'quantity': st.integers(1, 3),
        'has_price_list': st.booleans(),
        'is_by_card': st.booleans(),
        'discount': st.sampled_from([0, 0, 15]),
        'days': st.integers(0, 100),
        'new_price': st.none() | cents,
        'stock': st.lists(st.integers(0, 12), min_size=6, max_size=6),  # of the first six books
    }
)


@tagged('post_install', '-at_install')
class TestPreviewIsRun(ContinuityCase):
    """For any program, sold in any way, the preview of a run is what the run then makes, to the cent."""

    maxDiff = 5000

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        included = cls.env['account.tax'].create(
            {'name': "Tax 21% incl.", 'amount': 21.0, 'type_tax_use': 'sale', 'price_include_override': 'tax_included'}
        )
        for number, book in enumerate(cls.books[:6]):
            # Billed in advance, all have the same taxes: the even ones
            book.taxes_id = [Command.set(((cls.tax, included)[number % 2]).ids)]
            book.list_price = 9.99 + 1.37 * number
        cls.price_list = cls.env['product.pricelist'].create(
            {
                'name': "Members",
                'item_ids': [Command.create({'compute_price': 'percentage', 'percent_price': 7.77})],
            }
        )
        cls.shipping = cls._create_product("Shipping", type='service', is_storable=False)
        cls.env.flush_all()

    def _create_random_program(self, lines, shipping, **values):
        events, number, timing = [], 0, {}
        for line in lines:
            if line['is_new_event'] or not number:
                number, timing = number + 1, line['timing']
            book = line['book'] // 2 * 2 if values['bill_upfront'] else line['book']
            price = line['price']
            priced = {'price_overridden': True, 'price_unit': price, 'discount': line['discount']} if price else {}
            events.append(
                {
                    'event_number': number,
                    'product_id': self.books[book].id,
                    'quantity': line['quantity'],
                    'substitute_ids': [Command.set(self.books[:6].ids)],
                    **priced,
                    **(timing if number > 1 else {**timing, 'action': 'normal'}),
                }
            )
        if shipping:
            shipping_values = {'shipping_product_id': self.shipping.id, 'shipping_amount': shipping}
            values |= {'shipping_policy': 'fixed', **shipping_values}
        return self._create_program(events, **values)

    def _count_rows(self):
        """Return how many rows each table has, and how often the transaction wrote one, taken back or not."""
        self.env.cr.flush()  # and what waits for the commit, like the tracking of what the test wrote
        self.env.cr.execute("SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public' ORDER BY relname")
        tables = [name for (name,) in self.env.cr.fetchall()]
        self.env.cr.execute(' UNION ALL '.join(f"""SELECT '{name}', count(*) FROM "{name}" """ for name in tables))
        rows = dict(self.env.cr.fetchall())
        self.env.cr.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables ORDER BY relname"
        )
        return rows, dict(self.env.cr.fetchall())

    def _get_made(self, subscription):
        return sorted(
            (
                str(self.company._get_continuity_day(child.commitment_date)),
                round(child.amount_total, 2),
                child.order_line.continuity_line_id.sorted('id').ids,
                [(line.product_id.id, line.product_uom_qty) for line in child.order_line if line.continuity_line_id],
                ', '.join(self._get_text(line) for line in child.order_line if line.continuity_line_id),
            )
            for child in subscription.order_id.continuity_child_ids
        )

    def _get_text(self, child_line):
        planned = child_line.continuity_line_id.instead_of_id
        text = f"{child_line.product_uom_qty:g} × {child_line.product_id.name}"
        return f"{text} instead of {planned.name}" if planned else text

    def _get_promised(self, rows):
        lines = self.env['continuity.line']
        return sorted(
            (
                str(row['date']),
                round(row['amount'], 2),
                sorted(row['line_ids']),
                [(line.product_id.id, line.quantity) for line in lines.browse(row['line_ids'])],
                row['change'],
            )
            for row in rows
            if not row['skipped']
        )

    # Without shrinking: an example takes a quarter of a second, and a failing one is short enough to read
    @settings(
        max_examples=40,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
    )
    @given(programs, sales)
    def test_create_orders(self, program, sale):
        savepoint = self.env.cr.savepoint()
        try:
            self._check_preview(self._create_random_program(**program), **sale)
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all()

    def _check_preview(self, program, quantity, has_price_list, is_by_card, discount, days, new_price, stock):
        order = {'pricelist_id': self.price_list.id} if has_price_list else {}
        subscription = self._sell(
            program, quantity=quantity, order=order, line={'discount': discount} if discount else {}
        )
        if is_by_card:
            subscription.payment_method = 'token'
        if new_price:
            self.books[0].list_price = new_price
        location = subscription.order_id.warehouse_id.lot_stock_id
        for book, count in zip(self.books, stock, strict=False):
            if count:
                self.env['stock.quant']._update_available_quantity(book, location, count)
        on = self.today + timedelta(days=days)
        domain = [('id', '=', subscription.id)]
        before = self._count_rows()

        rows = self.env['continuity.job.run']._preview('create_orders', as_of=on, domain=domain)

        self.assertEqual(self._count_rows(), before)
        run = self._run_job('create_orders', on, domain=domain)
        self.assertFalse(run.failed_count, run.issue_ids.mapped('reason'))
        self.assertEqual(self._get_promised(rows), self._get_made(subscription))
        self.assertEqual(run.skipped_count, sum(bool(row['skipped']) for row in rows))
        self.assertEqual({row['subscription_id'] for row in rows} - {subscription.id}, set())
        left = self.env['continuity.job.run']._preview('create_orders', as_of=on, domain=domain)
        # What was made since may leave even less in stock
        self.assertEqual(
            [{**row, 'skipped': True} for row in left], [{**row, 'skipped': True} for row in rows if row['skipped']]
        )
