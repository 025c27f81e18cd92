"""What travels: one Struct for everything a client sends or receives.

Field types and their `Meta` are at once the validation, the JSON and the OpenAPI document.
"""
