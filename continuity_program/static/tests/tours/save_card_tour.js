import { registry } from "@web/core/registry";

registry.category("web_tour.tours").add("continuity_save_card", {
    steps: () => [
        { trigger: "#o_sale_portal_paynow:contains('Save Card')", run: "click" },
        { trigger: "#modalaccept [name='continuity_card']:contains('3 boxes')" },
        { trigger: "#modalaccept input[name='customer_input']", run: "edit 4111111111111111" },
        {
            trigger: "#modalaccept button[name='o_payment_submit_button']:contains('Save'):enabled",
            run: "click",
            expectUnloadPage: true,
        },
        { trigger: "[name='o_payment_status_alert'], .o_portal_sale_sidebar", expectUnloadPage: true },
        { trigger: ".o_portal_sale_sidebar:not(:has(#o_sale_portal_paynow))" },
    ],
});
