"""The one set of bodies that every peer is sent and must answer with, so that no peer has an easier job."""

import copy
import json
from typing import Any

ITEM_ID = 42
ROUTES = 500

ITEM: dict[str, Any] = {
    "id": ITEM_ID,
    "name": f"item {ITEM_ID}",
    "price": ITEM_ID + 0.5,
    "tags": ["blue", "small"],
    "in_stock": True,
}

ORDER: dict[str, Any] = {
    "id": 730_211,
    "placed_at": "2025-11-03T09:41:27+00:00",
    "currency": "EUR",
    "gift": False,
    "priority": 3,
    "notes": "Leave the parcel with the neighbour on the second floor if nobody answers the bell.",
    "customer": {
        "id": 88_123,
        "name": "Maren Oosterhuis",
        "email": "maren.oosterhuis@mail.example",
        "vip": True,
    },
    "address": {
        "street": "Prinsengracht 263, second floor",
        "city": "Amsterdam",
        "postcode": "1016 GV",
        "country": "NL",
    },
    "lines": [
        {"sku": f"SKU-2025-{number:05d}", "quantity": number % 3 + 1, "unit_price": number + 0.25}
        for number in range(11, 19)
    ],
    "totals": {"net": 231.0, "tax": 48.51, "gross": 279.51},
}

RECEIPT: dict[str, Any] = {
    "id": ORDER["id"],
    "total": sum(line["quantity"] * line["unit_price"] for line in ORDER["lines"]),
    "lines": len(ORDER["lines"]),
}


def order_bytes() -> bytes:
    """The valid order as it goes over the wire, about 1 KB."""
    return json.dumps(ORDER, separators=(",", ":")).encode()


def refused_orders() -> dict[str, bytes]:
    """Orders that a validating peer must refuse, by what is wrong: one error a body, at every depth."""
    wrong: dict[str, bytes] = {"a body cut short": order_bytes()[:-10]}
    for title, path, value in (
        ("a text where a number belongs, inside a list", ("lines", 5, "quantity"), "three"),
        ("a date that is none", ("placed_at",), "yesterday"),
        ("a missing nested field", ("customer", "email"), None),
        ("an object where a list belongs", ("lines",), {"sku": "SKU-1"}),
    ):
        wrong[title] = json.dumps(_changed(path, value)).encode()
    return wrong


def _changed(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """A copy of the order with one place replaced, or removed where `value` is None."""
    order = copy.deepcopy(ORDER)
    place: Any = order
    for step in path[:-1]:
        place = place[step]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return order
