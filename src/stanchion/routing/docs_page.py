"""The interactive reference at /docs: Swagger UI from an installed package, so it works with no internet.

The page holds no inline script or style and names no other host, so it lives under a Content-Security-Policy
of `default-src 'self'; img-src 'self' data:`. Swagger UI 5 is needed: 4 refuses an OpenAPI 3.1 document.
"""

from html import escape
from importlib import import_module
from pathlib import Path

_ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
"""Of Swagger UI's own files, those the page asks for, with their media types."""

_START = "start.js"
_START_SCRIPT = b"""\
"use strict";
const page = document.getElementById("swagger-ui");
SwaggerUIBundle({
  domNode: page,
  url: page.dataset.openapiUrl,
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,  // else it shows the document to a public server
});
"""

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" type="image/png" href="{assets}/favicon-32x32.png">
<link rel="stylesheet" href="{assets}/swagger-ui.css">
</head>
<body>
<div id="swagger-ui" data-openapi-url="{openapi}"></div>
<script src="{assets}/swagger-ui-bundle.js"></script>
<script src="{assets}/start.js"></script>
</body>
</html>
"""


def page(title: str, openapi_url: str, assets_url: str) -> str:
    """The HTML page; `assets_url` is where `asset` is served, without a slash at its end."""
    return _PAGE.format(title=escape(title), openapi=escape(openapi_url), assets=escape(assets_url))


def asset(name: str) -> tuple[bytes, str] | None:
    """The content and media type of a file the page asks for; None for any other name.

    It is read at each call: a page that people open now and then need not hold 2 MB in every worker.
    """
    if name == _START:
        return _START_SCRIPT, "text/javascript; charset=utf-8"
    if name not in _ASSETS:
        return None
    bundle = import_module("swagger_ui_bundle")  # here, for an app whose /docs nobody opens
    path: Path = bundle.swagger_ui_path / name
    return path.read_bytes(), _ASSETS[name]
