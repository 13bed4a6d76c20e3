from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import Form, tagged

from .common_regressions import RegressionCase


@tagged('post_install', '-at_install')
class TestRightsOfOthers(RegressionCase):
    def test_delivery_of_a_colleagues_order_is_reserved(self):
        worker = self._create_user('worker', 'stock.group_stock_user', 'sales_team.group_sale_salesman')
        picking = self._sell_product(self.books[0], user_id=self.colleague.id).picking_ids
        self.env['stock.quant']._update_available_quantity(self.books[0], picking.location_id, 1)
        self.env.invalidate_all()

        picking.with_user(worker).action_assign()

        self.assertEqual(picking.state, 'assigned')

    def test_who_only_handles_goods_delivers_a_child(self):
        self.company.continuity_delivery_days = 3650  # the day of a run does not count for other users than its own
        worker = self._create_user('worker', 'stock.group_stock_user')
        subscription = self._sell_for(self.colleague)
        self._run_job('create_orders')
        picking = subscription.child_order_ids.picking_ids
        self.env.invalidate_all()

        worked_on = picking.with_user(worker).with_context({})
        worked_on.move_ids.quantity = 1
        worked_on.move_ids.picked = True
        self.env.invalidate_all()
        worked_on.button_validate()

        self.assertEqual(picking.state, 'done')
        self.assertEqual(subscription.line_ids[0].state, 'delivered')

    def test_a_colleagues_duplicate_is_told_and_not_shown(self):
        program = self._create_program(2)
        theirs = self._sell_for(self.colleague, program)
        mine = self._sell_for(self.agent, program)
        draft = self._sell_for(self.agent, program, confirm=False).with_user(self.agent)
        self.env.invalidate_all()

        [values] = draft.web_read({'has_duplicates': {}, 'warning': {}, 'summary': {}})

        self.assertTrue(values['has_duplicates'])
        self.assertEqual(
            values['warning'],
            f"Ann Archer or this delivery address already has program Book Club: {mine.name}, {theirs.name}.",
        )
        self.assertEqual(draft.action_view_duplicates()['domain'], [('id', 'in', mine.ids)])

    def test_agent_of_another_company_gets_the_clear_refusal(self):
        other = self.env['res.company'].create({'name': "Other Books"})
        foreigner = self._create_user(
            'foreigner', 'sales_team.group_sale_salesman', company_id=other.id, company_ids=[Command.set(other.ids)]
        )
        product = self._create_parent_product(self._create_program(2, bill_upfront=True))
        self.env.invalidate_all()
        form = Form(self.env(user=foreigner.id, context={'allowed_company_ids': other.ids})['sale.order'])
        form.partner_id = self.customer

        with self.assertRefused("sells program Book Club of .* and cannot be sold by Other Books"):
            with form.order_line.new() as line:
                line.product_id = product
            form.save()

    def test_portal_user_reads_the_name_and_not_what_went_wrong(self):
        portal = self._create_user('portia', 'base.group_portal')
        subscription = self._sell(self._create_program(2), order={'partner_id': portal.partner_id.id})
        subscription._park('create_orders', "No route to the warehouse.")
        self.env.invalidate_all()

        seen = subscription.with_user(portal)

        self.assertEqual(seen.read(['display_name'])[0]['display_name'], f"{subscription.name} Book Club")
        self.assertEqual(
            seen.line_ids[0].read(['display_name'])[0]['display_name'], f"{subscription.name}, shipment 1: Book 1"
        )
        with self.assertRaises(AccessError):
            seen.read(['park_reason'])


@tagged('post_install', '-at_install')
class TestDefaultsOfTheContext(RegressionCase):
    """Kept fields cannot come as default values of an RPC call's context."""

    def test_order_line_takes_no_planned_line(self):
        planned = self._sell_for(self.colleague).line_ids[0]
        context = {'default_continuity_line_id': planned.id}
        values = {'product_id': self.books[3].id}

        order = (
            self.env['sale.order']
            .with_user(self.agent)
            .with_context(context)
            .create({'partner_id': self.customer.id, 'order_line': [Command.create(values)]})
        )
        self.env['sale.order.line'].with_user(self.agent).with_context(context).create({**values, 'order_id': order.id})

        self.assertEqual(len(order.order_line), 2)
        self.assertFalse(order.order_line.continuity_line_id)
        self.assertEqual(planned.state, 'planned')

    def test_order_becomes_no_child_and_is_not_held(self):
        parent = self._sell_for(self.agent).order_id

        order = (
            self.env['sale.order']
            .with_user(self.agent)
            .with_context(default_continuity_parent_id=parent.id, default_continuity_payment_hold=True)
            .create({'partner_id': self.customer.id})
        )

        self.assertFalse(order.continuity_parent_id)
        self.assertFalse(order.continuity_role)
        self.assertFalse(order.continuity_payment_hold)

    def test_planned_line_is_planned(self):
        subscription = self._sell_for(self.agent)

        line = (
            self.env['continuity.line']
            .with_user(self.agent)
            .with_context(default_is_cancelled=True, default_program_event_number=3, default_prepaid_amount=99.0)
            .create({'subscription_id': subscription.id, 'product_id': self.books[4].id, 'date_planned': self.today})
        )

        self.assertEqual((line.state, line.program_event_number, line.prepaid_amount), ('planned', 0, 0.0))
