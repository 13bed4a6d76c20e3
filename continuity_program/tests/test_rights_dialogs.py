from odoo.exceptions import AccessError
from odoo.fields import Command
from odoo.tests import tagged

from .common_rights import RightsCase, is_ours

#: Of rows that the addon writes, and nobody's call: for the rule on companies.
SUPERUSER_FIELDS = {'company_id'}


@tagged('post_install', '-at_install')
class TestDialogs(RightsCase):
    """A dialog tells of what its user may read, and belongs to him alone (``docs/behaviour.md#rights``)."""

    def test_each_dialog_checks_what_it_is_given(self):
        for name, model in self._get_models(transient=True).items():
            with self.subTest(name):
                self.assertIn('continuity.dialog.mixin', {getattr(cls, '_name', None) for cls in model.__mro__})

    def test_no_field_of_a_dialog_is_read_as_the_superuser(self):
        read = [
            f'{name}.{field.name}'
            for name, model in self._get_models(transient=True).items()
            for field in model._fields.values()
            if field._modules
            and is_ours(field._modules[0])
            and (field.related or field.compute)
            and field.compute_sudo
            and field.name not in SUPERUSER_FIELDS
        ]
        self.assertEqual(read, [])

    def test_nobody_reaches_the_dialog_of_another(self):
        dialogs = {name: record for name, record in self.colleagues.items() if record._transient}
        self.assertEqual(set(dialogs), set(self._get_models(transient=True)))
        for name, dialog in dialogs.items():
            for login in ('own', 'all', 'manager', 'accountant', 'stock', 'portal'):
                mine = self._as(login, dialog)
                for operation in ('read', 'write', 'unlink'):
                    with self.subTest(model=name, login=login, operation=operation):
                        self.assertFalse(mine.has_access(operation))

    def test_own_dialogs_are_reached(self):
        for name in ('continuity.stop', 'continuity.stop.line', 'continuity.pause', 'continuity.plan.preview.line'):
            with self.subTest(name):
                dialog = self._as('own', self.own[name])
                self.assertTrue(dialog.read())

    def test_no_line_is_put_into_the_dialog_of_another(self):
        stop = self.own['continuity.stop']
        values = {'wizard_id': stop.id, 'order_id': self.colleagues['sale.order'].id}
        with self.assertRaises(AccessError):
            self.env['continuity.stop.line'].with_user(self.other).create(values)
        line = self.env(user=self.other)['continuity.stop.line'].browse(self.colleagues['continuity.stop.line'].id)
        line.is_stopped = True  # it is his own
        with self.assertRaises(AccessError):
            line.wizard_id = stop
        with self.assertRaises(AccessError):
            self.own['continuity.stop.line'].with_user(self.other).is_stopped = True

    def test_what_stopping_means_is_told_of_own_subscriptions_only(self):
        foreign = self.colleagues['continuity.subscription']
        Stop = self.env['continuity.stop'].with_user(self.users['own'])
        spec = {name: {} for name in ('subscription_id', 'to_credit', 'to_refund', 'to_pay', 'planned_count')}
        mine = Stop.onchange({'subscription_id': self.own['continuity.subscription'].id}, ['subscription_id'], spec)
        self.assertEqual(mine['value']['planned_count'], 2)
        for values in ({'subscription_id': foreign.id}, {'subscription_id': {'id': foreign.id}}):
            with self.subTest(values), self.assertRaises(AccessError):
                Stop.onchange(values, ['subscription_id'], spec)
        nested = {'line_ids': [Command.create({'order_id': self.colleagues['sale.order'].id})]}
        with self.assertRaises(AccessError):
            Stop.onchange(nested, ['line_ids'], {'line_ids': {'fields': {'delivery_status': {}, 'order_id': {}}}})

    def test_a_dialog_is_silent_once_its_subscription_is_another_ones(self):
        stop = self._as('own', self.own['continuity.stop'])
        self.assertTrue(stop.read(['to_pay']))
        self.own['sale.order'].user_id = self.other
        self.env.invalidate_all()
        for field in ('to_pay', 'planned_count', 'commitment_warning'):
            with self.subTest(field), self.assertRaises(AccessError):
                stop.read([field])
        with self.assertRaises(AccessError):
            stop.action_stop()
