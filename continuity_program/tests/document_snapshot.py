"""All that Odoo stores of an order and what it leads to, so that two of them can be compared.

What names the order or one of its documents is told by what it is, not by its id or number: two orders that lead to
equal documents have equal snapshots.
"""

import re
from collections import defaultdict

from odoo import models

#: The ORM's own, and what is drawn at random: of no two records they are equal.
PER_RECORD = {'id', 'access_token', 'access_url', 'display_name', 'parent_path', 'inalterable_hash', 'sequence_number'}
#: Compared as what people see of it, instead of by its parts.
OF_THREAD = {
    'activity_ids',
    'audit_trail_message_ids',
    'message_follower_ids',
    'message_ids',
    'website_message_ids',
}
#: How a message links to a document.
LINK = re.compile(r'data-oe-model="?([\w.]+)"? data-oe-id="?(\d+)"?')


class Snapshot:
    """
    :ivar values: by model a list of records, each the values by field name; documents in the order of their lines.
    """

    def __init__(self, order):
        self.order = order.sudo()
        self.env = self.order.env
        self.documents = self._collect()
        self.labels = {
            record: f"{model}#{number}"
            for model, records in self.documents.items()
            for number, record in enumerate(records, 1)
        }
        self.names = sorted(
            (
                (record.name, label)
                for record, label in self.labels.items()
                if 'name' in record._fields and isinstance(record.name, str) and self._has_number(record)
            ),
            key=lambda pair: -len(pair[0]),
        )
        self.values = {
            model: [self._read(record) for record in records] for model, records in self.documents.items() if records
        }

    @staticmethod
    def _has_number(record):
        return record._name not in ('sale.order.line', 'account.move.line', 'project.task', 'project.project')

    def _collect(self):
        """Return the documents by model, each a list in an order that two equal orders share."""
        order = self.order
        lines = order.order_line
        moves = order.picking_ids.move_ids | lines.move_ids
        moves |= self._upstream(moves)
        documents = {
            'sale.order': order,
            'sale.order.line': lines,
            'stock.picking': order.picking_ids | moves.picking_id,
            'stock.reference': order.stock_reference_ids,
            'account.move': order.invoice_ids,
            'account.move.line': order.invoice_ids.line_ids,
            'account.analytic.line': order.invoice_ids.line_ids.analytic_line_ids,
        }
        if 'mrp.production' in self.env:
            productions = moves.production_id | order.mrp_production_ids
            moves |= productions.move_raw_ids | productions.move_finished_ids
            documents['mrp.production'] = productions
            documents['mrp.production.group'] = productions.production_group_id
        if 'purchase.order' in self.env:
            purchased = self._get_purchase_lines(lines, moves)
            documents |= {'purchase.order': purchased.order_id, 'purchase.order.line': purchased}
        if 'project.task' in self.env:
            documents['project.task'] = lines.task_id
        documents |= {'stock.move': moves, 'stock.move.line': moves.move_line_ids}
        return {
            model: sorted(records, key=lambda record: (self._get_product_name(record), record.id))
            for model, records in documents.items()
        }

    @staticmethod
    def _get_purchase_lines(lines, moves):
        """Return what is bought for the lines of an order, be it a service or goods."""
        purchased = lines.purchase_line_ids
        if 'purchase_line_id' in moves:
            purchased |= moves.purchase_line_id | moves.created_purchase_line_ids
        return purchased

    @staticmethod
    def _upstream(moves):
        """Return the moves that bring what others send."""
        found = moves.browse()
        while moves:
            moves = moves.move_orig_ids - found
            found |= moves
        return found

    @staticmethod
    def _get_product_name(record):
        return (record.product_id.display_name or '') if 'product_id' in record._fields else ''

    def _read(self, record):
        values = {
            name: self._get_plain(record[name])
            for name, field in record._fields.items()
            if field.store and name not in PER_RECORD | OF_THREAD and not name.startswith('continuity_')
        }
        if isinstance(record, self.env.registry['mail.thread']):
            values['message_follower_ids'] = self._get_followers(record)
            values['message_ids'] = self._get_messages(record)
        if isinstance(record, self.env.registry['mail.activity.mixin']):
            values['activity_ids'] = sorted(self._get_activities(record))
        return values

    def _get_followers(self, record):
        return {
            follower.partner_id.display_name: sorted(follower.subtype_ids.mapped('name'))
            for follower in record.message_follower_ids
        }

    def _get_messages(self, record):
        """Return what is told to people, oldest first."""
        return [
            (
                message.message_type,
                message.subtype_id.name,
                message.author_id.display_name,
                self._get_plain(message.body and str(message.body)),
                sorted(message.notified_partner_ids.mapped('display_name')),
                sorted(
                    (value.field_id.name, self._get_plain(value.old_value_char), self._get_plain(value.new_value_char))
                    for value in message.tracking_value_ids
                ),
            )
            for message in record.message_ids.sorted('id')
        ]

    def _get_activities(self, record):
        return [
            (activity.activity_type_id.name, activity.user_id.login, activity.summary or '', activity.date_deadline)
            for activity in record.activity_ids
        ]

    def _get_plain(self, value):
        """Return a value in which the order's own documents are called by what they are."""
        if isinstance(value, models.BaseModel):
            return sorted(self.labels.get(record, f"{record._name},{record.id}") for record in value)
        if isinstance(value, str):
            for name, label in self.names:
                value = value.replace(name, f"<{label}>")
            value = LINK.sub(self._get_linked, value)
        return value

    def _get_linked(self, link):
        record = self.env[link[1]].browse(int(link[2]))
        return f"<{self.labels.get(record, record)}>"


def get_differences(left, right):
    """Return what differs between two snapshots: by (model, field) the list of pairs of values; the field is empty
    where there are more documents on one side.

    :rtype: dict[tuple[str, str], list[tuple]]
    """
    differences = defaultdict(list)
    for model in sorted({*left.values, *right.values}):
        ours, theirs = left.values.get(model, []), right.values.get(model, [])
        if len(ours) != len(theirs):
            differences[model, ''].append((len(ours), len(theirs)))
        for one, other in zip(ours, theirs, strict=False):
            for name in one:
                if one[name] != other[name]:
                    differences[model, name].append((one[name], other[name]))
    return dict(differences)
