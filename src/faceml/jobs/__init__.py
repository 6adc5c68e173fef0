"""Background jobs on RQ: the queue, the documented functions, the workers (DESIGN D10).

queue            what entry points use: connect, enqueue, get, list, cancel; state is a job as its caller sees it
functions        the documented jobs: each calls one service and returns the documented dict
own              which jobs in Redis are faceml's, and which are another program's
backfill         a backfill in chunks that many workers share
context          what a running job may use of its worker, and how it is stopped
libraries        which library a job belongs to, and those that a worker has open
worker           an RQ worker that keeps its models loaded
pool             several workers, started again when one dies
embedded_redis   a Redis in the library's folder where REDIS_URL is not set
"""
