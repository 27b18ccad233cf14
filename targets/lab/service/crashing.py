"""A release of the API that ends right after its start: it wants a setting that nobody has made."""


def application() -> object:
    """Fail, as soon as the program is loaded."""
    raise SystemExit("api: LAB_TAXES is not set")
