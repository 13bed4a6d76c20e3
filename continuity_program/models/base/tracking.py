from odoo import models
from odoo.tools import groupby


class Notes(list):
    """Notes to make later: (record id, body, author id, commands of changed fields). Being of a class of its own, it
    cannot come by RPC."""


class ContinuityTrackingMixin(models.AbstractModel):
    """Odoo notes what changed on each record one by one: here, the notes of all records of a batch are made together.

    For models with ``mail.thread``, in their ``_inherit`` ahead of it.
    """

    _name = 'continuity.tracking.mixin'
    _description = "Continuity Tracking Mixin"

    def _message_track(self, fields_iter, initial_values_dict):
        if len(self) == 1:
            return super()._message_track(fields_iter, initial_values_dict)
        notes = Notes()
        collecting = self.with_context(continuity_notes=notes)
        tracking = super(ContinuityTrackingMixin, collecting)._message_track(fields_iter, initial_values_dict)
        log_tracking(self, notes)
        return tracking

    def _message_log(self, *, body='', author_id=None, tracking_value_ids=False, **options):
        notes = self.env.context.get('continuity_notes')
        if options or not isinstance(notes, Notes):
            return super()._message_log(
                body=body, author_id=author_id, tracking_value_ids=tracking_value_ids, **options
            )
        notes.append((self.id, body, author_id, tracking_value_ids or []))
        return self.env['mail.message']


def log_tracking(model, notes):
    """Make notes on records of a model, and then what they list of changed fields: Odoo does the second for each note.

    :param Notes notes: what to note.
    """
    changes = []
    for author_id, group in groupby(notes, lambda note: note[2]):
        bodies = {record_id: body for record_id, body, *_rest in group}
        messages = model.browse(bodies)._message_log_batch(bodies, author_id=author_id)
        for message, (*_rest, commands) in zip(messages, group, strict=True):
            changes += [{**values, 'mail_message_id': message.id} for _create, _id, values in commands]
    model.env['mail.tracking.value'].sudo().create(changes)
