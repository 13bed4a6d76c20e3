import { describe, expect, test } from "@odoo/hoot";
import { queryAllTexts, queryOne } from "@odoo/hoot-dom";
import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { defineModels, fields, models, mountView } from "@web/../tests/web_test_helpers";

describe.current.tags("desktop");

function makeStep(number, date, state, values = {}) {
    return { number, date, state, label: state, text: `1 × Book ${number}`, is_next: false, ...values };
}

class Subscription extends models.Model {
    timeline = fields.Json({ string: "Timeline" });
    _records = [
        {
            id: 1,
            timeline: [
                makeStep(1, "2027-11-03", "delivered"),
                makeStep(2, "2027-12-03", "skipped"),
                makeStep(3, "2028-01-03", "ordered", { is_next: true }),
                makeStep(4, "2028-02-03", "planned"),
            ],
        },
        { id: 2, timeline: [] },
        { id: 3, timeline: Array.from({ length: 100 }, (_, i) => makeStep(i + 1, "2027-01-03", "planned")) },
    ];
}
defineMailModels();
defineModels([Subscription]);

async function mountTimeline(resId) {
    await mountView({
        type: "form",
        resModel: "subscription",
        resId,
        arch: `<form><field name="timeline" widget="continuity_timeline"/></form>`,
    });
}

test("past, next and future shipments in their order", async () => {
    await mountTimeline(1);

    expect(queryAllTexts(".o_continuity_step .small")).toEqual(["Nov 3\n2027", "Dec 3", "Jan 3\n2028", "Feb 3"]);
    expect(".o_continuity_step .fa-check").toHaveCount(1);
    expect(".o_continuity_step[data-state='skipped'] .fa-step-forward").toHaveCount(1);
    expect("[aria-current='step']").toHaveCount(1);
    expect("[aria-current='step'] .fa-truck").toHaveCount(1);
});

test("what is read aloud says what is in a shipment", async () => {
    await mountTimeline(1);

    expect(".o_continuity_step:eq(2) .visually-hidden").toHaveText("Shipment 3, ordered: 1 × Book 3, Jan 3");
    expect(".o_continuity_timeline").toHaveAttribute("aria-label", "Shipments");
});

test("nothing is shown of an empty plan", async () => {
    await mountTimeline(2);

    expect(".o_continuity_timeline").toHaveCount(0);
});

test("the next shipment of a long plan is in view", async () => {
    Subscription._records[2].timeline[59].is_next = true;
    await mountTimeline(3);

    const list = queryOne(".o_continuity_timeline");
    const next = queryOne("[aria-current='step']");
    expect(list.scrollLeft).toBeGreaterThan(0);
    expect(next.offsetLeft).toBeGreaterThan(list.scrollLeft);
    expect(next.offsetLeft).toBeLessThan(list.scrollLeft + list.clientWidth);
});
