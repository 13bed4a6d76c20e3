"""What the addon does in people's stead: Odoo's buttons pressed, and Odoo's documents made for them."""

from odoo.exceptions import UserError
from odoo.tools import html2plaintext

#: Context of documents made for others: who is responsible follows them, and is not mailed that it was assigned.
AUTOMATIC = {'mail_auto_subscribe_no_notify': True}
#: How a record looks that one of Odoo's buttons has moved.
HAS_MOVED = {
    '_action_cancel': lambda record: record.state == 'cancel',
    'action_confirm': lambda order: order.state == 'sale',
    'action_lock': lambda order: order.locked,
    'action_post': lambda move: move.state == 'posted',
    'action_unlock': lambda order: not order.locked,
    'button_cancel': lambda move: move.state == 'cancel',
}
#: Where those addons write why they hold a record back that ask, instead of raising: the record, or what asks.
REASON_FIELDS = ('exceptions_summary', 'exception_msg')


def press(records, button):
    """Press one of Odoo's buttons for records, and look whether it moved them all: an addon may hold some back, or all,
    and answer with a question that nobody is there to read.

    :param str button: a method of ``HAS_MOVED``.
    :raise UserError: naming the first record that was not moved, with the reason if one is told. What the others became
        is for the caller to keep or to roll back.
    """
    answer = getattr(records, button)()
    left = records.filtered(lambda record: not HAS_MOVED[button](record))
    if left:
        text = f'{_get_refused_text(left[0], button)} {_get_told_reason(left[0], answer)}'
        raise UserError(text)


def _get_refused_text(record, button):
    """Return in words that a record was not moved."""
    name = record.display_name
    return {
        '_action_cancel': record.env._("%(record)s was not canceled by Odoo.", record=name),
        'action_confirm': record.env._("%(record)s was not confirmed by Odoo.", record=name),
        'action_lock': record.env._("%(record)s was not locked by Odoo.", record=name),
        'action_post': record.env._("%(record)s was not posted by Odoo.", record=name),
        'action_unlock': record.env._("%(record)s was not unlocked by Odoo.", record=name),
        'button_cancel': record.env._("%(record)s was not canceled by Odoo.", record=name),
    }[button]


def _get_told_reason(record, answer):
    """Return what is told of why a record was held back, or where to look."""
    action = answer if isinstance(answer, dict) else {}
    asking = record.browse()
    if action.get('res_model') in record.env and action.get('res_id'):
        asking = record.env[action['res_model']].browse(action['res_id']).exists()
    told = (source[name] for source in (record, asking) for name in REASON_FIELDS if name in source._fields)
    reason = next(filter(None, told), None) or (action.get('params') or {}).get('message') or action.get('name')
    if reason:
        return html2plaintext(str(reason)).strip()
    return record.env._("Open it and do so by hand to see why.")
