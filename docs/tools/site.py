"""MkDocs hook: the repository's own documents as pages, links that hold in both places, formulas as MathML.

A page links to a file of the repository as GitHub has it, ``../benchmarks.md``. On the site that is a page where
``_DOCUMENTS`` has the file, and else the file's name alone. A link to a file that is nowhere fails the build.
"""

from __future__ import annotations

import html
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert

__all__ = ["on_files", "on_page_content", "on_page_markdown"]

_ROOT = Path(__file__).parents[2]
_DOCUMENTS: Mapping[str, str] = {
    "benchmarks.md": "benchmarks.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
    "studies/README.md": "study-files.md",
    "results/README.md": "evidence-files.md",
    "README.md": "index.md",
}
"""Document of the repository -> page of the site."""

_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]+)(?P<anchor>#[^)]*)?\)")
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_files(files: Any, *, config: Any) -> Any:
    """Add the documents that lie outside ``docs``."""
    from mkdocs.structure.files import File

    for document, page in _DOCUMENTS.items():
        if page != "index.md":
            content = (_ROOT / document).read_text(encoding="utf-8")
            files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Point links to where their targets are on the site."""
    sources = {name: document for document, name in _DOCUMENTS.items() if name != "index.md"}
    source = sources.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    return _LINK.sub(lambda link: _relinked(link, Path(source).parent), markdown)


def _relinked(link: re.Match[str], folder: Path) -> str:
    if "://" in link["target"]:
        return link[0]
    target = Path(os.path.normpath(folder / link["target"])).as_posix()
    anchor = link["anchor"] or ""
    if target in _DOCUMENTS:
        return f"[{link['text']}]({_DOCUMENTS[target]}{anchor})"
    if target.startswith("docs/"):
        return f"{link['image']}[{link['text']}]({target.removeprefix('docs/')}{anchor})"
    return link["text"] if (_ROOT / target).exists() else link[0]


def on_page_content(content: str, *, page: Any, config: Any, files: Any) -> str:
    """Write formulas as MathML, which browsers draw without a script."""

    def formula(match: re.Match[str]) -> str:
        display = "block" if match[1] == "div" else "inline"
        found: str = convert(html.unescape(match[2]).strip(), display=display)
        return found

    return _FORMULA.sub(formula, content)
