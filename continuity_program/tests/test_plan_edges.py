"""What counts as a second membership: who, where, of what."""

from odoo.exceptions import UserError
from odoo.tests import tagged

from .common import ContinuityCase


@tagged('post_install', '-at_install')
class TestDuplicates(ContinuityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.program = cls._create_program(3)
        cls.other = cls.env['res.partner'].create({'name': "Bob Baker", 'street': "2 Short Street", 'city': "Ghent"})

    def _sell_draft(self, program=None, **order):
        return self._sell(program or self.program, confirm=False, order=order)

    def assertDuplicate(self, second, first):
        self.assertEqual(second.duplicate_ids, first)
        self.assertIn(f"already has program Book Club: {first.name}.", second.warning)

    def test_another_customer_at_the_same_delivery_address(self):
        first = self._sell(self.program)

        self.assertDuplicate(self._sell_draft(partner_id=self.other.id, partner_shipping_id=self.customer.id), first)
        self.assertFalse(self._sell_draft(partner_id=self.other.id).duplicate_ids)

    def test_the_same_customer_at_another_delivery_address(self):
        first = self._sell(self.program)

        self.assertDuplicate(self._sell_draft(partner_shipping_id=self.other.id), first)

    def test_another_person_of_the_same_company(self):
        company = self.env['res.partner'].create({'name': "Archers", 'is_company': True})
        one, two = self.env['res.partner'].create(
            [{'name': name, 'parent_id': company.id, 'type': 'other'} for name in ("Ann", "Abe")]
        )
        first = self._sell(self.program, order={'partner_id': one.id, 'partner_shipping_id': one.id})

        self.assertDuplicate(self._sell_draft(partner_id=two.id, partner_shipping_id=two.id), first)

    def test_a_paused_one_counts(self):
        first = self._sell(self.program)
        first._pause()

        self.assertDuplicate(self._sell_draft(), first)

    def test_another_program_does_not_count(self):
        self._sell(self.program)

        self.assertFalse(self._sell_draft(self._create_program(3)).duplicate_ids)

    def test_the_quotation_of_another_order_does_not_count(self):
        self._sell_draft()

        self.assertFalse(self._sell_draft().duplicate_ids)

    def test_the_same_delivery_address_is_refused_where_the_program_says_so(self):
        program = self._create_program(3, duplicate_policy='refuse')
        first = self._sell(program)
        second = self._sell_draft(program, partner_id=self.other.id, partner_shipping_id=self.customer.id)

        with self.assertRaisesRegex(UserError, f"this delivery address already has program Book Club: {first.name}"):
            second.order_id.action_confirm()

        self.assertEqual((second.state, second.order_id.state), ('draft', 'draft'))
