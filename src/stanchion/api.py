"""The public names, all in one place; `stanchion` has them, and imports this when the first one is asked for.

Beside them stand `stanchion.errors`, with the other failures, and the policies that few name, each in a module of
`stanchion.policies`.
"""

from stanchion.app import App
from stanchion.cache.cached import cached
from stanchion.data.database import Database
from stanchion.errors import HTTPError, NotFound
from stanchion.http.files import File
from stanchion.http.pages import Page, PageQuery
from stanchion.http.params import Body, Cookie, Form, Header, Paging, Path, Query
from stanchion.http.request import Request
from stanchion.http.response import Response, Stream
from stanchion.http.sse import Event, EventStream
from stanchion.http.uploads import Upload
from stanchion.policies.base import Off
from stanchion.policies.cache import Cache
from stanchion.policies.hooks import After, Before
from stanchion.policies.limit import Limit
from stanchion.policies.timeout import Timeout
from stanchion.router import Router
from stanchion.settings import Settings

__all__ = [
    "After",
    "App",
    "Before",
    "Body",
    "Cache",
    "Cookie",
    "Database",
    "Event",
    "EventStream",
    "File",
    "Form",
    "HTTPError",
    "Header",
    "Limit",
    "NotFound",
    "Off",
    "Page",
    "PageQuery",
    "Paging",
    "Path",
    "Query",
    "Request",
    "Response",
    "Router",
    "Settings",
    "Stream",
    "Timeout",
    "Upload",
    "cached",
]
