"""The page to name faces on: the face grid, in a window of its own, through the API's own routes."""

from __future__ import annotations

from serving.routes.packaged import packaged_page
from serving.security import LABEL_PAGE

HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>faceml: who is who?</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="label/grid.css">
</head>
<body>
<div id="faces"></div>
<script type="module" src="label/start.js"></script>
</body>
</html>
"""
START = """import { mount } from "./grid.js";
mount(document.getElementById("faces"));
"""
router = packaged_page(
    LABEL_PAGE,
    html=HTML,
    start=START,
    package="faceml.widgets",
    kinds={"grid.js": "text/javascript", "grid.css": "text/css"},
    images="blob: data:",
)
