from collections import Counter

#: Of each way in which many deliveries are made together, the methods whose place it takes, by (model, method), with
#: the modules of Odoo whose extension of it holds there all the same. Where anybody else extends one of them, all goes
#: the way it goes for an order made by hand.
REPLACED_METHODS = {
    'transfers': {
        ('stock.move', '_assign_picking'): {'stock'},
        ('stock.move', '_search_picking_for_assignation'): {'stock'},
        # They narrow a search that finds nothing for a new order.
        ('stock.move', '_search_picking_for_assignation_domain'): {'stock', 'stock_picking_batch', 'mrp'},
    },
    'reservation': {
        # They call Odoo's own method on the same moves, and add to it.
        ('stock.move', '_action_assign'): {'stock', 'stock_picking_batch', 'mrp'},
        ('stock.move', '_update_reserved_quantity'): {'stock'},
        ('stock.move', '_update_reserved_quantity_vals'): {'stock'},
        ('stock.quant', '_gather'): {'stock'},
        ('stock.quant', '_get_reserve_quantity'): {'stock'},
        ('stock.quant', '_update_available_quantity'): {'stock'},
        ('stock.quant', '_update_reserved_quantity'): {'stock'},
    },
    'reordering': {('stock.move', '_trigger_scheduler'): {'stock'}},
    'rules': {('stock.rule', '_search_rule_for_warehouses'): {'stock'}},
    'origin note': {('stock.picking', 'message_post_with_source'): {'mail', 'mass_mailing'}},
}
OWN_MODULE = 'continuity_program'


class BulkDelivery:
    """What is kept while the deliveries of many child orders are made together. It is handed on in the context; being
    an object, it cannot come by RPC.

    :ivar transfers: transfers made beforehand for moves that look for one, by the key of Odoo's grouping.
    :ivar rules: the procurement rules found, by what they were looked up by.
    :ivar moves_to_schedule: ids of the moves that reordering rules are told of, once for all of them.
    :ivar reserves_later: goods are not reserved with the orders, but in a transaction of its own that follows.
    :ivar moves_to_reserve: ids of the moves that wait for it.
    :ivar reserved: while move lines are made together, what they reserve, by the arguments of the reservation.
    """

    def __init__(self, reserves_later=False):
        self.transfers = {}
        self.rules = {}
        self.moves_to_schedule = set()
        self.reserves_later = reserves_later
        self.moves_to_reserve = set()
        self.reserved = None
        self._is_plain = {}

    @classmethod
    def of(cls, env, way=None):
        """Return the bulk that the environment works for, or nothing.

        :param way: only if this way of ``REPLACED_METHODS`` may be gone.
        """
        bulk = env.context.get('continuity_bulk')
        if not isinstance(bulk, cls):
            return None
        return bulk if way is None or bulk._may_go(env, way) else None

    def _may_go(self, env, way):
        """Whether nobody extends what the way takes the place of, but for those that lose nothing by it."""
        if way not in self._is_plain:
            self._is_plain[way] = all(
                get_extending_modules(env[model], method) <= known
                for (model, method), known in REPLACED_METHODS[way].items()
            )
        return self._is_plain[way]

    def count_reserved(self):
        """Begin to sum up what is reserved."""
        self.reserved = Counter()

    def take_reserved(self):
        """End it, and return the sums."""
        reserved, self.reserved = self.reserved, None
        return reserved


def get_extending_modules(model, method):
    """Return the names of the modules that define a method of a model, but for this addon; of what is defined in no
    addon (a server that was patched), the Python module.

    :rtype: set[str]
    """
    defining = [cls for cls in type(model).mro() if method in cls.__dict__]
    # The class that Odoo builds of them has no module of its own: it shows that of its first base.
    modules = {cls.__dict__.get('_module') or cls.__module__ for cls in defining}
    return modules - {OWN_MODULE}
