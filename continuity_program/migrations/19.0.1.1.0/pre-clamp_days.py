import logging

from odoo.tools import SQL
from odoo.tools.sql import column_exists

_logger = logging.getLogger(__name__)

#: What the database accepts from this version on, by table and column: the lowest and the highest value.
BOUNDS = {
    'res_company': {
        'continuity_lead_days': (0, 3650),
        'continuity_delivery_days': (-1, 3650),
        'continuity_bill_lead_days': (0, 3650),
        'continuity_mail_card_days': (0, 3650),
        'continuity_retry_days': (0, 3650),
    },
    'continuity_program': {
        'days_after_order': (0, 3650),
        'unpaid_max_days': (0, 3650),
        'announce_days': (0, 3650),
        'reply_days': (0, 3650),
    },
}


def migrate(cr, version):
    """Bring settings in days that are out of bounds to the nearest one, and tell of each."""
    if not version:
        return
    for table, columns in BOUNDS.items():
        for column, bounds in columns.items():
            if column_exists(cr, table, column):
                _clamp(cr, table, column, *bounds)


def _clamp(cr, table, column, lowest, highest):
    name = SQL.identifier(column)
    cr.execute(
        SQL(
            "SELECT id, %(name)s, LEAST(GREATEST(%(name)s, %(lowest)s), %(highest)s) FROM %(table)s"
            " WHERE %(name)s NOT BETWEEN %(lowest)s AND %(highest)s",
            name=name,
            table=SQL.identifier(table),
            lowest=lowest,
            highest=highest,
        )
    )
    for row_id, old, new in cr.fetchall():
        _logger.warning("%s %s: %s was %s, which cannot be, and is %s now", table, row_id, column, old, new)
        cr.execute(SQL("UPDATE %s SET %s = %s WHERE id = %s", SQL.identifier(table), name, new, row_id))
