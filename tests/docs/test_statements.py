"""What README and the pages state of the product: links, tables of options, the version."""

import inspect
import re
import tomllib
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

import medse
from medse.attention.table import ATTENTION
from medse.data.readers import READERS
from medse.nets import NETS
from tests.docs.test_examples import PAGES, ROOT

TEXTS = [*PAGES, ROOT / ".github" / "SECURITY.md"]


def links(page: Path) -> Iterator[str]:
    for token in MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8")):
        for child in token.children or ():
            yield from (str(child.attrs[key]) for key in ("href", "src") if key in child.attrs)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    headings = [text.content for start, text in pairwise(tokens) if start.type == "heading_open"]
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_links_of_text_and_of_tables_are_found() -> None:
    assert ".github/quickstart.png" in links(ROOT / "README.md")
    assert "report.md" in links(ROOT / ".github" / "docs" / "index.md")


@pytest.mark.parametrize("page", TEXTS, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if link.startswith("http"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def rows(page: str) -> dict[str, str]:
    """Map what a table's row begins with to the rest of it."""
    text = (ROOT / ".github" / "docs" / page).read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `(\w+)` \|(.+)$", text, re.MULTILINE))


def options(build: Callable[..., Any], *left_out: str) -> dict[str, Any]:
    """Map the options of a block or a network to their defaults, in the words of a configuration."""
    found = inspect.signature(build).parameters.values()
    keywords = {p.name.rstrip("_"): p.default for p in found if p.kind is p.KEYWORD_ONLY}
    return {name: default for name, default in keywords.items() if name not in left_out}


def test_attention_lists_all_blocks_with_options_and_defaults() -> None:
    found = rows("attention.md")
    assert list(found) == list(ATTENTION)
    for name, block in ATTENTION.items():
        for option, default in options(block, "gate").items():
            stated = re.search(rf"`{option}: ([^`]+)`", found[name])
            assert stated, f"{name}: {option}"
            plain = list(default) if isinstance(default, tuple) else default
            assert yaml.safe_load(stated[1]) == plain, f"{name}: {option}"


def test_networks_lists_all_networks_with_options() -> None:
    found = rows("networks.md")
    assert list(found) == list(NETS)
    for name, net in NETS.items():
        asked = options(net, "attention", "placement", "norm")
        assert [o for o in asked if not re.search(rf"`{o}(: \w+)?`", found[name])] == []


def test_data_lists_all_layouts() -> None:
    assert list(rows("data.md")) == list(READERS)


def test_the_reference_lists_all_public_names() -> None:
    text = (ROOT / ".github" / "docs" / "reference.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r":: medse\.(\w+)$", text, re.MULTILINE)) == sorted(medse.HOMES)


def test_the_entry_to_cite_has_the_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert f"version = {{{version}}}" in (ROOT / "README.md").read_text(encoding="utf-8")
