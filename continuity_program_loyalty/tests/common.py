from odoo.fields import Command

from odoo.addons.continuity_program.tests.common_payments import PrepaymentCase


class LoyaltyCase(PrepaymentCase):
    """Coupons, rewards, gift cards and wallets, given as a salesperson gives them: by Odoo's own dialogs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Odoo's own examples would come on every order.
        cls.env['loyalty.program'].search([]).action_archive()

    @classmethod
    def _create_loyalty(cls, program_type, reward=None, rule=None, **values):
        """Return a loyalty program of one reward; a share of 10 % of the order, unless ``reward`` says otherwise."""
        return cls.env['loyalty.program'].create(
            {
                'name': f"Program {program_type}",
                'program_type': program_type,
                'reward_ids': [
                    Command.clear(),
                    Command.create(
                        {
                            'reward_type': 'discount',
                            'discount': 10,
                            'discount_mode': 'percent',
                            'discount_applicability': 'order',
                            'required_points': 1,
                            **(reward or {}),
                        }
                    ),
                ],
                'rule_ids': [Command.clear(), *([Command.create(rule)] if rule is not None else [])],
                **values,
            }
        )

    @classmethod
    def _create_code(cls, code="SPRING10", program_type='promo_code', rule=None, **reward):
        """Return a program whose reward is given for a code."""
        return cls._create_loyalty(
            program_type,
            reward,
            {'mode': 'with_code', 'code': code, 'reward_point_mode': 'order', 'reward_point_amount': 1, **(rule or {})},
            trigger='with_code',
            applies_on='current',
        )

    @classmethod
    def _create_card(cls, points=50.0, program_type='gift_card', currency=None):
        """Return a gift card, or the customer's e-wallet, with so much on it."""
        program = cls._create_loyalty(
            program_type,
            {'discount': 1, 'discount_mode': 'per_point'},
            applies_on='future',
            trigger='auto',
            currency_id=(currency or cls.company.currency_id).id,
        )
        return cls.env['loyalty.card'].create(
            {
                'program_id': program.id,
                'points': points,
                'partner_id': cls.customer.id if program_type != 'gift_card' else False,
            }
        )

    def _quote(self, *others, upfront=False, program=None, **values):
        """Return the subscription of a quotation with three boxes of 20, 21 and 22, and other lines beside it."""
        program = program or self._create_program(3, bill_upfront=upfront, **values)
        subscription = self._sell(program, confirm=False)
        subscription.order_id.order_line = [Command.create(line) for line in others]
        return subscription

    def _enter(self, order, code, user=None):
        """Enter a code, and take its reward where there is a choice, in Odoo's dialogs."""
        env = order.with_user(user).env if user else order.env
        action = env['sale.loyalty.coupon.wizard'].create({'order_id': order.id, 'coupon_code': code}).action_apply()
        rewards = env['loyalty.reward'].browse(action['context']['default_reward_ids'])
        if rewards:
            env['sale.loyalty.reward.wizard'].create(
                {'order_id': order.id, 'selected_reward_id': rewards[0].id}
            ).action_apply()

    def _claim(self, order):
        """Press *Reward*, which takes the only one there is."""
        order.action_open_reward_wizard()

    def _create_boxes(self, on='2027-03-01'):
        self._run_job('create_orders', self.env['continuity.line']._fields['date_planned'].to_date(on))

    def _get_totals(self, subscription):
        """Return what each child order comes to, the oldest first."""
        return [round(child.amount_total, 2) for child in subscription.child_order_ids.sorted('id')]

    def assertLaw(self, order, others=0.0):
        """:param others: what Odoo bills of lines that belong to no plan."""
        plans = order.continuity_subscription_ids.filtered('bill_upfront')
        instalments = sum(plans.payment_ids.filtered(lambda payment: not payment.is_cancelled).mapped('amount'))
        self.assertAlmostEqual(instalments + others, order.amount_total, 2)
        self.assertAlmostEqual(sum(plans.mapped('amount_total')), instalments, 2)
