"""The settings' documentation, made from their declaration: the field docstrings are read from the source."""

import ast
from functools import cache
from itertools import pairwise
from pathlib import Path

from stanchion.settings import fields
from stanchion.settings.fields import SETTINGS
from stanchion.settings.setting import Setting
from stanchion.settings.sources import FILE, FILE_VARIABLE

_HEAD = f"""\
# Settings

<!-- Made by `make docs-reference` from src/stanchion/settings/fields.py; change that. -->

Every setting can be given in four places; the first that has it wins:

1. a flag of `stanchion serve`,
2. an environment variable (an empty one counts as not set),
3. a key in `{FILE}` in the working directory, or in the file `--config` or `{FILE_VARIABLE}` names,
4. its default.

`stanchion settings` prints the effective values and where each came from. An unknown key or variable, or a
value out of range, stops the start with exit code 2. In the file, sizes and durations are numbers (bytes or
seconds) or text:

```toml
{{example}}
```

| Setting | Default | Takes |
| --- | --- | --- |
{{rows}}
"""
_EXAMPLE = {"port": "8080", "max_body": '"4MiB"', "keep_alive_timeout": '"75s"'}


@cache
def documentation() -> dict[str, str]:
    """Each field's docstring as one line, by name."""
    tree = ast.parse(Path(fields.__file__).read_text(encoding="utf-8"))
    body = next(node.body for node in tree.body if isinstance(node, ast.ClassDef))
    found = {}
    for field, text in pairwise(body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                found[name] = " ".join(words.split())
    return found


def summary(setting: Setting) -> str:
    """The first sentence of the docstring, for a line of help."""
    head, _, _ = documentation()[setting.name].partition(". ")
    return head.rstrip(".")


def markdown() -> str:
    """The reference page."""
    example = "\n".join(f"{name} = {value}" for name, value in _EXAMPLE.items())
    rows = "\n".join(
        f"| [`{setting.name}`](#{setting.name}) | {setting.show(setting.default)} | {setting.expected} |"
        for setting in SETTINGS.values()
    )
    sections = map(_section, SETTINGS.values())
    return _HEAD.format(example=example, rows=rows) + "\n" + "\n".join(sections)


def _section(setting: Setting) -> str:
    takes = f"Default: {setting.show(setting.default)}. Takes {setting.expected}."
    spelt = f"`{setting.usage}`, `{setting.variable}`."
    return f"## `{setting.name}`\n\n{documentation()[setting.name]}\n\n{takes} {spelt}\n"
