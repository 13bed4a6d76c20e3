"""What the pages behind links that we mail or print have in common."""

from odoo.exceptions import MissingError
from odoo.http import request

#: The highest id that the database knows.
MAX_ID = 2**31 - 1


def get_document(controller, model, document_id, access_token=None):
    """Return a document as Odoo's portal gives it out, whatever the link has for an id and a token.

    :param controller: one of Odoo's portal.
    :raise AccessError: where the user may not read it, and the token is not its own.
    :raise MissingError: where there is no such document.
    """
    if not isinstance(document_id, int) or not 0 < document_id <= MAX_ID:
        raise MissingError(request.env._("This document does not exist."))
    is_token = isinstance(access_token, str) and access_token.isascii()
    return controller._document_check_access(model, document_id, access_token if is_token else None)


def keep_private(response):
    """Keep a page to who opened its link: the address, which is the key to it, goes to no other site, and the page into
    no cache.

    :return: the response.
    """
    response.headers['Referrer-Policy'] = 'no-referrer'
    response.headers['Cache-Control'] = 'no-store'
    return response
