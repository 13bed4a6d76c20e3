from datetime import date, datetime

from odoo import fields
from odoo.fields import Command
from odoo.tests import TransactionCase


def day(text):
    """Return the date written as ``2027-01-31``."""
    return date.fromisoformat(text)


class ContinuityCase(TransactionCase):
    """Programs, parent products and orders made in a line, and the jobs run on a given day.

    Orders are sold on 1 January 2027, unless a test says otherwise.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env.user.group_ids += cls.env.ref('sales_team.group_sale_manager')
        cls.company = cls.env.company
        cls.company.partner_id.tz = 'UTC'
        cls.today = day('2027-01-01')
        cls.customer = cls.env['res.partner'].create({'name': "Ann Archer", 'street': "1 Long Street", 'city': "Ghent"})
        cls.tax = cls.env['account.tax'].create({'name': "Tax 10%", 'amount': 10.0, 'type_tax_use': 'sale'})
        cls.books = cls._create_products(12)

    @classmethod
    def _prepare_product(cls, name, price=20.0, **values):
        return {
            'name': name,
            'type': 'consu',
            'is_storable': True,
            'list_price': price,
            'taxes_id': [Command.set(cls.tax.ids)],
            'invoice_policy': 'delivery',
            **values,
        }

    @classmethod
    def _create_product(cls, name, price=20.0, **values):
        return cls.env['product.product'].create(cls._prepare_product(name, price, **values))

    @classmethod
    def _create_products(cls, count, price=20.0):
        """Return ``count`` storable products: "Book 1" at ``price``, the next one 1.00 more, and so on."""
        return cls.env['product.product'].create(
            [cls._prepare_product(f"Book {number}", price + number - 1) for number in range(1, count + 1)]
        )

    @classmethod
    def _create_program(cls, events=3, **values):
        """Return a program; ``events`` is a number of monthly books, or a list of dicts of event line values (the
        product is the next book when not given)."""
        if isinstance(events, int):
            events = [{}] * events
        lines = [
            Command.create({'product_id': cls.books[index % len(cls.books)].id, **event})
            for index, event in enumerate(events)
        ]
        return cls.env['continuity.program'].create({'name': "Book Club", 'line_ids': lines, **values})

    @classmethod
    def _create_parent_product(cls, program, **values):
        return cls._create_product(
            "Book Club Membership", 100.0, type='service', is_storable=False, continuity_program_id=program.id, **values
        )

    def _sell(self, program, confirm=True, on=None, quantity=1.0, product=None, order=None, line=None, **subscription):
        """Sell a program on a day and return its subscription.

        :param order: values of the order, ``line`` of its line, other keywords of the subscription.
        """
        product = product or program.product_tmpl_ids[:1].product_variant_id or self._create_parent_product(program)
        env = self._as_of(on)
        sale_order = env['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'date_order': datetime.combine(on or self.today, datetime.min.time()).replace(hour=12),
                'order_line': [Command.create({'product_id': product.id, 'product_uom_qty': quantity, **(line or {})})],
                **(order or {}),
            }
        )
        subscription_record = sale_order.continuity_subscription_ids
        if subscription:
            subscription_record.write(subscription)
        if confirm:
            sale_order.action_confirm()
        return subscription_record

    def _as_of(self, on=None):
        """Return the environment of a day: ``self.today`` by default."""
        context = {**self.env.context, 'continuity_as_of': fields.Date.to_string(on or self.today)}
        return self.env(su=True, context=context)

    def _run_job(self, job, on=None, **kwargs):
        """Run a job on a day and check that its counts add up."""
        run = self.env['continuity.job.run']._execute(job, as_of=on or self.today, **kwargs)
        self.assertEqual(run.selected_count, run.done_count + run.skipped_count + run.failed_count)
        self.assertEqual(run.state, 'done')
        return run

    def _count_queries_of(self, job, count, on=None):
        """Run a job that has so many records to do, and return how many SQL queries it needs."""
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        run = self._run_job(job, on)
        self.env.cr.flush()
        queries = self.env.cr.sql_log_count - before
        self.assertEqual(run.done_count, count)
        return queries

    def _assert_few_queries(self, count_queries):
        """A job needs next to no more queries for more records: it works by batch.

        :param count_queries: sells so many, runs the job and returns what that needed.
        """
        count_queries(2)  # caches are warm after it
        few, many = count_queries(10), count_queries(30)
        self.assertLessEqual((many - few) / 20, 0.25, msg=f"{few} queries for 10, {many} for 30")

    def _get_plan(self, subscription):
        """Return the plan as a list of (shipment no., day as text, product name, state)."""
        return [
            (line.event_number, fields.Date.to_string(line.date_planned), line.product_id.name, line.state)
            for line in subscription.line_ids.sorted(lambda line: (line.event_number, line.id))
        ]

    def _get_dates(self, subscription):
        return [fields.Date.to_string(line.date_planned) for line in subscription.line_ids.sorted('event_number')]

    def _deliver(self, orders):
        """Deliver everything of the orders."""
        for move in orders.picking_ids.move_ids.filtered(lambda move: move.state not in ('done', 'cancel')):
            move.quantity = move.product_uom_qty
            move.picked = True
        for picking in orders.picking_ids.filtered(lambda picking: picking.state not in ('done', 'cancel')):
            picking._action_done()

    def _start_return(self, picking):
        """Return the transfer by which the goods of a delivery come back, one of each; it is not done yet."""
        wizard = (
            self.env['stock.return.picking']
            .with_context(active_model='stock.picking', active_id=picking.id, active_ids=picking.ids)
            .create({})
        )
        wizard.product_return_moves.quantity = 1
        return self.env['stock.picking'].browse(wizard.action_create_returns()['res_id'])

    def _pay(self, payments):
        """Register what is open of each instalment, one by one, and return Odoo's payments."""
        registered = self.env['account.payment']
        for line in payments.move_line_id:
            wizard = self.env['account.payment.register'].with_context(
                active_model='account.move.line', active_ids=line.ids
            )
            registered |= wizard.create({})._create_payments()
        return registered

    @classmethod
    def _create_schedule(cls, name, *parts):
        """Return a payment term of these (percent, days)."""
        return cls.env['account.payment.term'].create(
            {
                'name': name,
                'line_ids': [
                    Command.create({'value': 'percent', 'value_amount': percent, 'nb_days': days})
                    for percent, days in parts
                ],
            }
        )

    @classmethod
    def _create_token(cls, partner=None, **values):
        """Return a card of the demo provider, saved for the customer."""
        provider = cls.env.ref('payment.payment_provider_demo')
        provider.sudo().state = 'test'
        return (
            cls.env['payment.token']
            .sudo()
            .create(
                {
                    'provider_id': provider.id,
                    'payment_method_id': cls.env.ref('payment_demo.payment_method_demo').id,
                    'payment_details': "4242",
                    'partner_id': (partner or cls.customer).id,
                    'provider_ref': "demo",
                    **values,
                }
            )
        )

    @classmethod
    def _create_user(cls, login, *groups, **values):
        """Return a user with the groups of these XML ids."""
        return (
            cls.env['res.users']
            .with_context(no_reset_password=True)
            .create(
                {
                    'name': login.title(),
                    'login': login,
                    'email': f"{login}@example.com",
                    'group_ids': [Command.set([cls.env.ref(group).id for group in groups])],
                    **values,
                }
            )
        )
