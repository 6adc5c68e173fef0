"""The tests. Several run side by side: each on one core, as matrices this small gain nothing from a second one."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy reads it; and for the processes that tests start
