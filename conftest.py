"""How the suite is shared among processors (`bin/dev test`)."""


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest, so that no processor waits for another at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow") or item.get_closest_marker("soak")}
    items.sort(key=lambda item: item.path not in slow)
