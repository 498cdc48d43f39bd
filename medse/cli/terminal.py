"""What the commands share on the terminal: consoles, and how an error ends.

Exit codes: 0 done; 1 a fault of medse itself; 2 something that was given cannot be used; 130 interrupted.
"""

import logging
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import typer
from rich.console import Console

from medse.errors import InputError
from medse.files import given_path

console = Console()
INTERRUPTED = 130
UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""What Typer raises about an argument; it has the class from click, or from a copy of it that it brings."""
errors = Console(stderr=True, highlight=False, soft_wrap=True)


class Remarks(logging.Handler):
    """Shows what library code has to remark on the way."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


def run_app(app: Callable[..., int | None]) -> None:
    """Run a command line application; what the user can mend becomes a sentence and exit code 2.

    ``--debug`` anywhere among the arguments lets the traceback through.
    """
    arguments = [_from_home(argument) for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    log = logging.getLogger("medse")
    log.setLevel(logging.INFO)
    log.handlers = [Remarks()]
    if not debug:
        threading.excepthook = _unless_the_disk
    try:
        code = app(args=arguments, standalone_mode=False)
    except UsageError as error:
        if not arguments:
            raise SystemExit(2) from None  # the help was shown
        errors.print(f"Error: {_usage(error)}", markup=False)
        raise SystemExit(2) from None
    except (InputError, OSError, MemoryError) as error:
        if debug:
            raise
        errors.print(f"Error: {_sentence(error)}", markup=False)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        code = INTERRUPTED
    if code == INTERRUPTED:
        errors.print("Interrupted.")
    raise SystemExit(code or 0)


def _from_home(argument: str) -> str:
    """Return an argument whose path begins in the home folder with its whole path; the shell leaves ``--out=~/x``."""
    option, equals, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
    return f"{option}{equals}{given_path(value)}" if value.startswith("~") else argument


def _unless_the_disk(fault: threading.ExceptHookArgs) -> None:
    """Report what ended a thread, but not what a writer's thread hands on to the main one as well."""
    if not isinstance(fault.exc_value, OSError):
        threading.__excepthook__(fault)


def _usage(error: Any) -> str:
    what = error.format_message().replace("Value error, ", "").rstrip(".")
    return f"{what}; see {error.ctx.command_path if error.ctx else 'medse'} --help."


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
