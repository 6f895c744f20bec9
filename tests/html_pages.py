"""What the tests of HTML pages read off them."""

from html.parser import HTMLParser
import re
from urllib.parse import unquote

LOADING = {"audio", "embed", "iframe", "img", "input", "link", "object", "script", "source", "track", "video"}


class Page(HTMLParser):
    """What a page loads, shows and links to, and the text inside its <details>."""

    def __init__(self, text):
        super().__init__()
        self.loaded, self.alternative_texts, self.links, self.ids = [], [], [], set()
        self.summaries, self.folded, self.open_text, self.open_pictures = [], "", "", 0
        self._depth, self._summary = 0, False
        self.feed(text)
        self.loaded += re.findall(r"@import\s+['\"]?([^;]+)", text)
        self.loaded += re.findall(r"url\(\s*['\"]?(?!data:)([^)'\"]+)", text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "img":
            self.alternative_texts.append(attributes.get("alt"))
            self.open_pictures += not self._depth
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        if tag in LOADING:
            addresses = [
                attributes[name] for name in ("src", "srcset", "href", "data", "poster") if attributes.get(name)
            ]
            self.loaded += [address for address in addresses if not address.startswith("data:")]
        if "id" in attributes:
            self.ids.add(attributes["id"])
        self._depth += tag == "details"
        self._summary |= tag == "summary"

    def handle_endtag(self, tag):
        self._depth -= tag == "details"
        self._summary &= tag != "summary"

    def handle_data(self, data):
        if self._summary:
            self.summaries.append(data)
        elif self._depth:
            self.folded += data
        else:
            self.open_text += data


def read(folder):
    return {path.name: Page(path.read_text(encoding="utf-8")) for path in folder.glob("*.html")}


def links_that_lead_nowhere(pages):
    broken = []
    for name, page in pages.items():
        for link in page.links:
            file, _, anchor = unquote(link).partition("#")
            target = pages.get(file or name)
            if "://" not in link and (target is None or (anchor and anchor not in target.ids)):
                broken.append(f"{name}: {link}")
    return broken
