from datetime import datetime

from odoo.fields import Command

from .common import ContinuityCase, day


class PlanCase(ContinuityCase):
    THREE_BOOKS = [
        (1, '2027-01-01', "Book 1", 'planned'),
        (2, '2027-02-01', "Book 2", 'planned'),
        (3, '2027-03-01', "Book 3", 'planned'),
    ]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = cls._create_program(3)
        cls.membership = cls._create_parent_product(cls.program)

    def _create_calendar_program(self, count=6, **values):
        """Return a program with an event on the 5th of each month from November 2026."""
        return self._create_program([{'start_date': day('2026-11-05')}, *([{}] * (count - 1))], **values)

    def _create_order(self, products=None, on=None, **values):
        """Return a quotation of products, by default the membership."""
        return self._as_of(on)['sale.order'].create(
            {
                'partner_id': self.customer.id,
                'date_order': datetime.combine(on or self.today, datetime.min.time()).replace(hour=12),
                'order_line': [Command.create({'product_id': product.id}) for product in products or self.membership],
                **values,
            }
        )

    def _get_shipments(self, subscription):
        """Return (shipment no., day, event ID) of each planned line."""
        return [
            (line.event_number, str(line.date_planned), line.program_event_number)
            for line in subscription.line_ids.sorted(
                lambda line: (line.event_number, line.program_event_number, line.occurrence)
            )
        ]
