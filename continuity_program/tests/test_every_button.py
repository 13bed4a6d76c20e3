from contextlib import contextmanager

from lxml import etree

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import Form, tagged
from odoo.tools.safe_eval import safe_eval
from odoo.tools.view_validation import get_expression_field_names

from .common_law import LawCase

#: What is chosen in each dialog that a button of an order opens; a dialog that is not here has to be thought of.
CHOICES = {
    'account.accrued.orders.wizard': [],  # books nothing of the order's own
    'base.document.layout': [],  # how papers look
    'choose.delivery.carrier': [{'carrier_id': 'carrier'}],
    'mail.compose.message': [],  # writes to somebody, and changes nothing
    'mail.followers.edit': [],
    'sale.mass.cancel.orders': [{}],
    'payment.link.wizard': [{}],
    'portal.share': [],
    'sale.advance.payment.inv': [
        {'advance_payment_method': 'delivered'},
        {'advance_payment_method': 'percentage', 'amount': 30.0},
        {'advance_payment_method': 'fixed', 'fixed_amount': 12.0},
    ],
    'sale.loyalty.coupon.wizard': [{'coupon_code': 'TEN'}],
    'sale.loyalty.reward.wizard': [{}],
    'sale.order.cancel': [{}],
    'sale.order.discount': [
        {'discount_type': 'so_discount', 'discount_percentage': 0.1},
        {'discount_type': 'sol_discount', 'discount_percentage': 0.1},
        {'discount_type': 'amount', 'discount_amount': 12.0},
    ],
}


@tagged('post_install', '-at_install')
class TestEveryButton(LawCase):
    """Whatever Odoo lets a salesperson press on an order: it does what it says, or refuses in words, and what is billed
    comes to the order's total."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = cls.env.ref('base.user_admin')
        cls.admin.group_ids |= cls.env.ref('sale.group_discount_per_so_line') | cls.env.ref('uom.group_uom')
        cls.customer.email = 'ann@example.com'
        shipping = cls._create_product("Parcel", 5.0, type='service', is_storable=False, invoice_policy='order')
        cls.carrier = cls.env['delivery.carrier'].create(
            {'name': "Parcel", 'product_id': shipping.id, 'fixed_price': 5.0}
        )

    def _get_orders(self):
        """Yield a kind of parent order, and how such a quotation is made."""
        kinds = {
            'in advance': ({'bill_upfront': True}, []),
            'in instalments': ({'bill_upfront': True, 'payment_term_id': self.thirds.id}, []),
            'per shipment': ({}, []),
            'in advance beside goods': ({'bill_upfront': True}, [{'product_id': self.mug.id}]),
            'per shipment beside goods': ({}, [{'product_id': self.mug.id}]),
        }
        for kind, (values, others) in kinds.items():
            subscription = self._sell(self._create_program(3, **values), confirm=False)
            subscription.order_id.order_line = [Command.create(line) for line in others]
            yield kind, subscription.order_id.with_user(self.admin).with_context(continuity_as_of=None, lang='en_US')

    def _get_buttons(self, order):
        """Return what can be pressed on an order: (name, context, action or nothing)."""
        arch = etree.fromstring(order.get_view(view_type='form')['arch'])
        buttons = {}
        for button in arch.iter('button'):
            if list(button.iterancestors('field')) or self._is_hidden(order, button):
                continue
            if button.get('type') == 'object':
                buttons[button.get('name'), button.get('context') or ''] = None
            elif button.get('type') == 'action' and button.get('name').isdigit():
                action = self.env['ir.actions.actions'].browse(int(button.get('name')))
                buttons[action.sudo().display_name, button.get('context') or ''] = action
        for action in self.env['ir.actions.act_window'].search([('binding_model_id.model', '=', 'sale.order')]):
            buttons[action.name, ''] = action
        return [(name, context, action) for (name, context), action in buttons.items()]

    def _is_hidden(self, order, button):
        """Whether the form does not show a button on the order."""
        expression = button.get('invisible') or 'False'
        names = get_expression_field_names(expression) & order._fields.keys()
        return safe_eval(expression, {name: order[name] for name in names} | {'context': {}})

    def _press(self, order, name, context, action):
        """Press a button, and then each button of the dialog that it opens, with each choice, one at a time.

        :return: a generator that has pressed one thing whenever it yields what it was.
        """
        result = self._read_action(action) if action else None
        with self._undone():
            if not action:
                result = self._try(getattr(order, name))
            yield name
            if not isinstance(result, dict) or result.get('type') != 'ir.actions.act_window':
                return
            model = self.env[result['res_model']]
            if not model._transient:
                return
            dialog = model.with_user(self.admin).with_context(
                active_model='sale.order', active_id=order.id, active_ids=order.ids, **self._read_context(result)
            )
            self.met.add(model._name)
            for choice in CHOICES.get(model._name, []):
                for button in self._get_dialog_buttons(dialog):
                    with self._undone():
                        self._try(self._press_in_dialog, dialog, result.get('res_id'), choice, button)
                        yield f"{name} ▸ {model._name} {choice} ▸ {button}"

    def _read_action(self, action):
        return self.env['ir.actions.act_window'].browse(action.id).sudo().read()[0]

    def _read_context(self, result):
        context = result.get('context') or {}
        return context if isinstance(context, dict) else {}

    def _get_dialog_buttons(self, dialog):
        arch = etree.fromstring(dialog.get_view(view_type='form')['arch'])
        return sorted({button.get('name') for button in arch.iter('button') if button.get('type') == 'object'})

    def _press_in_dialog(self, dialog, res_id, choice, button):
        form = Form(dialog.browse(res_id) if res_id else dialog)
        for name, value in choice.items():
            setattr(form, name, getattr(self, value) if name.endswith('_id') else value)
        getattr(form.save(), button)()

    def _try(self, press, *args):
        """Press, and return what comes of it; a refusal has words."""
        try:
            with self.env.cr.savepoint():
                return press(*args)
        except UserError as error:
            self.assertTrue(str(error).strip())
        return None

    @contextmanager
    def _undone(self):
        """Do in this context what is undone after it."""
        with self.env.cr.savepoint() as savepoint:
            yield
            savepoint.rollback()

    def _read(self, order):
        self.env.flush_all()
        self.env.invalidate_all()
        payments = order.continuity_subscription_ids.payment_ids
        return (
            order.state,
            order.amount_total,
            [(line.price_unit, line.product_uom_qty, line.discount, line.price_total) for line in order.order_line],
            [(payment.amount, payment.is_cancelled) for payment in payments],
            order.invoice_ids.mapped('amount_total'),
        )

    def test_what_is_billed_is_the_total_whatever_is_pressed(self):
        changing, self.met = {}, set()
        for kind, quotation in self._get_orders():
            for state in ('quotation', 'order'):
                if state == 'order':
                    quotation.with_env(self._as_of()).browse(quotation.id).action_confirm()
                before = self._read(quotation)
                for name, context, action in self._get_buttons(quotation):
                    order = quotation.with_context(**safe_eval(context or '{}', {'parent': quotation}))
                    for pressed in self._press(order, name, context, action):
                        if self._read(order) == before:
                            continue
                        changing.setdefault(pressed, set()).add(f"{kind}, {state}")
                        with self.subTest(kind=kind, state=state, pressed=pressed), self._undone():
                            if order.state != 'cancel':
                                self.assertLaw(order)
        self.assertEqual(self.met - CHOICES.keys(), set())
        self.assertGreater(len(changing), 8, changing)
