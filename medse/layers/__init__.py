"""What MONAI's layers leave to the caller, for 2-D and 3-D alike; and MONAI itself, for users without a name.

MONAI asks for the name of the user when it is imported, and fails where a user id has none, as in many containers.
Every room that stands on MONAI imports this one before it.
"""

import getpass
import os


def _import_monai() -> None:
    try:
        getpass.getuser()
    except (KeyError, OSError, ImportError):  # what it raises depends on the release and the system
        os.environ["LOGNAME"] = "nobody"
        try:
            import monai  # noqa: F401
        finally:
            del os.environ["LOGNAME"]


_import_monai()
