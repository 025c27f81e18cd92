"""What an operator may change about a running Stanchion, each declared exactly once.

Law: a setting is one field of `Settings` with its range in its type and its reason in its docstring. The
flag, the environment variable, the key of stanchion.toml, the help and the reference page are derived from
that field. Nothing here knows what a setting is used for, and nothing elsewhere spells a flag or a variable's
name.
"""

from stanchion.settings.fields import Settings

__all__ = ["Settings"]
