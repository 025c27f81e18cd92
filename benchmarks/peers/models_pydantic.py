"""Every case's bodies as pydantic models, for the peers whose documentation validates with pydantic."""

from datetime import datetime

from pydantic import BaseModel


class Item(BaseModel):
    id: int
    name: str
    price: float
    tags: list[str]
    in_stock: bool


class Customer(BaseModel):
    id: int
    name: str
    email: str
    vip: bool


class Address(BaseModel):
    street: str
    city: str
    postcode: str
    country: str


class Line(BaseModel):
    sku: str
    quantity: int
    unit_price: float


class Totals(BaseModel):
    net: float
    tax: float
    gross: float


class Order(BaseModel):
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


class Receipt(BaseModel):
    id: int
    total: float
    lines: int
