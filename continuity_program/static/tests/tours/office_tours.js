import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

/** Close the message that tells why something was refused. */
function readRefusal(text) {
    return [
        { trigger: `.modal .modal-body:contains('${text}')` },
        { trigger: ".modal footer button:contains('Close'), .modal footer button:contains('Ok')", run: "click" },
        { trigger: "body:not(:has(.modal))" },
    ];
}

/** Go from an instalment to the delivery that it holds. */
function openDelivery() {
    return [
        { trigger: "div[name='order_id'] a", run: "click" },
        { trigger: "button[name='action_view_delivery']", run: "click" },
        { trigger: ".o_form_view:has(div[name='picking_type_id'])" },
    ];
}

// A quotation's page: another day and another quantity for one shipment, which the page keeps and marks.
tours.add("continuity_edit_plan", {
    steps: () => [
        { trigger: ".o_data_row:contains('Book Club') button[name='action_open_continuity']", run: "click" },
        { trigger: ".modal .o_data_row:contains('Book 2') td[name='quantity']", run: "click" },
        { trigger: ".modal .o_data_row td[name='quantity'] input", run: "edit 4" },
        { trigger: ".modal .o_data_row:contains('Book 3') td[name='price_unit']", run: "click" },
        { trigger: ".modal .o_data_row:nth-child(3) td[name='price_unit'] input", run: "edit 11" },
        { trigger: ".modal footer button[name='action_confirm_page']:visible", run: "click" },
        { trigger: "body:not(:has(.modal))" },
        { trigger: ".o_data_row:contains('Book Club') button[name='action_open_continuity']", run: "click" },
        { trigger: ".modal .o_data_row:contains('Book 2') td[name='quantity']:contains('4.00')" },
        { trigger: ".modal .o_data_row:contains('Book 3') td[name='price_unit']:contains('11.00')" },
        { trigger: ".modal footer .btn-secondary:contains('Close')", run: "click" },
        { trigger: "body:not(:has(.modal))" },
    ],
});

// A program is changed; the differences are looked at, and then carried into the plans that were sold.
tours.add("continuity_sync", {
    steps: () => [
        { trigger: ".o_data_row:contains('Book 2') td[name='quantity']", run: "click" },
        { trigger: ".o_data_row td[name='quantity'] input", run: "edit 2" },
        { trigger: ".o_form_button_save", run: "click" },
        { trigger: "button[name='action_update_sold_plans']", run: "click" },
        { trigger: ".modal .o_data_row:contains('Book 2')" },
        { trigger: ".modal button[name='action_run']:contains('Run'):visible", run: "click" },
        { trigger: ".o_form_view h1:contains('Update sold plans')" },
        { trigger: "div[name='done_count']:contains('1')" },
        { trigger: ".o_data_row:contains('Book 2')" },
    ],
});

// A declined instalment: another card on the subscription, and the payment is charged at once.
tours.add("continuity_decline_and_retry", {
    steps: () => [
        { trigger: ".o_arrow_button_current:contains('Declined')" },
        { trigger: "button[name='action_view_subscription']", run: "click" },
        { trigger: ".nav-link:contains('Payment')", run: "click" },
        { trigger: "div[name='payment_token_id'] input", run: "click" },
        { trigger: ".o_select_menu_item:contains('1111')", run: "click" },
        { trigger: ".o_form_button_save", run: "click" },
        { trigger: ".breadcrumb-item:contains('instalment 1')", run: "click" },
        { trigger: "button[name='action_charge']", run: "click" },
        { trigger: ".o_notification:contains('Paid')" },
        { trigger: ".o_arrow_button_current:contains('Paid')" },
    ],
});

// A payment on hold holds the delivery, which says why; taken off, the goods leave.
tours.add("continuity_hold_and_release", {
    steps: () => [
        { trigger: "button[name='action_hold']", run: "click" },
        { trigger: "button[name='action_release']" },
        ...openDelivery(),
        { trigger: "button[name='button_validate']", run: "click" },
        ...readRefusal("instalment 1 of"),
        { trigger: ".breadcrumb-item:contains('instalment 1')", run: "click" },
        { trigger: "button[name='action_release']", run: "click" },
        { trigger: "button[name='action_hold']" },
        ...openDelivery(),
        { trigger: "button[name='button_validate']", run: "click" },
        { trigger: ".o_arrow_button_current:contains('Done')" },
    ],
});
