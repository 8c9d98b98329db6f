"""How a command ends: one clean message, and an exit code that says who is to act."""

import functools
import sys
from collections.abc import Callable
from contextlib import suppress

import typer

from meanfield import CfgfieldError

LONGEST = 1400  # characters of a message: a value that was given may be of any length
DISAGREE, USAGE, FAILURE, INTERRUPTED, UNHEARD = 1, 2, 3, 130, 141
CODES = f"""Exit codes: 0 done (validate: theory and particles agree); {DISAGREE} they disagree (validate only);
{USAGE} the options, a file of input or the problem cannot be used; {FAILURE} what was asked for failed on the way:
it did not converge, workers or memory failed, a file could not be written; {INTERRUPTED} interrupted;
{UNHEARD} the reader of the output left."""


def guarded(command: Callable) -> Callable:
    """Turn what goes wrong in a command into one message and an exit code, as `CODES` says.

    Errors of what was asked for are ValueErrors, as in all of Python; others are failures on the way. Errors that are
    none of this package's, of the system or a lack of memory, are failures; any other is a fault of the program, and
    keeps its traceback (and exit code 3, `validate.cli.main`: 1 would be a disagreement).
    """

    @functools.wraps(command)
    def run(*args, **kwargs):
        try:
            result = command(*args, **kwargs)
            if sys.stdout is not None:
                sys.stdout.flush()  # a full disk behind the output shows here
            return result
        except CfgfieldError as error:
            code, message = (USAGE if isinstance(error, ValueError) else FAILURE), f"error: {error}"
        except BrokenPipeError:  # whoever read the output has left, as `head` does: end as other programs do
            sys.exit(UNHEARD)
        except ImportError as error:
            remedy = "Check the installation, and how much memory is allowed (ulimit -v)."
            code, message = FAILURE, f"error: the libraries that are used must load; {error}. {remedy}"
        except OSError as error:
            remedy = "Check paths, permissions and free space."
            code, message = FAILURE, f"error: files and output must be readable and writable; {error}. {remedy}"
        except MemoryError:
            remedy = "Use a lower d, fewer samples or fewer threads."
            code, message = FAILURE, f"error: the computation must fit into memory; the system gave no more. {remedy}"
        except KeyboardInterrupt as stop:
            code, message = INTERRUPTED, f"interrupted; {str(stop) or 'files that were finished are kept.'}"
        if len(message) > LONGEST:
            message = f"{message[: LONGEST // 2]} ... {message[-LONGEST // 2 :]}"
        with suppress(OSError):  # where even this cannot be written the exit code has to do
            typer.echo(message, err=True)
        sys.exit(code)

    return run
