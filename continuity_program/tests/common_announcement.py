from .common import ContinuityCase, day


class AnnouncementCase(ContinuityCase):
    """A book a month from 1 January 2027 on, announced 14 days ahead, with 10 days to reply."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.email = 'ann@example.com'
        cls.program = cls._create_program(3, announce_days=14)

    def setUp(self):
        super().setUp()
        self.subscription = self._sell(self.program)
        self.lines = self.subscription.line_ids.sorted('event_number')

    def _announce(self, on):
        return self._run_job('announce', on=day(on))

    def _get_mails(self):
        """Return the mails waiting that announce a shipment."""
        return self.env['mail.mail'].search([('model', '=', 'continuity.line'), ('res_id', 'in', self.lines.ids)])

    def _get_children(self):
        self.env.invalidate_all()
        return self.subscription.child_order_ids

    def _on(self, on):
        """Return the subscription on a day."""
        return self.subscription.with_env(self._as_of(day(on)))
