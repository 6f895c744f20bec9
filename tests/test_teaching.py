"""`TEACHING.md`: schedules that add up, a section for each notebook, and a glossary that the notebooks link to."""

import re

from fashion_utils import REPOSITORY
from fashion_utils.workshop import NOTEBOOKS
from notebook_checks import Notebook, headings
import pytest

GUIDE = NOTEBOOKS / "TEACHING.md"
TEXT = GUIDE.read_text(encoding="utf-8")
PATHS = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
TERMS = re.findall(r'^- <a id="([^"]+)"></a>\*\*(.+?)\*\*: \S', TEXT, re.MULTILINE)
REQUIRED_PARTS = (
    "The one idea.",
    "Demonstrate live.",
    "Expect these, and answer",
    "Discuss.",
    "Exercise.",
    "Exit question.",
    "On a slow laptop.",
)


def section(title):
    """Return the text below a second-level heading, to the next."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"TEACHING.md has no section {title!r}"
    return found[1]


def exercises(path):
    """Return the minutes of each exercise and project of a notebook, by its title."""
    found = [title for cell in Notebook.read(path).markdown_cells for level, title in headings(cell) if level == 3]
    return {title: int(minutes) for title, minutes in re.findall(r"^(.+) \((\d+) minutes\)$", "\n".join(found), re.M)}


def glossary_links(path):
    """Return the terms that the Markdown cells of a notebook link to, in order."""
    cells = Notebook.read(path).markdown_cells
    return [term for cell in cells for term in re.findall(r"\]\(TEACHING\.md#([^)]*)\)", cell.source)]


# --- Schedules --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("title", "minutes"), [("Three hours", 180), ("Seven hours", 420)])
def test_a_schedule_adds_up(title, minutes):
    rows = re.findall(r"^\| (\d+):(\d\d) \| (\d+) \| (.+?) \| (.+?) \|$", section(title), re.MULTILINE)
    elapsed = 0
    for hours, past, length, what, how in rows:
        assert 60 * int(hours) + int(past) == elapsed, f"{what} starts at {hours}:{past}"
        assert sum(int(part.split()[0]) for part in how.split(", ")) == int(length), f"{what}: {how}"
        elapsed += int(length)
    assert elapsed == minutes


@pytest.mark.parametrize("title", ["Three hours", "Seven hours"])
def test_a_schedule_says_what_to_cut_first(title):
    assert "cut in this order:" in section(title)


def test_the_long_schedule_has_every_notebook():
    assert all(f"| Notebook {int(path.name[:2])} |" in section("Seven hours") for path in PATHS)


# --- Notebooks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_has_its_section(path):
    text = section(f"Notebook {int(path.name[:2])}")
    assert [part for part in REQUIRED_PARTS if f"**{part}" not in text] == []
    assert f"]({path.name})" in text, "no link to the notebook"
    question = re.search(r"^# \d+ · (.+)", Notebook.read(path).node.cells[0].source)[1]
    assert question in text, "the question is not the notebook's"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_sections_it_names_are_in_the_notebook(path):
    titles = {section.title for section in Notebook.read(path).sections} | set(exercises(path))
    number = int(path.name[:2])
    rows = [line for line in TEXT.splitlines() if line.startswith("|") and f"| Notebook {number}, " in line]
    cuts = re.findall(rf"\*[A-Z][^*]+\* in notebook {number}\b", TEXT.replace("\n", " "))
    named = re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", "\n".join([section(f"Notebook {number}"), *rows, *cuts]))
    assert named
    assert [name for name in named if name.replace("\n", " ") not in titles] == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_an_exercise_fits_its_slot(path):
    minutes, words = exercises(path), {"five": 6, "ten": 10}  # a minute more for the five of a schedule
    text = section(f"Notebook {int(path.name[:2])}").replace("\n", " ")
    slots = re.findall(r"in (?:a slot|one) of (\w+)(?: minutes)? \*([^*]+)\*", text, re.IGNORECASE)
    assert slots
    assert [name for slot, name in slots if minutes[name] > words[slot]] == []


# --- Links and glossary -----------------------------------------------------------------------------------------------


def test_relative_links_lead_somewhere():
    anchors = set(re.findall(r'<a id="([^"]+)"', TEXT))
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        file, _, anchor = target.partition("#")
        if "://" in target:
            continue
        assert not file or (GUIDE.parent / file).is_file(), f"{target}: no such file"
        assert file or anchor in anchors, f"{target}: no such place"


def test_every_make_target_it_names_exists():
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`(?:\S+ )?make ([a-z-]+)", TEXT)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"make {target}"


def test_the_glossary_is_in_order_and_has_each_term_once():
    entries = re.findall(r"^- .+", section("Glossary"), re.MULTILINE)
    assert len(entries) == len(TERMS), "an entry without an anchor, a term or an explanation"
    names = [name.lower() for _, name in TERMS]
    assert names == sorted(names)
    anchors = [anchor for anchor, _ in TERMS]
    assert len(set(anchors)) == len(anchors)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", anchor) for anchor in anchors)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_links_to_the_glossary_lead_to_an_entry(path):
    assert set(glossary_links(path)) - {anchor for anchor, _ in TERMS} == set()


def test_every_term_is_linked_from_a_notebook():
    linked = {term for path in PATHS for term in glossary_links(path)}
    assert {anchor for anchor, _ in TERMS} - linked == set()
