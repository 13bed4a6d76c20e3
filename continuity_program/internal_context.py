"""What the addon's own code tells itself by the context: no key that a call by RPC sends decides anything."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Internal:
    """A value of the context that only code can give: being an object, it cannot come by RPC."""

    value: object = True


def get_internal(env, key):
    """Return the value that the addon's own code gave in the context, or nothing."""
    given = env.context.get(key)
    return given.value if isinstance(given, Internal) else None
