import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");

// 10 % by Odoo's own button: the order, and what the Continuity page says is due, come to the same.
tours.add("continuity_give_discount", {
    steps: () => [
        { trigger: "button[name='action_open_discount_wizard']", run: "click" },
        { trigger: ".modal input[data-value='so_discount']", run: "click" },
        { trigger: ".modal div[name='discount_percentage'] input", run: "edit 10" },
        { trigger: ".modal footer button[name='action_apply_discount']", run: "click" },
        { trigger: "body:not(:has(.modal))" },
        { trigger: ".o_data_row:contains('Discount')" },
        { trigger: ".o_tax_total_label:contains('Total'), .oe_subtotal_footer:contains('54.00')" },
        { trigger: ".o_data_row:contains('Tour Book Club') button[name='action_open_continuity']", run: "click" },
        { trigger: ".modal:contains('due now $ 54.00')" },
    ],
});

// What a customer pays in the portal for a plan with a discount is what the quotation says.
tours.add("continuity_pay_discounted", {
    steps: () => [
        { trigger: "#portal_sale_content:contains('54.00')" },
        { trigger: "#o_sale_portal_paynow", run: "click" },
        { trigger: "#modalaccept:contains('54.00')" },
        { trigger: "#modalaccept input[name='customer_input']", run: "edit 4111111111111111" },
        {
            trigger: "#modalaccept button[name='o_payment_submit_button']:enabled",
            run: "click",
            expectUnloadPage: true,
        },
        { trigger: "[name='o_payment_status_alert'], .o_portal_sale_sidebar", expectUnloadPage: true },
        { trigger: ".o_portal_sale_sidebar:not(:has(#o_sale_portal_paynow))" },
    ],
});
