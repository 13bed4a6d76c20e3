import configuratorTourUtils from "@sale/js/tours/product_configurator_tour_utils";
import { registry } from "@web/core/registry";

/** Add a product by its name to the order that is open. */
function addProduct(name) {
    return [
        { trigger: ".o_field_x2many_list_row_add > button, .o_field_x2many_list_row_add > a", run: "click" },
        { trigger: "div[name='product_template_id'] input", run: `edit ${name}` },
        { trigger: `.o-autocomplete--dropdown-item:contains('${name}')`, run: "click" },
    ];
}

function chooseCustomer(name) {
    return [
        { trigger: "div[name='partner_id'] input", run: `edit ${name}` },
        { trigger: `.o-autocomplete--dropdown-item:contains('${name}')`, run: "click" },
    ];
}

/** Leave the page by its focused button, as an agent does with Enter. */
function acceptPage() {
    return [
        { trigger: ".modal footer button[name='action_confirm_page']:focus", run: "press Enter" },
        { trigger: "body:not(:has(.modal))" },
    ];
}

registry.category("web_tour.tours").add("continuity_sell", {
    url: "/odoo/sales/new",
    steps: () => [
        ...chooseCustomer("Tour Customer"),
        ...addProduct("Tour Book Club"),
        { trigger: ".modal .o_continuity_summary:contains('3 boxes')" },
        { trigger: ".modal .o_data_row:contains('Book 2')" },
        ...acceptPage(),
        { trigger: ".o_data_row:contains('3 boxes')" },
        { trigger: ".o_field_badge:contains('Parent Order')" },
        // A second parent line opens its own page, also with a hand change in it.
        ...addProduct("Tour Coffee Plan"),
        { trigger: ".modal .o_continuity_summary:contains('Until cancelled')" },
        { trigger: ".modal .o_data_row:first td[name='quantity']", run: "click" },
        { trigger: ".modal .o_data_row td[name='quantity'] input", run: "edit 7" },
        { trigger: ".modal footer button[name='action_confirm_page']", run: "click" },
        { trigger: "body:not(:has(.modal))" },
        // The page opens again from the line, and keeps the change.
        { trigger: ".o_data_row:contains('Tour Coffee Plan') button[name='action_open_continuity']", run: "click" },
        { trigger: ".modal .o_data_row:first td[name='quantity']:contains('7.00')" },
        { trigger: ".modal footer .btn-secondary:contains('Close')", run: "click" },
        { trigger: "body:not(:has(.modal))" },
        { trigger: "button[name='action_confirm']:enabled", run: "click" },
        { trigger: ".o_arrow_button_current:contains('Sales Order')" },
        // And on the confirmed order.
        { trigger: ".o_data_row:contains('Tour Book Club') button[name='action_open_continuity']", run: "click" },
        { trigger: ".modal .o_continuity_summary:contains('3 boxes')" },
        { trigger: ".modal footer .btn-secondary:contains('Close')", run: "click" },
        { trigger: "body:not(:has(.modal))" },
    ],
});

registry.category("web_tour.tours").add("continuity_refused_save", {
    url: "/odoo/sales/new",
    steps: () => [
        // Without a customer the save that the product asks for is refused; the page opens at the next one.
        ...addProduct("Tour Book Club"),
        { trigger: ".o_notification:contains('Missing required fields')" },
        ...chooseCustomer("Tour Customer"),
        { trigger: ".o_form_button_save", run: "click" },
        { trigger: ".modal .o_continuity_summary:contains('3 boxes')" },
        ...acceptPage(),
        { trigger: ".o_data_row:contains('3 boxes')" },
    ],
});

registry.category("web_tour.tours").add("continuity_configurator", {
    url: "/odoo/sales/new",
    steps: () => [
        ...chooseCustomer("Tour Customer"),
        // A parent product with variants: the configurator first, then the page of the variant.
        ...addProduct("Tour Choice Club"),
        ...configuratorTourUtils.saveConfigurator(),
        { trigger: ".modal .o_continuity_summary:contains('3 boxes')" },
        ...acceptPage(),
        { trigger: ".o_data_row:contains('3 boxes')" },
        { trigger: ".o_field_badge:contains('Parent Order')" },
        // A parent product that comes in as the optional product of another one.
        ...addProduct("Tour Lamp"),
        configuratorTourUtils.addOptionalProduct("Tour Book Club"),
        ...configuratorTourUtils.saveConfigurator(),
        { trigger: ".modal .o_continuity_summary:contains('3 boxes')" },
        ...acceptPage(),
        { trigger: ".o_data_row:contains('Tour Book Club'):contains('3 boxes')" },
    ],
});

registry.category("web_tour.tours").add("continuity_run_job", {
    url: "/odoo/continuity-subscriptions",
    steps: () => [
        { trigger: ".o_main_navbar button:contains('Continuity')", run: "click" },
        { trigger: ".dropdown-item:contains('Run a Job')", run: "click" },
        { trigger: ".modal button[name='action_preview']", run: "click" },
        { trigger: ".modal .o_data_row:contains('1 × Book 1')" },
        { trigger: ".modal button[name='action_run']", run: "click" },
        { trigger: ".o_form_view h1:contains('Create child orders')" },
        { trigger: "div[name='done_count']:contains('1')" },
        { trigger: ".o_main_navbar button:contains('Continuity')", run: "click" },
        { trigger: ".dropdown-item:contains('Child Orders')", run: "click" },
        { trigger: ".o_data_row:contains('Tour Customer') td[name='name']", run: "click" },
        { trigger: ".o_field_badge:contains('Child Order')" },
        { trigger: ".o_data_row:contains('Book 1')" },
        { trigger: "button[name='action_view_continuity_parent']", run: "click" },
        { trigger: ".o_field_badge:contains('Parent Order')" },
        { trigger: "button[name='action_view_continuity_children'] .o_stat_value:contains('1')" },
    ],
});
