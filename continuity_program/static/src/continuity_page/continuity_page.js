import { SaleOrderLineProductField } from "@sale/js/sale_product_field";
import { registry } from "@web/core/registry";
import { patch } from "@web/core/utils/patch";
import { FormController } from "@web/views/form/form_controller";
import { formView } from "@web/views/form/form_view";
import { onMounted, status, useEffect } from "@odoo/owl";

/**
 * Choosing a parent product saves the order: the server makes the subscription, and the order then names its page as
 * the one not seen yet. Everything else follows from that field.
 */
patch(SaleOrderLineProductField.prototype, {
    async _onProductUpdate() {
        const { root } = this.props.record.model; // the save may destroy this cell
        await super._onProductUpdate(...arguments);
        // Any line: the parent product may have come in as an optional product of this one.
        if (root.data.order_line?.records.some((line) => line.dirty && line.data.is_continuity_parent)) {
            await root.save();
        }
    },
});

/** The form of an order: it opens the page that the order names. */
export class ContinuityOrderController extends FormController {
    setup() {
        super.setup(...arguments);
        useEffect(
            (pageId) => {
                if (pageId) {
                    this.openContinuityPage(pageId);
                }
            },
            () => [this.continuityPageId],
        );
    }

    get continuityPageId() {
        return this.model.root.data.continuity_page_id?.id;
    }

    openContinuityPage(resId) {
        return this.actionService.doActionButton({
            type: "object",
            name: "action_open_page",
            resModel: "continuity.subscription",
            resId,
            onClose: (info) => {
                // Not returned: the dialog would wait for it, and the next page opens meanwhile.
                if (!info?.noReload && status(this) !== "destroyed") {
                    this.reloadAfterContinuityPage();
                }
            },
        });
    }

    /** What was typed meanwhile, such as the next order line, would be lost by the reload: nobody types. */
    async reloadAfterContinuityPage() {
        this.ui.block();
        try {
            await this.model.load();
        } finally {
            this.ui.unblock();
        }
    }

    async beforeExecuteActionButton() {
        const previousPageId = this.continuityPageId;
        const proceed = await super.beforeExecuteActionButton(...arguments);
        const pageId = this.continuityPageId;
        // The save before the button brought a page up: it goes first, the button is pressed again.
        return pageId && pageId !== previousPageId ? false : proceed;
    }
}

registry.category("views").add("continuity_order_form", {
    ...formView,
    Controller: ContinuityOrderController,
});

export class ContinuityPageController extends FormController {
    setup() {
        super.setup(...arguments);
        // Mounted before the dialog, which focuses its first field only when nothing inside has the focus yet.
        onMounted(() => document.querySelector(`#${this.env.dialogId} footer .btn-primary:not(.d-none)`)?.focus());
    }
}

registry.category("views").add("continuity_page_form", {
    ...formView,
    Controller: ContinuityPageController,
});
