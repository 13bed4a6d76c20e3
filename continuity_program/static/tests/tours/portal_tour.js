import { registry } from "@web/core/registry";

/** A page that is wider than the phone would have to be moved to and fro. */
function fits() {
    const width = document.documentElement.scrollWidth;
    if (width > window.innerWidth) {
        throw new Error(`The page is ${width} wide, the screen ${window.innerWidth}`);
    }
}

const openSubscription = [
    { trigger: "a[href='/my/continuity']", run: "click", expectUnloadPage: true },
    { trigger: "td a:contains('Book Club')", run: fits },
    { trigger: "td a:contains('Book Club')", run: "click", expectUnloadPage: true },
    { trigger: "#continuity_summary", run: fits },
];

function setDate() {
    this.anchor.value = "2040-01-01";
}

registry.category("web_tour.tours").add("continuity_portal_pause", {
    steps: () => [
        ...openSubscription,
        { trigger: "#continuity_pause summary", run: "click" },
        { trigger: "#continuity_until", run: setDate },
        { trigger: "#continuity_pause button:contains('Pause')", run: "click", expectUnloadPage: true },
        { trigger: "#continuity_notice:contains('Your plan is paused.')" },
        { trigger: "body:not(:has(#continuity_skip))" },
        { trigger: "#continuity_resume summary" },
    ],
});

registry.category("web_tour.tours").add("continuity_portal_pay", {
    steps: () => [
        ...openSubscription,
        { trigger: "#continuity_declined a:contains('Pay it now')", run: "click", expectUnloadPage: true },
        // The card that was declined is the one that Odoo's form proposes.
        { trigger: ".modal.show button[name='o_payment_expand_button']", run: "click" },
        { trigger: ".modal.show #o_payment_methods.show input[name='o_payment_radio']", run: "click" },
        { trigger: ".modal.show #o_payment_methods input[name='customer_input']", run: "edit 4111111111111111" },
        {
            trigger: ".modal.show button[name='o_payment_submit_button']:enabled",
            run: "click",
            expectUnloadPage: true,
        },
        { trigger: "[name='o_payment_status_alert'], .o_portal_invoice_sidebar", expectUnloadPage: true },
        { trigger: ".o_portal_invoice_sidebar .badge:contains('Paid')" },
    ],
});

registry.category("web_tour.tours").add("continuity_portal_card", {
    steps: () => [
        ...openSubscription,
        { trigger: "#continuity_declined a:contains('Change the card')", run: "click", expectUnloadPage: true },
        { trigger: "#continuity_card[open] input[name='customer_input']", run: "edit 4111111111119876" },
        {
            trigger: "#continuity_card button[name='o_payment_submit_button']:enabled",
            run: "click",
            expectUnloadPage: true,
        },
        { trigger: "[name='o_payment_status_alert'], #continuity_card", expectUnloadPage: true },
        { trigger: "dd:contains('9876')" },
    ],
});
