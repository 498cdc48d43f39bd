"""What the commands share on the terminal: consoles, and how an error ends.

Exit codes: 0 done; 1 a fault of medse itself; 2 something that was given cannot be used; 130 interrupted.
"""

import io
import logging
import os
import re
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import typer
from rich.console import Console

from medse.errors import InputError
from medse.files import given_path
from medse.machine import out_of_memory


class Terminal(Console):
    """Rich's console, but what it prints into has no say in how long a command runs."""

    def on_broken_pipe(self) -> None:
        """Go on in silence when nobody reads any more (``medse train ... | head``): the files are what counts."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())  # so that Python finds an open stream when it ends
        os.close(nowhere)


console = Terminal(emoji=False)
INTERRUPTED = 130
UsageError: type[Exception] = typer.BadParameter.__bases__[0]
"""What Typer raises about an argument; it has the class from click, or from a copy of it that it brings."""
errors = Terminal(stderr=True, highlight=False, soft_wrap=True, emoji=False)
WAITING = "line"
"""Rich's sign that something is being done, of characters that every terminal has."""
_COMMANDS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Characters that a terminal obeys instead of showing them, but for the end of a line."""


class Remarks(logging.Handler):
    """Shows what library code has to remark on the way."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


def run_app(app: Callable[..., int | None]) -> None:
    """Run a command line application; what the user can mend becomes a sentence and exit code 2.

    ``--debug`` anywhere among the arguments lets the traceback through.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that it cannot show must not end the command
            stream.reconfigure(errors="backslashreplace")
    arguments = [_from_home(argument) for argument in sys.argv[1:] if argument != "--debug"]
    debug = len(arguments) < len(sys.argv) - 1
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # without a home it says where its fonts are
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
        say(f"Error: {_usage(error)}", errors)
        raise SystemExit(2) from None
    except Exception as error:
        if debug or not (isinstance(error, InputError | OSError) or out_of_memory(error)):
            raise
        say(f"Error: {_sentence(error)}", errors)
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


def _sentence(error: Exception) -> str:
    if out_of_memory(error):
        said = str(error).strip().split("\n")[0].rstrip(".")
        return (
            f"There is not enough memory{f' ({said})' if said else ''}; lower the patch or batch size, or use a "
            "larger machine."
        )
    if isinstance(error, OSError):
        what = f"{error.filename or 'A file'}: {error.strerror or error}"
        return f"{what}; check the path, its permissions and the free space."
    return str(error)


def say(text: str, where: Console = console) -> None:
    """Print a line that may hold paths: not wrapped, not coloured, and nothing in them obeyed by the terminal."""
    shown = _COMMANDS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    where.print(shown, highlight=False, soft_wrap=True, markup=False)


def quiet() -> None:
    """Keep the libraries' own notices off the terminal; to be called after they were imported."""
    warnings.filterwarnings("ignore", module=r"(lightning|monai|torch)\b")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
