"""What a job is, what it is given besides its records, and what it says became of them."""

from typing import NamedTuple

from odoo.exceptions import UserError


class Job(NamedTuple):
    """One of the scheduled jobs, registered in ``_get_jobs`` (``job/catalog.py``).

    What it works on is told by methods of its model, named after its code:

    ``_job_CODE_domain(as_of)``: the records to take, for the company of the environment.
    ``_job_CODE_process(batch)``: does the work on ``self`` and writes into the ``JobBatch`` what became of it.
    ``_job_CODE_preview(batch)``: the same without writing; yields dicts.
    ``_job_CODE_count(batch)``: how much the records count, where that is not one each.
    ``_job_CODE_self_committing(batch)``: which of the records make their own steps last, where some do: they are run
    one by one, in commit mode without a savepoint.
    ``_job_CODE_prepare(batch)``: does beforehand, of all these together, what does not need that. It may count as done
    what has nothing left to do then.
    ``_job_CODE_check_access()``: raises where the user may not do by hand what the job does; where there is none, who
    may start jobs may start this one.
    ``_job_CODE_deferred(ids)``: does what the batch left until it lasts, see ``JobBatch.deferred_ids``.
    """

    model: str
    #: Field, besides the id, by which the oldest come first; it leaves its place once a record is done.
    order: str = 'id'
    #: Company field with the most one scheduled run does.
    limit_field: str | None = None


class JobBatch:
    """What a job is given besides its records, and what it says became of them.

    :ivar as_of: the day it works for.
    :ivar limit: the most it may do, ``None`` = all.
    :ivar until: in a limited run, do only what is dated up to this day (``None`` = all); what a record has due later is
        met again, after the older ones of others.
    :ivar meets_locked_again: what others have locked is met again at the end of the run, and not left out yet.
    :ivar locked_ids: the records that others had locked.
    :ivar done: what it did, in the unit the job counts in.
    :ivar skipped: list of (record, kind, reason, count) left out for a reason that may pass.
    :ivar failed: list of (record, reason, count) that raised.
    :ivar changes: list of (subscription, text) of what was changed, for jobs that tell it.
    :ivar stock: what is free of each product looked at, by (warehouse, product), less what the batch has taken of it.
    :ivar met: the records it was given, where it went through all of them.
    :ivar deferred_ids: in commit mode, ids of what the job's ``_job_CODE_deferred`` is called for once the batch lasts:
        what would keep other batches waiting. It is called again after a kill.
    """

    def __init__(self, as_of, limit=None, until=None, meets_locked_again=False):
        self.as_of = as_of
        self.limit = limit
        self.until = until
        self.meets_locked_again = meets_locked_again
        self.locked_ids = []
        self.done = 0
        self.skipped = []
        self.failed = []
        self.changes = []
        self.stock = {}
        self.deferred_ids = []
        self.met = None

    @property
    def has_room(self):
        """Whether it may do more."""
        return self.limit is None or self.done < self.limit

    def begin_part(self, limit=None):
        """Return a batch under the same terms, to be added once it went through."""
        return JobBatch(self.as_of, limit, self.until, self.meets_locked_again)

    def skip(self, record, kind, reason, count=1):
        """Leave a record out; ``kind`` is a short code, ``reason`` is for people.

        :raise UserError: for what is no code and text.
        """
        kind, reason = read_refusal(record, (kind, reason))
        self.skipped.append((record, kind, reason, count))

    def change(self, subscription, text):
        """Tell what was changed on a subscription."""
        self.changes.append((subscription, text))

    def fail(self, record, reason, count):
        self.failed.append((record, reason, count))

    def add(self, other):
        """Take over what another batch did."""
        self.done += other.done
        self.skipped += other.skipped
        self.failed += other.failed
        self.changes += other.changes
        self.deferred_ids += other.deferred_ids
        self.locked_ids += other.locked_ids

    @property
    def counts(self):
        """What a log adds up, by the names of its fields."""
        skipped, failed = (sum(count for *_rest, count in left) for left in (self.skipped, self.failed))
        return {
            'selected_count': self.done + skipped + failed,
            'done_count': self.done,
            'skipped_count': skipped,
            'failed_count': failed,
        }


def read_refusal(record, refusal):
    """Return why a record is left out as a code and a text, or nothing: an addon may have told it.

    :param refusal: nothing, or what unpacks as a code and a text.
    :raise UserError: for anything else.
    """
    if not refusal:
        return None
    try:
        code, text = refusal
    except (TypeError, ValueError):
        code = text = None
    if not isinstance(code, str) or not code.strip() or not text:
        raise UserError(
            record.env._(
                "A reason to leave out %(record)s has to be a code and a text, not %(refusal)s. Look at the addon that "
                "gives it.",
                record=record.display_name,
                refusal=repr(refusal),
            )
        )
    return code.strip(), str(text)
