from collections import Counter


class BulkDelivery:
    """What is kept while the deliveries of many child orders are made together. It is handed on in the context; being
    an object, it cannot come by RPC.

    :ivar rules: the procurement rules found, by what they were looked up by.
    :ivar moves_to_schedule: ids of the moves that reordering rules are told of, once for all of them.
    :ivar reserves_later: goods are not reserved with the orders, but in a transaction of its own that follows.
    :ivar moves_to_reserve: ids of the moves that wait for it.
    :ivar reserved: while move lines are made together, what they reserve, by the arguments of the reservation.
    """

    def __init__(self, reserves_later=False):
        self.rules = {}
        self.moves_to_schedule = set()
        self.reserves_later = reserves_later
        self.moves_to_reserve = set()
        self.reserved = None

    @classmethod
    def of(cls, env):
        """Return the bulk that the environment works for, or nothing."""
        bulk = env.context.get('continuity_bulk')
        return bulk if isinstance(bulk, cls) else None

    def count_reserved(self):
        """Begin to sum up what is reserved."""
        self.reserved = Counter()

    def take_reserved(self):
        """End it, and return the sums."""
        reserved, self.reserved = self.reserved, None
        return reserved
