"""Bodies of requests and answers, by the names of the specification."""
