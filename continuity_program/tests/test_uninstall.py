from datetime import date
from unittest.mock import patch

from odoo.exceptions import RedirectWarning
from odoo.modules.module import Manifest
from odoo.tests import tagged

from odoo.addons.continuity_program.hooks import uninstall_hook

from .common_regressions import RegressionCase


@tagged('post_install', '-at_install')
class TestJobs(RegressionCase):
    def test_redirect_warning_is_told_in_plain_words(self):
        subscription = self._sell(self._create_program(2))

        def process(_subscriptions, _batch):
            raise RedirectWarning("Other Books has no warehouse.", 1, "Create one")

        with patch.object(self.registry['continuity.subscription'], '_job_create_orders_process', process):
            run = self._run_job('create_orders')

        self.assertEqual(run.issue_ids.mapped('reason'), ["Other Books has no warehouse."])
        self.assertEqual(subscription.park_reason, "Other Books has no warehouse.")

    def test_what_is_no_day_is_refused(self):
        self._sell(self._create_program(2))
        Run = self.env['continuity.job.run']
        for as_of in ('01/02/2027', 'tomorrow', '9999-12-31', date.max):
            for call in (Run._execute, Run._preview):
                with self.subTest(as_of=as_of), self.assertRefused(f"A job cannot run for {as_of}"):
                    call('create_orders', as_of=as_of)

    def test_activity_is_in_the_language_of_its_user(self):
        self.env['res.lang']._activate_lang('fr_FR')
        self.agent.lang = 'fr_FR'
        subscription = self._sell_for(self.agent)
        self.books[0].active = False

        def label(run, code):
            return f"{code} in {run.env.lang}"

        with patch.object(self.registry['continuity.job.run'], '_get_job_label', label):
            self._run_job('create_orders')

        self.assertIn("create_orders in fr_FR", subscription.activity_ids.summary)
        self.assertEqual(subscription.activity_ids.user_id, self.agent)

    def test_uninstalling_leaves_no_activity_of_a_failed_job(self):
        subscription = self._sell(self._create_program(2))
        subscription._park('create_orders', "No.")
        activity_type = self.env.ref('continuity_program.mail_activity_type_attention')
        activities = self.env['mail.activity'].with_context(active_test=False)
        domain = [('activity_type_id', '=', activity_type.id)]
        self.assertEqual(activities.search_count(domain), 1)
        self.assertEqual(Manifest.for_addon('continuity_program')['uninstall_hook'], 'uninstall_hook')

        uninstall_hook(self.env)

        self.assertEqual(activities.search_count(domain), 0)
        activity_type.unlink()
