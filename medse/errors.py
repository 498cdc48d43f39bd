"""The one exception that a user's own input may raise."""


class InputError(ValueError):
    """Something that was given cannot be used.

    The message is one sentence: what is wrong, what was given, what is allowed and what to do. The
    command line prints it without a traceback and exits with code 2.
    """
