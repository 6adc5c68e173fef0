"""The page to try the API on: Swagger UI out of an installed package."""

from __future__ import annotations

from serving.routes.packaged import packaged_page
from serving.security import PAGE

HTML = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>faceml: the REST API</title>
<link rel="icon" href="docs/favicon.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
# Its validator is a site of its makers': off.
START = """SwaggerUIBundle({url: "openapi.json", dom_id: "#api", validatorUrl: null, defaultModelsExpandDepth: 0});
"""
router = packaged_page(
    PAGE,
    html=HTML,
    start=START,
    package="fastapi_offline",
    folder="static",
    kinds={"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css", "favicon.png": "image/png"},
    images="'self' data: blob:",
)
