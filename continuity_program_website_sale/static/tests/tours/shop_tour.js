import { registry } from "@web/core/registry";

registry.category("web_tour.tours").add("continuity_shop", {
    steps: () => [
        { content: "The plan is told", trigger: ".o_continuity_shop_plan:contains(3 boxes)" },
        { content: "Put it into the cart", trigger: "#add_to_cart", run: "click" },
        {
            content: "Go to the cart",
            trigger: "sup.my_cart_quantity:contains(1)",
            run() {
                window.location.href = "/shop/cart";
            },
            expectUnloadPage: true,
        },
        { content: "The price is that of the plan", trigger: "#cart_products .o_continuity_plan_price" },
        {
            content: "Check out: the address is known, and there is no delivery method to choose",
            trigger: 'a[name="website_sale_main_button"]:visible',
            run: "click",
            expectUnloadPage: true,
        },
        { content: "Nothing is due now", trigger: 'p[name="continuity_save_card"]' },
        { content: "Enter the card", trigger: 'input[name="customer_input"]', run: "edit 4111" },
        {
            content: "Save the card and order",
            trigger: 'button[name="o_payment_submit_button"]:visible:not(:disabled)',
            run: "click",
            expectUnloadPage: true,
        },
        { content: "Ordered", trigger: "h3:contains(Thank you for your order)" },
        { content: "The plan is shown", trigger: ".o_continuity_plan:contains(Book 3)" },
    ],
});
