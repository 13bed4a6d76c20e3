from datetime import timedelta

from werkzeug.exceptions import NotFound

from odoo.exceptions import AccessError, MissingError, UserError
from odoo.fields import Domain
from odoo.http import request, route

from odoo.addons.payment.controllers.portal import PaymentPortal
from odoo.addons.portal.controllers.portal import pager as portal_pager

from ..domain import sanity
from ..models.subscription.portal import PORTAL_RULES
from .links import get_document, keep_private

#: How many shipments and payments to come a page shows.
SHOWN_TO_COME = 12
#: A page number longer than this is none.
PAGE_DIGITS = 9


class ContinuityPortal(PaymentPortal):
    """A customer's subscriptions in the portal (``docs/behaviour.md#portal``).

    The access token of a link shows a subscription, and lets its bills be paid; whoever changes it is logged in as the
    customer.
    """

    # === THE LIST === #

    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        if 'continuity_count' in counters:
            Subscription = request.env['continuity.subscription']
            can_read = Subscription.has_access('read')
            values['continuity_count'] = Subscription.search_count(self._get_continuity_domain()) if can_read else 0
        return values

    def _get_continuity_domain(self):
        commercial_partner = request.env.user.partner_id.commercial_partner_id
        return Domain('partner_id', 'child_of', commercial_partner.id) & Domain('state', '!=', 'draft')

    def _get_continuity_sortings(self):
        return {
            'next': {'label': request.env._("Next Shipment"), 'order': 'next_date, id desc'},
            'newest': {'label': request.env._("Newest"), 'order': 'id desc'},
            'program': {'label': request.env._("Program"), 'order': 'program_id, id desc'},
            'state': {'label': request.env._("Status"), 'order': 'state, id desc'},
        }

    def _get_continuity_filters(self):
        return {
            'all': {'label': request.env._("All"), 'domain': Domain.TRUE},
            'running': {'label': request.env._("Running"), 'domain': Domain('state', '=', 'running')},
            'paused': {'label': request.env._("Paused"), 'domain': Domain('state', '=', 'paused')},
            'ended': {'label': request.env._("Ended"), 'domain': Domain('state', 'in', ('done', 'cancelled'))},
        }

    @route(['/my/continuity', '/my/continuity/page/<int:page>'], type='http', auth='user', website=True)
    def portal_my_continuity(self, page=1, sortby=None, filterby=None, **kwargs):
        """Show the list of the customer's subscriptions."""
        Subscription = request.env['continuity.subscription']
        if not Subscription.has_access('read'):
            return request.redirect('/my')
        sortings, filters = self._get_continuity_sortings(), self._get_continuity_filters()
        sortby = sortby if sortby in sortings else 'next'
        filterby = filterby if filterby in filters else 'all'
        domain = self._get_continuity_domain() & filters[filterby]['domain']
        pager = portal_pager(
            url='/my/continuity',
            url_args={'sortby': sortby, 'filterby': filterby},
            total=Subscription.search_count(domain),
            page=page if str(page).isdecimal() and len(str(page)) <= PAGE_DIGITS else 1,
            step=self._items_per_page,
        )
        subscriptions = Subscription.search(
            domain, order=sortings[sortby]['order'], limit=self._items_per_page, offset=pager['offset']
        )
        request.session['my_continuity_history'] = subscriptions.ids[:100]
        return request.render(
            'continuity_program.portal_my_continuity',
            {
                **self._prepare_portal_layout_values(),
                'subscriptions': subscriptions.sudo(),
                'page_name': 'continuity',
                'default_url': '/my/continuity',
                'pager': pager,
                'searchbar_sortings': sortings,
                'sortby': sortby,
                'searchbar_filters': filters,
                'filterby': filterby,
            },
        )

    # === THE PAGE === #

    @route('/my/continuity/<int:subscription_id>', type='http', auth='public', website=True)
    def portal_continuity_page(self, subscription_id, access_token=None, change=None, **kwargs):
        """Show one subscription.

        :param change: the one whose form is open, a key of ``PORTAL_RULES``.
        """
        try:
            subscription_sudo = get_document(self, 'continuity.subscription', subscription_id, access_token)
        except (AccessError, MissingError):
            return request.redirect('/my')
        if subscription_sudo.state == 'draft':
            return request.redirect('/my')
        page = request.render(
            'continuity_program.portal_continuity_page',
            self._get_page_view_values(
                subscription_sudo,
                access_token,
                self._prepare_continuity_values(subscription_sudo, change),
                'my_continuity_history',
                False,
            ),
        )
        return keep_private(page) if access_token else page

    def _prepare_continuity_values(self, subscription_sudo, opened):
        """Return what the page of a subscription shows."""
        partner_sudo = request.env.user.partner_id
        is_customer = subscription_sudo._is_of_customer(partner_sudo)
        # Staff see what the customer sees, but nothing of it can be sent.
        is_preview = not is_customer and request.env.user._is_internal()
        values = {
            'subscription': subscription_sudo,
            'res_company': subscription_sudo.company_id,
            'page_name': 'continuity',
            'backend_url': f'/odoo/continuity-subscriptions/{subscription_sudo.id}',
            'is_customer': is_customer,
            'refusals': subscription_sudo._get_portal_refusals() if is_customer or is_preview else {},
            # Their links would carry the tokens of the orders.
            'shows_orders': is_customer or is_preview,
            'opened': opened,
            'reasons': self._get_continuity_reasons(),
            'notice': request.session.pop('continuity_notice', None),
            'to_come': subscription_sudo._get_shipments_to_come(),
            'payments': subscription_sudo.payment_ids.filtered(lambda payment: not payment.is_cancelled)._by_due_date(),
            'payments_to_come': subscription_sudo._get_payments_to_come(),
            'shown': SHOWN_TO_COME,
            'tomorrow': subscription_sudo.company_id._get_continuity_today() + timedelta(days=1),
        }
        if is_customer:
            values['addresses'] = self._get_continuity_addresses()
            values.update(self._prepare_continuity_card_values(subscription_sudo, partner_sudo))
        return values

    def _get_continuity_addresses(self):
        """Return the addresses that the customer may have it sent to: those of Odoo's own address page."""
        return self._prepare_address_data(request.env.user.partner_id)['delivery_addresses']

    def _prepare_continuity_card_values(self, subscription_sudo, partner_sudo):
        """Return the saved cards to choose from, and what Odoo's payment form needs to save another one."""
        providers_sudo = (
            request.env['payment.provider']
            .sudo()
            ._get_compatible_providers(
                subscription_sudo.company_id.id, partner_sudo.id, 0.0, force_tokenization=True, is_validation=True
            )
        )
        methods_sudo = (
            request.env['payment.method']
            .sudo()
            ._get_compatible_payment_methods(providers_sudo.ids, partner_sudo.id, force_tokenization=True)
        )
        return {
            'tokens': subscription_sudo._get_usable_tokens(partner_sudo),
            'mode': 'validation',
            'allow_token_selection': False,
            'partner_id': partner_sudo.id,
            'providers_sudo': providers_sudo,
            'payment_methods_sudo': methods_sudo,
            'tokens_sudo': request.env['payment.token'],
            'transaction_route': f'{subscription_sudo.access_url}/card',
            'landing_route': subscription_sudo.access_url,
            **self._get_extra_payment_form_values(),
        }

    # === CHANGES === #

    def _get_own_continuity(self, subscription_id):
        """Return a subscription of the customer who is logged in, for changes in the customer's name.

        :raise AccessError: for another's, whatever the token.
        """
        subscription_sudo = get_document(self, 'continuity.subscription', subscription_id)
        if not subscription_sudo._is_of_customer(request.env.user.partner_id):
            raise AccessError(request.env._("Only the customer can change this."))
        return subscription_sudo.with_user(request.env.user).with_company(subscription_sudo.company_id).sudo()

    @route(
        '/my/continuity/<int:subscription_id>/change/<string:change>',
        type='http',
        auth='user',
        methods=['POST'],
        website=True,
    )
    def portal_continuity_change(self, subscription_id, change, **form):
        """Make one change and show the page again, with what came of it."""
        if change not in PORTAL_RULES:
            raise NotFound
        try:
            subscription_sudo = self._get_own_continuity(subscription_id)
        except (AccessError, MissingError):
            return request.redirect('/my')
        try:
            subscription_sudo._begin_change()
            with request.env.cr.savepoint():
                subscription_sudo._check_portal_change(change)
                if change in ('skip', 'postpone'):
                    subscription_sudo._check_seen(form.get('shipment'))
                text = getattr(self, f'_continuity_change_{change}')(subscription_sudo, form)
        except UserError as error:
            request.session['continuity_notice'] = {'level': 'danger', 'text': str(error)}
            return request.redirect(f'{subscription_sudo.access_url}?change={change}')
        request.session['continuity_notice'] = {'level': 'success', 'text': text}
        return request.redirect(subscription_sudo.access_url)

    def _continuity_change_skip(self, subscription, form):
        subscription._skip_next()
        return request.env._("The shipment is skipped.")

    def _continuity_change_postpone(self, subscription, form):
        subscription._postpone()
        return request.env._("The shipment is postponed.")

    def _continuity_change_swap(self, subscription, form):
        line_id, product_id = self._cast_as_int(form.get('line_id')), self._cast_as_int(form.get('product_id'))
        line = subscription._get_next_shipment().filtered(lambda line: line.id == line_id)
        product = subscription.program_id.portal_swap_product_ids.filtered(lambda product: product.id == product_id)
        if not line or not product:
            raise UserError(request.env._("Please choose a product of the list."))
        subscription._swap(line, product)
        return request.env._("You will get %(product)s.", product=product.display_name)

    def _continuity_change_pause(self, subscription, form):
        until = form.get('until')
        if sanity.find_day_fault(until):
            raise UserError(request.env._("Please enter a date, or none."))
        subscription._pause(until=until)
        return request.env._("Your plan is paused.")

    def _continuity_change_resume(self, subscription, form):
        subscription._resume()
        return request.env._("Your plan goes on.")

    def _continuity_change_address(self, subscription, form):
        address_id = self._cast_as_int(form.get('address_id'))
        address = self._get_continuity_addresses().filtered(lambda address: address.id == address_id)
        if not address:
            raise UserError(request.env._("Please choose one of your addresses."))
        reason = subscription._get_address_refusal(address)
        if reason:
            raise UserError(reason)
        subscription.partner_shipping_id = address
        return request.env._("Your plan is sent to the new address.")

    def _continuity_change_card(self, subscription, form):
        token_id = self._cast_as_int(form.get('token_id'))
        token = subscription._get_usable_tokens(request.env.user.partner_id).filtered(
            lambda token: token.id == token_id
        )
        if not token:
            raise UserError(request.env._("Please choose one of your cards."))
        subscription.payment_token_id = token
        return request.env._("Your plan is paid with this card from now on.")

    def _continuity_change_cancel(self, subscription, form):
        reason_id = self._cast_as_int(form.get('reason_id'))
        reason = self._get_continuity_reasons().filtered(lambda reason: reason.id == reason_id)
        if not reason:
            raise UserError(request.env._("Please choose why you cancel."))
        subscription._cancel(reason)
        return request.env._("Your plan is cancelled.")

    @route('/my/continuity/<int:subscription_id>/card', type='jsonrpc', auth='user')
    def portal_continuity_save_card(self, subscription_id, access_token=None, **kwargs):
        """Create the validation transaction that saves another card for a subscription, for Odoo's payment form.

        :return: the values for the processing of the transaction.
        :rtype: dict
        :raise UserError: for another's subscription, or one whose card cannot be changed.
        """
        subscription_sudo = self._get_own_continuity(subscription_id)
        subscription_sudo._check_portal_change('card')
        self._validate_transaction_kwargs(kwargs)
        kwargs.update(
            partner_id=request.env.user.partner_id.id, currency_id=None, amount=None, is_validation=True, token_id=None
        )
        tx_sudo = self._create_transaction(
            custom_create_values={'continuity_subscription_id': subscription_id}, **kwargs
        )
        return tx_sudo._get_processing_values()

    def _get_continuity_reasons(self):
        """Return the reasons that a customer may choose from."""
        return request.env['continuity.cancel.reason'].sudo().search([('in_portal', '=', True)])
