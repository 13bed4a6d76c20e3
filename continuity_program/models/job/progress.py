"""How far a run came, and under which terms it works."""

from dataclasses import asdict, dataclass, field, fields
from datetime import date
from typing import Any

from odoo import models
from odoo.fields import Date, Domain

from .job import JobBatch


@dataclass
class Progress:
    """How far a run came in a company; it is kept with the run, as JSON.

    :ivar cursor: (order value, id) of the last record taken: skipped ones are not met again.
    :ivar done: what it did, in the unit the job counts in.
    :ivar locked_ids: the records that others had locked, met again at the end.
    :ivar deferred_ids: what the job's ``_job_CODE_deferred`` is still to be called for.
    """

    cursor: list | None = None
    done: int = 0
    locked_ids: list = field(default_factory=list)
    deferred_ids: list = field(default_factory=list)

    @classmethod
    def from_json(cls, kept):
        """Return the progress that was kept. What another version of an addon kept besides stops nothing."""
        known = {known.name for known in fields(cls)}
        return cls(**{name: value for name, value in (kept or {}).items() if name in known})

    def to_json(self):
        return asdict(self)


@dataclass
class Scope:
    """What a run does in one company, and under which terms.

    :ivar model: the job's model, in the environment of the company.
    :ivar day: the day it works for.
    :ivar candidates: the domain of the records to take.
    :ivar limit: the most it may do, ``None`` = all.
    :ivar order: the field by which the oldest come first.
    :ivar commits: whether each batch is made to last.
    :ivar part: what counts and keeps the progress instead of the run, where an addon hands parts of it out.
    """

    company: models.BaseModel
    progress: Progress
    model: models.BaseModel | None = None
    day: date | None = None
    candidates: Domain = Domain.TRUE
    limit: int | None = None
    order: str = 'id'
    commits: bool = False
    part: Any = None

    @property
    def room(self):
        """How much more it may do, ``None`` = any number."""
        return None if self.limit is None else self.limit - self.progress.done

    @property
    def has_room(self):
        return self.limit is None or self.progress.done < self.limit

    def take_next(self, size):
        """Take the candidates that come next.

        :return: the records, the terms they are done under, and whether they are the last.
        :rtype: tuple[models.BaseModel, JobBatch, bool]
        """
        candidates = self.candidates & self._get_rest_domain()
        records = self.model.search(candidates, order=get_search_order(self.order), limit=size)
        is_last = len(records) < size
        reached = records[-1:][self.order] if self.order != 'id' else False
        if records:
            self.progress.cursor = [Date.to_string(reached), records[-1:].id]
        until = None if is_last else reached or None
        # In one transaction, what is locked once is never seen otherwise.
        return records, JobBatch(self.day, self.room, until, meets_locked_again=self.commits), is_last

    def take_locked(self, size):
        """Take what others had locked when its turn came, as ``take_next`` does. What they still have locked is left to
        the next run."""
        ids, self.progress.locked_ids = self.progress.locked_ids[:size], self.progress.locked_ids[size:]
        return self.model.browse(ids).exists(), JobBatch(self.day, self.room), not self.progress.locked_ids

    def _get_rest_domain(self):
        """Return the domain of what comes after the last record taken."""
        if not self.progress.cursor:
            return Domain.TRUE
        value, last_id = self.progress.cursor
        if self.order == 'id':
            return Domain('id', '>', last_id)
        return Domain(self.order, '>', value) | (Domain(self.order, '=', value) & Domain('id', '>', last_id))


def get_search_order(order):
    """Return the order of a search that takes the oldest first, by a field of a job."""
    return 'id' if order == 'id' else f'{order}, id'
