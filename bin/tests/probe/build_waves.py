"""Counts which deliveries are in waves that Odoo builds by itself."""

import json

from sell import make_by_hand, prepare, run_night, sell_plans

from odoo.addons.continuity_program.models.stock.bulk import REPLACED_METHODS, BulkDelivery


def count(orders):
    lines = orders.picking_ids.move_line_ids
    return {"lines": len(lines), "in waves": len(lines.filtered("batch_id.is_wave"))}


books, customer = prepare(env)
env["stock.warehouse"].search([("company_id", "=", env.company.id)], limit=1).out_type_id.write(
    {"auto_batch": True, "wave_group_by_product": True}
)
first, second = sell_plans(env, books[0], customer), sell_plans(env, books[0], customer)
env.cr.commit()
bulk = env(context={"continuity_bulk": BulkDelivery()})
result = {
    "by hand": count(make_by_hand(env, books[0], customer)),
    "night": count(run_night(env, first, commit=False)),
    "night that commits": count(run_night(env, second, commit=True)),
    "made together": all(BulkDelivery.of(bulk, way) for way in REPLACED_METHODS),
}
print(json.dumps(result))
