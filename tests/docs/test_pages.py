"""Links of the documents resolve, and the pages cover the contents of the package."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import lstm_bench as lb

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS = [
    *PAGES,
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "benchmarks.md", "results/README.md")),
]
SOURCE = Path(lb.__file__).parent
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*(?:/|\.(?:py|md|ya?ml|txt|toml|json|csv|svg)))`")
"""A file or folder in backticks: a folder ends with a slash."""
WRITTEN_LATER = re.compile(
    r"""
    (\.demo|site|results|calendars|instruments|features)/.*   # what commands write, and Qlib's folders
    | (config|mine|my|us|today|bars)\.\w+ | \w+\.json         # a user's own files, and those of a record
""",
    re.VERBOSE,
)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#([^)]+))?\)")


def anchors(document: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", text.lower()).strip()) for text in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target, anchor in LINK.findall(document.read_text(encoding="utf-8")):
        if "://" not in target:
            found = document.parent / target
            assert found.exists(), target
            assert not anchor or anchor in anchors(found), f"{target}#{anchor}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_paths_that_are_named_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    named = set(PATH.findall(text)) | set(re.findall(r"^    (\w+(?:/|\.py))  ", text, re.MULTILINE))
    places = (ROOT, SOURCE, ROOT / "docs", document.parent)
    missing = [
        name
        for name in sorted(named)
        if not WRITTEN_LATER.fullmatch(name) and not any((place / name).exists() for place in places)
    ]
    assert missing == []


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert [page.name for page in PAGES if f": {page.name}\n" not in navigation] == []


def test_the_page_on_python_has_every_name() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    assert [name for name in lb.__all__ if not name.startswith("__") and f"`{name}" not in page] == []


def test_the_pages_name_no_machine() -> None:
    for document in DOCUMENTS:
        assert not re.search(r"/(root|home|work|tmp)/", document.read_text(encoding="utf-8")), document
