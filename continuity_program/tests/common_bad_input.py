from odoo.exceptions import UserError

from .common import ContinuityCase


class BadInputCase(ContinuityCase):
    def _assert_refused(self, message, function, *args, error=UserError, **kwargs):
        """Check that the call is refused with the message; what it wrote is rolled back, as in a request."""
        with self.assertRaisesRegex(error, message), self.cr.savepoint():
            function(*args, **kwargs)
