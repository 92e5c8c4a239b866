"""Which release of the app this is."""

from importlib.metadata import PackageNotFoundError, version


def release() -> str:
    """This app's release; "0" where it runs without being installed, as on a phone."""
    try:
        return version("halyard")
    except PackageNotFoundError:
        return "0"
