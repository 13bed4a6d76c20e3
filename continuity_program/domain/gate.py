"""What keeps a shipment back: may its child order be made, may it be delivered, on which day.

Plain values in, a ``Refusal`` or nothing out; whoever asks turns that into words. The rules are those of
``docs/behaviour.md#the-gate``, ``#unpaid-customers`` and ``#announcements``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any


@dataclass(frozen=True)
class Refusal:
    """Why something is not done.

    :ivar code: a short code, under which it is counted.
    :ivar values: what the sentence about it names.
    """

    code: str
    values: Mapping[str, Any] = field(default_factory=dict)


# === MAY A CHILD ORDER BE MADE === #


@dataclass(frozen=True)
class Credit:
    """What a program accepts of a customer who owes: beyond that many payments, or days, ``policy`` says what happens.

    :ivar policy: ``ship``, ``hold`` or ``stop``.
    :ivar max_count: how many overdue payments are accepted, 0 = any number.
    :ivar max_days: for how many days, 0 = for any time.
    """

    policy: str = 'ship'
    max_count: int = 0
    max_days: int = 0


@dataclass(frozen=True)
class Overdue:
    """What a customer owes: how many payments, and since when the oldest."""

    count: int = 0
    since: date | None = None


def get_unpaid_refusal(credit: Credit, overdue: Overdue, today: date) -> Refusal | None:
    """Return by what the customer owes more than is accepted, or nothing: ``unpaid_count`` or ``unpaid_days``."""
    if credit.policy == 'ship' or not overdue.count or not overdue.since:
        return None
    if credit.max_count and overdue.count > credit.max_count:
        return Refusal('unpaid_count', {'count': overdue.count, 'accepted': credit.max_count})
    days = (today - overdue.since).days
    if credit.max_days and days > credit.max_days:
        return Refusal('unpaid_days', {'date': overdue.since, 'days': days, 'accepted': credit.max_days})
    return None


@dataclass(frozen=True)
class Card:
    """The card a shipment is charged to.

    :ivar is_usable: it is there, not archived, and its provider is on.
    :ivar expires_on: the last day it can be charged on, if that is known.
    """

    is_usable: bool = False
    expires_on: date | None = None


def get_card_refusal(card: Card, day: date) -> Refusal | None:
    """Return why a card cannot pay what is charged on a day, or nothing: ``no_token`` or ``card_expired``."""
    if not card.is_usable:
        return Refusal('no_token')
    if card.expires_on and card.expires_on < day:
        return Refusal('card_expired', {'date': card.expires_on})
    return None


# === MAY IT BE DELIVERED === #


def get_window_refusal(planned: date, delivery_days: int, today: date) -> Refusal | None:
    """Return why a shipment may not be delivered or billed yet, or nothing; late is always allowed: ``too_early``.

    :param delivery_days: so many days before its planned day it may leave.
    """
    first_day = planned - timedelta(days=delivery_days)
    if today >= first_day:
        return None
    return Refusal('too_early', {'planned': planned, 'first_day': first_day})


@dataclass(frozen=True)
class Installment:
    """What the gate needs to know of a payment of the order that bills a shipment.

    :ivar has_schedule: it was planned by a payment schedule.
    :ivar state: ``scheduled``, ``billed``, ``processing``, ``paid``, ``declined`` or ``cancelled``.
    """

    number: int
    method: str
    state: str
    due_date: date | None = None
    has_schedule: bool = False
    on_hold: bool = False

    @property
    def is_failing(self) -> bool:
        """Whether it is declined, or somebody has put it on hold before it was paid."""
        return self.state == 'declined' or (self.on_hold and self.state != 'paid')


def get_payment_refusal(installments: Iterable[Installment], is_prepaid: bool, today: date) -> Refusal | None:
    """Return why a shipment is not delivered for its payment, or nothing: ``to_be_paid`` (it waits for what is charged
    when it is ordered) or ``instalment`` (one that is due has failed). What is paid on account never keeps it back.

    :param is_prepaid: the plan is billed in advance.
    """
    by_card = [one for one in installments if one.method == 'token' and one.state != 'cancelled']
    # By what was agreed when the payments were planned, not by what holds for new ones today.
    if not is_prepaid and any(not one.has_schedule and one.due_date and one.state != 'paid' for one in by_card):
        return Refusal('to_be_paid')
    for one in by_card:
        if one.has_schedule and one.due_date and one.due_date <= today and one.is_failing:
            return Refusal('instalment', {'number': one.number, 'date': one.due_date, 'on_hold': one.on_hold})
    return None
