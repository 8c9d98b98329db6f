"""Errors of comparing, extrapolating and storing: as everywhere, each states the rule, the value and the remedy."""

from meanfield.errors import CfgfieldError


class ComparisonError(CfgfieldError, ValueError):
    """Two results cannot be compared: other problems, other dimensions, or no error bars."""


class ExtrapolationError(CfgfieldError, ValueError):
    """A set of sizes cannot be extrapolated to d = infinity."""


class StoreError(CfgfieldError, OSError):
    """A results folder cannot be written, holds something else, or holds a damaged file."""


class DamageError(StoreError):
    """A file of results is not what was written: a broken disk or copy, or a change by another program."""


class ConfigError(CfgfieldError, ValueError):
    """A configuration file or a combination of flags does not state one problem."""


class ExecutorError(CfgfieldError, RuntimeError):
    """The workers of a sweep cannot be reached, died, or do not run this code."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a sweep: what is finished, and how to go on."""


class SweepWarning(UserWarning):
    """Some cells of a sweep failed; the result has nan in their place, and the reasons."""


class StoreWarning(UserWarning):
    """A cell of a results folder is damaged and computed again, or a file has no checksum."""
