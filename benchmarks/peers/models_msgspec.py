"""Every case's bodies as msgspec Structs, for the peers whose own or freely chosen validator is msgspec."""

from datetime import datetime

from msgspec import Struct


class Item(Struct):
    id: int
    name: str
    price: float
    tags: list[str]
    in_stock: bool


class Customer(Struct):
    id: int
    name: str
    email: str
    vip: bool


class Address(Struct):
    street: str
    city: str
    postcode: str
    country: str


class Line(Struct):
    sku: str
    quantity: int
    unit_price: float


class Totals(Struct):
    net: float
    tax: float
    gross: float


class Order(Struct):
    id: int
    placed_at: datetime
    currency: str
    gift: bool
    priority: int
    notes: str
    customer: Customer
    address: Address
    lines: list[Line]
    totals: Totals


class Receipt(Struct):
    id: int
    total: float
    lines: int
