import { registry } from "@web/core/registry";

registry.category("web_tour.tours").add("continuity_decline", {
    steps: () => [
        { trigger: "#continuity_announcement:contains('Book 2')" },
        { trigger: "button[name='continuity_decline']", run: "click", expectUnloadPage: true },
        { trigger: "[name='continuity_declined']:contains('You have declined this shipment')" },
        { trigger: "button[name='continuity_keep']", run: "click", expectUnloadPage: true },
        { trigger: "button[name='continuity_decline']", run: "click", expectUnloadPage: true },
        { trigger: "[name='continuity_declined']" },
    ],
});
