import { deserializeDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

import { Component, useEffect, useRef } from "@odoo/owl";

const ICONS = {
    planned: "fa-circle-o",
    ordered: "fa-truck",
    delivered: "fa-check",
    skipped: "fa-step-forward",
    cancelled: "fa-times",
};

/** The shipments of a plan in a row, with the next one in view. */
export class ContinuityTimeline extends Component {
    static template = "continuity_program.ContinuityTimeline";
    static props = { ...standardFieldProps };

    setup() {
        this.listRef = useRef("list");
        useEffect(
            (list) => {
                const next = list?.querySelector("[aria-current]");
                if (next) {
                    list.scrollLeft = next.offsetLeft - (list.clientWidth - next.clientWidth) / 2;
                }
            },
            () => [this.listRef.el, this.steps.findIndex((step) => step.is_next)],
        );
    }

    get steps() {
        return this.props.record.data[this.props.name] || [];
    }

    /** The steps with what is shown of them; the year only where it changes. */
    get shownSteps() {
        let year;
        return this.steps.map((step) => {
            const date = deserializeDate(step.date);
            const isNewYear = date.year !== year;
            year = date.year;
            return {
                ...step,
                key: `${step.number}-${step.date}-${step.text}`,
                day: date.toLocaleString({ day: "numeric", month: "short" }),
                year: isNewYear ? date.year : "",
                icon: ICONS[step.state],
                hint: _t("Shipment %(number)s, %(state)s: %(text)s", {
                    number: step.number,
                    state: step.label,
                    text: step.text,
                }),
            };
        });
    }
}

export const continuityTimeline = {
    component: ContinuityTimeline,
    displayName: _t("Continuity Timeline"),
    supportedTypes: ["json"],
};

registry.category("fields").add("continuity_timeline", continuityTimeline);
