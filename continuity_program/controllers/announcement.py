from odoo.exceptions import UserError
from odoo.http import Controller, request, route

from .links import MAX_ID, keep_private


class Announcement(Controller):
    """The page behind the link of a mail that announces a shipment. To look at it changes nothing: mail scanners open
    links. What is changed comes by POST, from the form of the page."""

    @route(
        '/continuity/announcement/<int:line_id>/<string:signature>',
        type='http',
        auth='public',
        methods=['GET'],
        website=True,
        sitemap=False,
    )
    def continuity_announcement(self, line_id, signature, **_kwargs):
        """Show the shipment, and what may be done with it until the deadline."""
        return self._render(self._get_line(line_id, signature))

    @route(
        '/continuity/announcement/<int:line_id>/<string:signature>/<any(decline,keep):choice>',
        type='http',
        auth='public',
        methods=['POST'],
        website=True,
        sitemap=False,
    )
    def continuity_announcement_choice(self, line_id, signature, choice, **_kwargs):
        """Decline the shipment, or take that back."""
        line_sudo = self._get_line(line_id, signature)
        if not line_sudo:
            return self._render(line_sudo)
        subscription_sudo, lines_sudo = line_sudo.subscription_id, line_sudo._get_announced_lines()
        try:
            subscription_sudo._begin_change()
            if choice == 'decline':
                subscription_sudo._decline(lines_sudo)
            else:
                subscription_sudo._take_back_decline(lines_sudo)
        except UserError as error:
            return self._render(line_sudo, error=str(error))
        return keep_private(request.redirect(f'/continuity/announcement/{line_id}/{signature}', code=303))

    def _get_line(self, line_id, signature):
        """Return the line that the link is about, in the customer's language; nothing where the link is not genuine,
        or its announcement does not hold any more."""
        line_sudo = request.env['continuity.line'].sudo().browse(line_id if line_id <= MAX_ID else ())
        if not line_sudo._check_announcement_signature(signature):
            return line_sudo.browse()
        request.update_context(lang=line_sudo.partner_id.lang or request.env.lang)
        return request.env['continuity.line'].sudo().browse(line_id)

    def _render(self, line_sudo, error=None):
        lines_sudo = line_sudo and line_sudo._get_announced_lines()
        subscription_sudo = line_sudo.subscription_id
        response = request.render(
            'continuity_program.announcement_page',
            {
                'line': line_sudo,
                'lines': lines_sudo,
                'subscription': subscription_sudo,
                'is_declined': any(lines_sudo.mapped('is_declined')),
                'decline_refusal': line_sudo and subscription_sudo._get_decline_refusal(lines_sudo),
                'take_back_refusal': line_sudo and subscription_sudo._get_take_back_refusal(lines_sudo),
                'error': error,
            },
        )
        if not line_sudo:
            response.status_code = 404
        return keep_private(response)
