from unittest.mock import patch

from odoo.fields import Command
from odoo.tests import tagged

from .common import ContinuityCase, day

MAILS = 'odoo.addons.continuity_program.models.mail.notices.ContinuitySubscription'


@tagged('post_install', '-at_install')
class TestMails(ContinuityCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.email = 'ann@example.com'
        cls.program = cls._create_program(3)
        cls.company.name = "Book House"

    def _get_mails(self, subscription):
        """Return the subjects of the mails about a subscription, without the company's name, in the order made."""
        mails = self.env['mail.mail'].search([('model', '=', subscription._name), ('res_id', '=', subscription.id)])
        self.assertTrue(all(mail.state == 'outgoing' for mail in mails))
        self.assertEqual(mails.recipient_ids, self.customer if mails else self.customer.browse())
        return [mail.subject.removeprefix("Book House: ") for mail in mails.sorted('id')]

    def _get_body(self, subscription):
        """Return the body of the latest mail about a subscription."""
        mails = self.env['mail.mail'].search([('model', '=', subscription._name), ('res_id', '=', subscription.id)])
        return mails.sorted('id')[-1].body_html

    def _on(self, subscription, on):
        return subscription.with_env(self._as_of(day(on)))

    # === THE PLAN === #

    def test_plan_at_confirmation(self):
        subscription = self._sell(self.program, confirm=False)
        self.assertEqual(self._get_mails(subscription), [])

        subscription.order_id.action_confirm()

        self.assertEqual(self._get_mails(subscription), ["your plan, Book Club"])
        body = self._get_body(subscription)
        self.assertIn("3 boxes, first 1 Jan 2027, last 1 Mar 2027", body)
        for text in ("01/01/2027", "Book 1", "02/01/2027", "Book 2", "03/01/2027", "Book 3"):
            self.assertIn(text, body)
        self.assertIn(f'/my/continuity/{subscription.id}', body)

    def test_plan_comes_with_the_confirmation_of_the_order_where_that_is_sent(self):
        subscription = self._sell(self.program, confirm=False)

        subscription.order_id.with_context(send_email=True).action_confirm()

        self.assertEqual(subscription.state, 'running')
        self.assertEqual(self._get_mails(subscription), [])

    def test_plan_of_a_line_added_to_a_confirmed_order(self):
        order = self._sell(self.program).order_id
        other = self._create_program(2, name="Coffee Club")

        order.with_env(self._as_of()).order_line = [
            Command.create({'product_id': self._create_parent_product(other).id})
        ]

        added = order.continuity_subscription_ids.filtered(lambda sub: sub.program_id == other)
        self.assertEqual(self._get_mails(added), ["your plan, Coffee Club"])

    # === CHANGES === #

    def test_paused_and_resumed(self):
        subscription = self._sell(self.program)

        self._on(subscription, '2027-01-10')._pause(until='2027-02-20')

        self.assertEqual(self._get_mails(subscription)[1:], ["Book Club is paused"])
        self.assertIn("02/20/2027", self._get_body(subscription))
        subscription.line_ids[0]._unguarded().is_cancelled = True
        self._on(subscription, '2027-01-15')._resume()
        self.assertEqual(self._get_mails(subscription)[1:], ["Book Club is paused", "Book Club goes on"])
        self.assertIn("02/01/2027", self._get_body(subscription))

    def test_pause_that_ends_by_itself(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')
        self._on(subscription, '2027-01-10')._pause(until='2027-02-20')

        self._run_job('create_orders', on=day('2027-03-01'))

        self.assertEqual(self._get_mails(subscription)[1:], ["Book Club is paused", "Book Club goes on"])

    def test_stopped(self):
        subscription = self._sell(self.program)

        subscription._cancel()

        self.assertEqual(self._get_mails(subscription)[1:], ["Book Club is stopped"])
        self.assertIn("no more shipments are planned", self._get_body(subscription))

    def test_stopped_after_a_shipment(self):
        subscription = self._sell(self.program)

        subscription._stop_after(2)

        self.assertEqual(self._get_mails(subscription)[1:], ["Book Club is stopped"])
        self.assertIn("ends with shipment", self._get_body(subscription))

    # === THE END === #

    def test_last_shipment_and_end(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders')
        self._run_job('create_orders', on=day('2027-02-01'))
        self.assertEqual(self._get_mails(subscription)[1:], [])

        self._run_job('create_orders', on=day('2027-03-01'))

        self.assertEqual(self._get_mails(subscription)[1:], ["the last shipment of Book Club"])
        self.assertIn("03/01/2027", self._get_body(subscription))
        self.assertEqual(subscription.last_told_number, 3)
        self._deliver(subscription.child_order_ids.with_env(self._as_of(day('2027-03-01'))))
        self._run_job('process_payments', on=day('2027-03-01'))
        self._pay(subscription.payment_ids)
        self._run_job('close', on=day('2027-04-01'))
        self.assertEqual(subscription.state, 'done')
        self._run_job('close', on=day('2027-04-02'))
        self.assertEqual(self._get_mails(subscription)[1:], ["the last shipment of Book Club", "Book Club is complete"])

    def test_last_shipment_planned_again_is_told_once(self):
        subscription = self._sell(self.program)
        self._run_job('create_orders', on=day('2027-03-01'))
        last = subscription.line_ids.sorted('event_number')[-1]
        last.child_order_id._action_cancel()
        last._plan_again()

        self._run_job('create_orders', on=day('2027-03-02'))

        self.assertEqual(last.state, 'ordered')
        self.assertEqual(self._get_mails(subscription)[1:], ["the last shipment of Book Club"])

    def test_last_shipment_of_a_program_that_goes_on(self):
        self.program.open_ended = True
        subscription = self._sell(self.program)

        self._run_job('create_orders', on=day('2027-03-01'))

        self.assertTrue(subscription.is_waiting)
        self.assertEqual(self._get_mails(subscription)[1:], [])

    def test_only_shipment_is_not_called_the_last(self):
        subscription = self._sell(self._create_program(1))

        self._run_job('create_orders')

        self.assertEqual(subscription.line_ids.state, 'ordered')
        self.assertEqual(self._get_mails(subscription)[1:], [])

    # === CARDS === #

    def _sell_by_card(self, token, **values):
        return self._sell(self.program, payment_method='token', payment_token_id=token.id, **values)

    def test_card_that_expires(self):
        token = self._create_token(continuity_expiry_date='2027-02-28')
        first, second = self._sell_by_card(token), self._sell_by_card(token)
        self.assertEqual(self._run_job('announce', on=day('2027-01-28')).selected_count, 0)

        rows = self.env['continuity.job.run']._preview('announce', as_of=day('2027-01-29'))
        self.assertEqual(
            [(row['change'], row['date']) for row in rows], [("4242 expires on 02/28/2027", day('2027-02-28'))]
        )
        self._run_job('announce', on=day('2027-01-29'))
        self._run_job('announce', on=day('2027-01-29'))
        self._run_job('announce', on=day('2027-02-10'))

        self.assertEqual(token.continuity_expiry_told_on, day('2027-01-29'))
        self.assertEqual(self._get_mails(first)[1:] + self._get_mails(second)[1:], ["your card expires"])
        # The same card, valid for longer, is told of when that ends.
        token.continuity_expiry_date = day('2027-05-31')
        self.assertEqual(self._run_job('announce', on=day('2027-04-30')).selected_count, 0)
        self._run_job('announce', on=day('2027-05-01'))
        self.assertEqual(token.continuity_expiry_told_on, day('2027-05-01'))
        self.assertEqual(len(self._get_mails(first)[1:] + self._get_mails(second)[1:]), 2)

    def test_card_that_is_not_charged_any_more(self):
        token = self._create_token(continuity_expiry_date='2027-02-28')
        subscription = self._sell_by_card(token)
        subscription.payment_method = 'on_account'

        self.assertEqual(self._run_job('announce', on=day('2027-02-20')).selected_count, 0)

    # === WHO IS TOLD, AND HOW === #

    def test_switched_off(self):
        self.company.write(
            {
                'continuity_mail_plan': False,
                'continuity_mail_changes': False,
                'continuity_mail_end': False,
                'continuity_mail_card_days': 0,
            }
        )
        token = self._create_token(continuity_expiry_date='2027-02-28')
        subscription = self._sell_by_card(token)
        subscription._pause()
        subscription._resume()
        self._run_job('announce', on=day('2027-02-20'))
        subscription._stop_after(1)
        subscription._cancel()

        self.assertEqual(self._get_mails(subscription), [])

    def test_customer_without_email(self):
        self.customer.email = False
        subscription = self._sell(self.program)

        subscription._pause()

        self.assertEqual(self._get_mails(subscription), [])

    def test_in_the_language_of_the_customer(self):
        self.env['res.lang']._activate_lang('fr_FR')
        self.program.with_context(lang='fr_FR').name = "Le club du livre"
        self.customer.lang = 'fr_FR'

        subscription = self._sell(self.program)

        self.assertEqual(self._get_mails(subscription), ["your plan, Le club du livre"])
        self.assertIn("01/02/2027", self._get_body(subscription))

    def test_edited_template(self):
        template = self.env.ref('continuity_program.mail_template_stopped')
        template.subject = "Good bye, {{ object.partner_id.name }}"
        subscription = self._sell(self.program)

        subscription._cancel()

        self.assertEqual(self._get_mails(subscription)[1:], ["Good bye, Ann Archer"])

    # === WHEN SOMETHING FAILS === #

    def test_told_once_after_a_crash(self):
        """What is rolled back was not told either, and is told when it is done again."""
        subscription = self._sell(self.program)
        self._run_job('create_orders', on=day('2027-02-01'))
        tell = type(subscription)._notify_last_shipment

        def tell_and_crash(record, lines):
            tell(record, lines)
            raise RuntimeError("Crash.")

        with patch(f'{MAILS}._notify_last_shipment', tell_and_crash):
            self.assertEqual(self._run_job('create_orders', on=day('2027-03-01')).failed_count, 1)
        self.assertEqual(self._get_mails(subscription)[1:], [])
        self.assertEqual(subscription.last_told_number, 0)
        subscription._retry()

        self._run_job('create_orders', on=day('2027-03-01'))
        self._run_job('create_orders', on=day('2027-03-02'))

        self.assertEqual(self._get_mails(subscription)[1:], ["the last shipment of Book Club"])

    def test_mail_that_cannot_be_made_stops_nothing(self):
        template = self.env.ref('continuity_program.mail_template_last_shipment')
        # By SQL: Odoo refuses to save what fails on the first record it finds.
        template.flush_recordset()
        self.env.cr.execute(
            "UPDATE mail_template SET subject = jsonb_build_object('en_US', '{{ 1 / 0 }}') WHERE id = %s", [template.id]
        )
        template.invalidate_recordset()
        subscription = self._sell(self.program)

        run = self._run_job('create_orders', on=day('2027-03-01'))

        self.assertEqual((run.done_count, run.failed_count), (3, 0))
        self.assertEqual(self._get_mails(subscription)[1:], [])
        self.assertIn("It could not be mailed", subscription.message_ids.sorted('id')[-1].body)

    def test_deleted_template(self):
        self.env.ref('continuity_program.mail_template_stopped').unlink()
        subscription = self._sell(self.program)

        subscription._cancel()

        self.assertEqual(self._get_mails(subscription)[1:], [])
        self.assertEqual(subscription.state, 'cancelled')

    def test_failing_mail_server_stops_nothing(self):
        with patch.object(type(self.env['ir.mail_server']), '_connect__', side_effect=OSError("Mail server is down.")):
            subscription = self._sell(self.program)
            run = self._run_job('create_orders', on=day('2027-03-01'))

        self.assertEqual(run.done_count, 3)
        self.assertEqual(self._get_mails(subscription), ["your plan, Book Club", "the last shipment of Book Club"])
