"""Routes parse, call one service, and shape its answer."""
