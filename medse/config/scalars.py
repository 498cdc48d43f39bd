"""What unquoted words in YAML mean, in both directions: YAML 1.2's core schema, with ``none`` as null."""

import re

import yaml

NULL = re.compile(r"|~|null|Null|NULL|none|None|NONE")
BOOLEAN = re.compile(r"true|True|TRUE|false|False|FALSE")
DECIMAL = re.compile(r"[-+]?[0-9]{1,300}")  # Python refuses to convert thousands of digits
OTHER_BASE = re.compile(r"0x[0-9a-fA-F]{1,200}|0o[0-7]{1,200}")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def plain_scalar(text: str) -> str | int | float | bool | None:
    """Return the value of an unquoted ``text``; ``no``, ``1_000``, ``1:30`` and dates stay text."""
    if NULL.fullmatch(text):
        return None
    if BOOLEAN.fullmatch(text):
        return text.lower() == "true"
    if DECIMAL.fullmatch(text):
        return int(text)
    if OTHER_BASE.fullmatch(text):
        return int(text, 0)
    if FLOAT.fullmatch(text):
        return float(text)
    return float(text.replace(".", "")) if SPECIAL.fullmatch(text) else text


def dump_yaml(tree: object) -> str:
    """Return YAML that :func:`medse.config.strict_yaml.read_yaml` reads back as ``tree``.

    PyYAML's own dump leaves text such as ``none`` and ``1e-3`` unquoted and writes anchors for a value that
    occurs twice.
    """
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        style = None if isinstance(plain_scalar(data), str) else "'"
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)
