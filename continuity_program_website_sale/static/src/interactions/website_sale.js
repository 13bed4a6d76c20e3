import { patch } from "@web/core/utils/patch";
import { WebsiteSale } from "@website_sale/interactions/website_sale";

patch(WebsiteSale.prototype, {
    /** Tell the plan of the variant and the quantity that are chosen. */
    _onChangeCombination(ev, parent, combination) {
        super._onChangeCombination(...arguments);
        for (const name of ["plan", "offer"]) {
            const span = parent.querySelector(`.o_continuity_shop_${name} span`);
            if (span && combination[`continuity_${name}`]) {
                span.textContent = combination[`continuity_${name}`];
            }
        }
    },
});
