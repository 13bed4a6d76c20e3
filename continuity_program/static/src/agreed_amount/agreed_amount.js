import { registry } from "@web/core/registry";
import { MonetaryField, monetaryField } from "@web/views/fields/monetary/monetary_field";

/** An amount that counts only where one is entered: nothing is shown in place of 0.00. */
export class AgreedAmountField extends MonetaryField {
    get formattedValue() {
        return this.value ? super.formattedValue : "";
    }
}

registry.category("fields").add("continuity_agreed_amount", { ...monetaryField, component: AgreedAmountField });
