"""Recording what was done: every detect, cluster, train, evaluate and assign run goes to MLflow (DESIGN D9).

A run always writes into a *spool* first: a folder with one line of JSON a call, and the files. Whoever owns the run
logs the spool to MLflow, once. Interactively that is the `with` block's end; in a pipeline it is the runner, which
hands the folder to the notebook in FACEML_RUN_SPOOL. So a pipeline's kernels never import mlflow (measured: import
2.4 s and opening the store 1.1 s a step, against 1.2 s for the whole kernel), a kernel that dies keeps what it
recorded, a server that went away loses nothing, and there is one way of logging, not two.

session       `Tracking`: opens and closes runs
unattended    a notebook that fails before its last cell
spool         `Run`: what a notebook or service calls, and the folder it writes
mlflow_store  the only file that talks to MLflow
run_search    finds recorded runs again, in its database without it
provenance    which code ran
"""

from faceml.tracking.session import Tracking
from faceml.tracking.spool import Run

__all__ = ["Run", "Tracking"]
