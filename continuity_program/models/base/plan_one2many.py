from itertools import repeat

from odoo import fields
from odoo.exceptions import MissingError
from odoo.tools.sql import column_exists, create_column

from ...internal_context import Internal, get_internal


class PlanOne2many(fields.One2many):
    """What of our plans belongs to a record of Odoo's: an order, a line of it, an invoice.

    Odoo itself reads such a field whenever something changes that a plan follows, as whoever changes it. Where the
    record's own row says that there is nothing, nobody searches: what sells no plan costs no query, and no right.

    :param str only_if: a column of the same record. Where it holds nothing, neither does this field. Where it is
        computed of this field, that asks on `searching_plans`.
    """

    only_if = ''

    def __get__(self, records, owner=None):
        if records is not None and not get_internal(records.env, 'continuity_searching_plans'):
            self._set_known_empty(records)
        return super().__get__(records, owner)

    def read(self, records):
        if get_internal(records.env, 'continuity_searching_plans'):
            super().read(records)
            return
        self._set_known_empty(records)
        cache = self._get_cache(records.env)
        unknown = records.filtered(lambda record: record.id not in cache)
        if unknown:
            super().read(unknown)

    def _set_known_empty(self, records):
        """Put into the cache what the column of the records tells."""
        cache = self._get_cache(records.env)
        for record_id in records._ids:
            if record_id and record_id not in cache:
                record = records.__class__(records.env, (record_id,), records._prefetch_ids)
                if self._is_known_empty(record):
                    cache[record_id] = ()

    def _is_known_empty(self, record):
        try:
            return not record[self.only_if]
        except MissingError:
            return False

    def set_empty(self, records):
        """Tell that these records have nothing, where that is known by other means than their column."""
        self._insert_cache(records, repeat(()))


def searching_plans(record):
    """Return a record as it is asked for what its column is computed of: by what is found, not by the column."""
    return record.with_context(continuity_searching_plans=Internal()) if record.id else record


def init_plan_column(model, name, column_type, fill, *needed):
    """Add a column for records of ours to a table of Odoo's, past the ORM: that would compute each row of the table.

    :param SQL fill: what fills it where plans have been sold already.
    :param str needed: the tables and columns (``table.column``) that are there then.
    """
    cr = model.env.cr
    if column_exists(cr, model._table, name):
        return
    create_column(cr, model._table, name, column_type)
    if all(column_exists(cr, *column.split('.')) for column in needed):
        cr.execute(fill)
