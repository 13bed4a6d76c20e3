from datetime import date

from odoo import api, models
from odoo.tools import format_date


class ContinuityWording(models.AbstractModel):
    """The one place that turns what the rules refuse (``domain/gate.py``) into the reader's words."""

    _name = 'continuity.wording'
    _description = "Continuity Wording"

    @api.model
    def _get_sentences(self):
        """Return what is said of each refusal, by its code: extend it with the codes of your own.

        :rtype: dict[str, str]
        """
        return {
            'unpaid_count': self.env._("%(count)s payments are overdue, accepted: %(accepted)s."),
            'unpaid_days': self.env._(
                "a payment has been overdue since %(date)s, for %(days)s days, accepted: %(accepted)s."
            ),
            'no_token': self.env._("No usable card."),
            'card_expired': self.env._("The card expired on %(date)s."),
            'not_announced': self.env._("Not announced yet."),
            'too_early': self.env._(
                "%(order)s is planned for %(planned)s and may be delivered and invoiced from %(first_day)s on."
            ),
            'to_be_paid': self.env._("it is delivered once its card payment has succeeded."),
            'instalment_closed': self.env._("Installment %(number)s is %(state)s and cannot be changed any more."),
            'instalment_billed': self.env._(
                "Installment %(number)s is on a bill: its day can be changed, its amount only by a credit note."
            ),
            'instalment_day': self.env._("Installment %(number)s needs a day."),
            'instalment_below_zero': self.env._("Installment %(number)s cannot be less than 0."),
            'instalments_sum': self.env._(
                "The installments come to %(after)s instead of %(before)s. Give the difference to one of them."
            ),
            'instalment': self.env._("instalment %(number)s of %(date)s is %(state)s."),
        }

    @api.model
    def _word(self, refusal, **names):
        """Return a refusal in words.

        :param Refusal refusal: what a rule said; nothing is nothing.
        :param names: what the sentence names besides the refusal's own values.
        :rtype: str | None
        """
        if not refusal:
            return None
        values = {**refusal.values, **names}
        shown = {
            name: format_date(self.env, value) if isinstance(value, date) else value for name, value in values.items()
        }
        return self._get_sentences()[refusal.code] % shown
