"""Counts how often a record passes each probed method: by hand, in a night, and in a night that commits."""

import json

from sell import make_by_hand, prepare, run_night, sell_plans

from odoo.addons.a_probe_below.probe import SEEN as BELOW
from odoo.addons.z_probe_above.probe import SEEN as ABOVE

PROBES = {"a_probe_below": BELOW, "z_probe_above": ABOVE}


def count(work):
    """Return by probe and method how often the records passed, each with its count, without telling which."""
    for seen in PROBES.values():
        seen.clear()
    work()
    return {
        name: {".".join(key): sorted(counter.values()) for key, counter in seen.items()}
        for name, seen in PROBES.items()
    }


books, customer = prepare(env)
first, second = sell_plans(env, books, customer), sell_plans(env, books, customer)
env.cr.commit()
modules = [
    cls._module
    for cls in type(env["stock.move"]).mro()
    if getattr(cls, "_module", None) and "_action_assign" in cls.__dict__
]
result = {
    "order of addons": [name for name in dict.fromkeys(modules) if name in (*PROBES, "continuity_program")],
    "by hand": count(lambda: make_by_hand(env, books, customer)),
    "night": count(lambda: run_night(env, first, commit=False)),
    "night that commits": count(lambda: run_night(env, second, commit=True)),
}
print(json.dumps(result))
