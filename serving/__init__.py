"""The documented REST API over the same services as everything else (specification, chapter API Reference).

app        puts it together          champion  the projection in use, swapped when its alias moves
pools      threads for the work      problems  our errors as RFC 9457 problem details
security   keys, hosts, headers      limits    sizes, rates, times
connections  sockets, who may hold one   methods  HEAD, OPTIONS, Allow
metrics    Prometheus, access log    openapi   the description of it all
schemas/   bodies and examples      routes/   parse, call one service, shape the answer
"""

import faceml  # noqa: F401  # before FastAPI: where that is missing, faceml says which extra brings it
