"""The page of a card as one HTML file: no script, no outside request, everything escaped.

The page forbids itself to load anything (Content-Security-Policy), so a hostile card can at worst
look odd.
"""

from __future__ import annotations

from importlib import resources

from ftlineage import __version__
from ftlineage.cli.page import Page


def render_html(page: Page) -> bytes:
    """The whole file, UTF-8."""
    import jinja2
    from markupsafe import Markup

    templates = resources.files("ftlineage.cli") / "templates"
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    template = environment.from_string((templates / "card.html").read_text("utf-8"))
    # The style is ours, not the card's: the only text that goes in unescaped.
    style = Markup((templates / "card.css").read_text("utf-8"))  # noqa: S704
    return template.render(page=page, style=style, version=__version__).encode()
