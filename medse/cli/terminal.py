"""What the commands share on the terminal: consoles, and how an error ends.

Exit codes: 0 done; 1 a fault of medse itself; 2 something that was given cannot be used; 130 interrupted.
"""

import logging
import sys
import threading
import warnings
from collections.abc import Callable

from rich.console import Console

from medse.errors import InputError

console = Console()
errors = Console(stderr=True, highlight=False, soft_wrap=True)


class Remarks(logging.Handler):
    """Shows what library code has to remark on the way."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print it as a line."""
        say(record.getMessage())


def run_app(app: Callable[..., None]) -> None:
    """Run a command line application; what the user can mend becomes a sentence and exit code 2.

    ``--debug`` anywhere among the arguments lets the traceback through.
    """
    arguments = [argument for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    log = logging.getLogger("medse")
    log.setLevel(logging.INFO)
    log.handlers = [Remarks()]
    if not debug:
        threading.excepthook = _unless_the_disk
    try:
        app(args=arguments)
    except (InputError, OSError, MemoryError) as error:
        if debug:
            raise
        errors.print(f"Error: {_sentence(error)}", markup=False)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        errors.print("Interrupted.")
        raise SystemExit(130) from None


def _unless_the_disk(fault: threading.ExceptHookArgs) -> None:
    """Report what ended a thread, but not what a writer's thread hands on to the main one as well."""
    if not isinstance(fault.exc_value, OSError):
        threading.__excepthook__(fault)


def _sentence(error: InputError | OSError | MemoryError) -> str:
    if isinstance(error, OSError):
        what = f"{error.filename or 'A file'}: {error.strerror or error}"
        return f"{what}; check the path, its permissions and the free space."
    if isinstance(error, MemoryError):
        return "There is not enough memory; lower the patch or batch size, or use a larger machine."
    return str(error)


def say(text: str) -> None:
    """Print a line that may hold paths, without wrapping or colouring them."""
    console.print(text, highlight=False, soft_wrap=True, markup=False)


def quiet() -> None:
    """Keep the libraries' own notices off the terminal; to be called after they were imported."""
    warnings.filterwarnings("ignore", module=r"(lightning|monai|torch)\b")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
