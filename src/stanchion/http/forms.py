"""Form bodies: application/x-www-form-urlencoded and multipart/form-data (RFC 7578), read as they arrive.

Text is UTF-8, which HTML prescribes and every client sends; a `charset` parameter is not looked at. A
client's mistake is always a 4xx. The whole body is bounded by the route's size limit before it gets here;
these limits bound what a body of that size may cost.
"""

from urllib.parse import parse_qsl

from stanchion.errors import ContentTooLarge, UnsupportedMediaType
from stanchion.http.codings.requests import check_coding
from stanchion.http.form_data import FormData, FormLimits, field_too_large, malformed, text_too_large
from stanchion.http.request import Request
from stanchion.http.spool import Spool

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


async def read_form(request: Request, limits: FormLimits) -> FormData:
    """Read the request's body as a form; the caller closes it.

    Raises:
        UnsupportedMediaType: the body is no form, or in a content coding.
        BadRequest: code `malformed-form`.
        ContentTooLarge: over one of `limits`, which name the codes.
        HTTPError: the body itself failed, as the wire layer declares.
    """
    from stanchion.http import multipart_form  # a tenth of the import time, which an API without forms need not spend

    check_coding(request)
    content_type = request.fields.get(b"content-type", b"").decode("latin-1")
    media_type, options = multipart_form.parse_options_header(content_type)
    spool = Spool(limits.upload_memory)
    form = FormData(spool)
    if media_type == URLENCODED:
        await _read_urlencoded(request, form, limits)
    elif media_type == MULTIPART:
        try:
            await multipart_form.read(request, options.get("boundary", ""), form, spool, limits)
        except BaseException:
            form.close()
            raise
    else:
        raise UnsupportedMediaType(f"expected {URLENCODED} or {MULTIPART}")
    return form


async def _read_urlencoded(request: Request, form: FormData, limits: FormLimits) -> None:
    body = bytearray()
    async for chunk in request.chunks():
        body += chunk
        if len(body) > limits.max_text_bytes:
            raise text_too_large(limits)
    if body.count(b"&") >= limits.max_params:
        raise ContentTooLarge(f"more than {limits.max_params} parameters", code="too-many-parameters")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise malformed("it is not UTF-8") from None
    for name, value in pairs:
        if len(value) > limits.max_field_bytes or len(value.encode()) > limits.max_field_bytes:
            raise field_too_large(name, limits)
        form.fields.setdefault(name, []).append(value)
