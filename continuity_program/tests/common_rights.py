"""What the tests of rights share: own and foreign records of every model, found in the registry."""

from psycopg2 import IntegrityError

from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.models import MAGIC_COLUMNS

from .common_access import AccessCase

#: What Odoo refuses, and what the database refuses on its behalf.
REFUSED = (UserError, IntegrityError)
#: Everybody at work reads all of these.
READ_BY_ALL = {'continuity.cancel.reason', 'res.currency', 'res.users', 'res.company', 'uom.uom', 'payment.token'}


def is_ours(module):
    return (module or '').startswith('continuity_program')


class RightsCase(AccessCase):
    """Own records, those of a colleague, and those of another company, of each model by its name."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users['stock'] = cls._create_user('stock', 'stock.group_stock_user')
        cls.own = cls._make_records('own', cls.portal_partner)
        cls.colleagues = cls._make_records('other', cls.customer)
        cls.elsewhere = cls._make_elsewhere()

    def setUp(self):
        # What is sold is shared by all tests.
        super(AccessCase, self).setUp()

    @classmethod
    def _make_records(cls, login, customer):
        """Return a running subscription of a salesperson, with all that belongs to it, by the names of the models."""
        case = cls()
        subscription = cls._sell_for(case, login, customer)
        child = subscription.child_order_ids
        case._deliver(child)
        invoice = child._create_invoices()
        invoice.action_post()
        payment = invoice.continuity_payment_ids
        salesperson = subscription.user_id
        change = (
            cls.env['continuity.plan.change']
            .sudo()
            .create(
                {
                    'kind': 'shift',
                    'user_id': salesperson.id,
                    'company_id': cls.company.id,
                    'line_count': 1,
                    'line_ids': [
                        Command.create(
                            {
                                'subscription_id': subscription.id,
                                'line_id': subscription.line_ids[-1].id,
                                'state': 'changed',
                                'old_values': {'date_planned': '2027-03-01'},
                                'new_values': {'date_planned': '2027-03-02'},
                            }
                        )
                    ],
                }
            )
        )
        records = [
            subscription,
            subscription.line_ids[-1],
            payment,
            subscription.order_id,
            subscription.order_line_id,
            invoice,
            payment.move_line_id,
            change,
            change.line_ids,
            *cls._make_dialogs(subscription, salesperson),
        ]
        return {record._name: record for record in records}

    @classmethod
    def _make_dialogs(cls, subscription, user):
        """Return the dialogs that a user has opened on a subscription, with their lines."""
        env = cls.env(user=user)
        stop = env['continuity.stop'].create({'subscription_id': subscription.id})
        preview = env['continuity.plan.preview'].create({'program_id': subscription.program_id.id})
        change = env['continuity.mass.change'].create({'subscription_ids': subscription.ids, 'days': 1})
        change.action_preview()
        job = env['continuity.job.wizard'].sudo().create({'job': 'close'})
        job.line_ids = [Command.create({'subscription_id': subscription.id, 'order_id': subscription.order_id.id})]
        env.flush_all()  # else the lines are computed behind it
        stop_line = (
            env['continuity.stop.line']
            .sudo()
            .create({'wizard_id': stop.id, 'order_id': subscription.child_order_ids[0].id})
        )
        return [
            stop,
            stop_line.with_env(env),
            preview,
            preview.line_ids[:1],
            change,
            change.line_ids[:1],
            job.with_env(env),
            job.line_ids.with_env(env),
            env['continuity.pause'].create({'subscription_id': subscription.id}),
            *cls._make_instalments(subscription, env),
            env['continuity.extend']
            .sudo()
            .create({'subscription_id': subscription.id, 'product_id': subscription.product_id.id})
            .with_env(env),
        ]

    @classmethod
    def _make_instalments(cls, subscription, env):
        """Return the dialog on the instalments, which an accountant opens, as if a user had, with a line of it."""
        payment = subscription.payment_ids[0]
        dialog = env['continuity.instalments'].sudo().create({'payment_id': payment.id})
        return [dialog.with_env(env), dialog.line_ids[:1].with_env(env)]

    @classmethod
    def _make_elsewhere(cls):
        """Return what belongs to another company, where nobody of these works."""
        company = cls.env['res.company'].create({'name': "Elsewhere House"})
        cls.env.user.company_ids += company
        env = cls.env(su=True, context={**cls.env.context, 'allowed_company_ids': company.ids})
        book = cls._create_product("Secret Book", company_id=company.id, taxes_id=False)
        program = cls._create_program([{'product_id': book.id}] * 2, name="Secret Club", company_id=company.id)
        product = cls._create_parent_product(program, company_id=company.id, taxes_id=False)
        partner = env['res.partner'].create({'name': "Secret Sarah", 'company_id': company.id})
        order = env['sale.order'].create(
            {
                'partner_id': partner.id,
                'user_id': False,
                'company_id': company.id,
                'order_line': [Command.create({'product_id': product.id})],
            }
        )
        subscription = order.continuity_subscription_ids
        payment = env['continuity.payment'].create({'subscription_id': subscription.id, 'order_id': order.id})
        records = [
            *(program, program.line_ids[:1], subscription, subscription.line_ids[:1], payment, order, order.order_line),
            *(partner, book, product.product_tmpl_id),
            env['account.payment.term'].create({'name': "Secret Term", 'company_id': company.id}),
            env['delivery.carrier'].create({'name': "Secret Carrier", 'product_id': book.id, 'company_id': company.id}),
        ]
        return {record._name: record for record in records}

    def _as(self, login, record):
        """Return a record as a user calls it, with nothing of who made it in its context."""
        return self.env(user=self.users[login], context={})[record._name].browse(record.ids)

    # === THE REGISTRY === #

    def _get_models(self, transient=None):
        """Return the models of the addons that have a table, by name."""
        return {
            name: model
            for name, model in self.env.registry.items()
            if not model._abstract
            and is_ours(model._original_module)
            and (transient is None or model._transient == transient)
        }

    def _get_kept(self):
        """Return what screens show read-only, of the addons' models and of those they inherit: model and field."""
        return [
            (name, field)
            for name, model in self.env.registry.items()
            if not model._abstract and model._auto and not (model._transient and not hasattr(model, '_get_kept_fields'))
            for field in model._fields.values()
            if field.store
            and field.readonly
            and field.name not in MAGIC_COLUMNS
            and (is_ours(model._original_module) or (field._modules and is_ours(field._modules[0])))
        ]

    # === CALLS === #

    def _try(self, call, is_refused_in_words=True):
        """Do what a call by RPC does and return what came of it; nothing of it stays. ``None``: refused.

        :param is_refused_in_words: else it may also fail for what is missing beside the record.
        """
        with self.env.cr.savepoint() as savepoint:
            try:
                result = call()
                self.env.flush_all()
                return result
            except REFUSED:
                return None
            except ValueError:
                if is_refused_in_words:
                    raise
                return None
            finally:
                savepoint.rollback()
