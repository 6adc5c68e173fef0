"""How a running job is stopped from outside.

Both are no `Exception`s, so that a service which carries on after a broken photo does not take them for one. They are
raised as Ctrl-C is, between two steps of Python: transactions roll back, files are closed.
"""

from __future__ import annotations


class JobCanceled(BaseException):
    """Somebody took the job back."""


class WorkerStopping(BaseException):
    """The worker was told to leave; the job goes back to the front of the queue."""
