"""The layout of the package: sizes, directions of imports, tests that mirror it (DESIGN.md, section 4)."""

import ast
import json
from pathlib import Path

from fashion_utils import REPOSITORY
import pytest

PACKAGE = REPOSITORY / "fashion_utils"
FILES = sorted(PACKAGE.rglob("*.py"))
FOLDERS = ("exercises", "experiments", "sources", "workshop")
FOR_NOTEBOOKS = ("data", "models", "training", "experiments", "pictures", "plots", "promises", "exercises")


def part(path):
    """The folder of the package that a file belongs to, "" for the top level."""
    folder = path.relative_to(PACKAGE).parts[0]
    return folder if folder in FOLDERS else ""


def imports(source, module):
    """Every module that a source imports, those inside functions too, by its full name.

    Of `from fashion_utils import data` the result has `fashion_utils.data`; of a name that is no module of the package,
    such as `from fashion_utils import REPOSITORY`, the package alone.
    """
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            parents = module.split(".")[: -node.level or None]
            base = ".".join([*(parents if node.level else []), *filter(None, [node.module])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                path = REPOSITORY / full.replace(".", "/")
                found.add(full if path.with_suffix(".py").is_file() or path.is_dir() else base)
    return found


def imports_of(path):
    return imports(path.read_text(encoding="utf-8"), ".".join(path.relative_to(REPOSITORY).with_suffix("").parts))


def parts_imported(names):
    """The parts of the package among module names: "" for the top level, "package" for the package's own `__init__`."""
    parts = set()
    for name in names:
        first, _, rest = name.partition(".")
        if first == "fashion_utils":
            head = rest.split(".")[0]
            parts.add(head if head in FOLDERS else "" if rest else "package")
    return parts


def lines(paths):
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def by_name(paths):
    return pytest.mark.parametrize("path", [pytest.param(p, id=p.relative_to(REPOSITORY).as_posix()) for p in paths])


# --- Directions of imports --------------------------------------------------------------------------------------------

ALLOWED = {
    "": {"package", "", "sources"},
    "exercises": {"package", "", "sources", "exercises"},
    "experiments": {"package", "", "sources", "experiments"},
    "sources": {"package", "sources"},
    "workshop": {"package", "", *FOLDERS},
}


@by_name(FILES)
def test_imports_go_one_way(path):
    allowed = ALLOWED[part(path)]
    if path == PACKAGE / "__main__.py":  # `python -m fashion_utils` is the check-up
        allowed = allowed | {"workshop"}
    assert parts_imported(imports_of(path)) <= allowed


@by_name(path for path in FILES if part(path) == "sources")
def test_sources_know_nothing_of_keras(path):
    assert not {name.partition(".")[0] for name in imports_of(path)} & {"keras", "tensorflow"}


def test_sources_import_nothing_from_the_top_level():
    for path in FILES:
        if part(path) == "sources":
            own = {name for name in imports_of(path) if name.startswith("fashion_utils")}
            assert {name for name in own if not name.startswith("fashion_utils.sources")} <= {"fashion_utils"}, path


@by_name(sorted((REPOSITORY / "notebooks").glob("*.ipynb")))
def test_notebooks_import_the_top_level_and_the_exercises_only(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    own = set()
    for source in code:
        plain = "\n".join(line for line in source.splitlines() if not line.lstrip().startswith(("%", "!")))
        try:
            names = imports(plain, "notebook")
        except SyntaxError:  # a cell that is there to show one
            continue
        own |= {name for name in names if name.startswith("fashion_utils")}
    assert own <= {f"fashion_utils.{name}" for name in FOR_NOTEBOOKS}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import fashion_utils.data", {"fashion_utils.data"}),
        ("from fashion_utils import REPOSITORY, data", {"fashion_utils", "fashion_utils.data"}),
        ("from fashion_utils.workshop import run", {"fashion_utils.workshop.run"}),
        ("from fashion_utils.sources.files import DataError", {"fashion_utils.sources.files"}),
        ("def lazy():\n    from fashion_utils import workshop", {"fashion_utils.workshop"}),
        ("def lazy():\n    import tensorflow as tf", {"tensorflow"}),
        ("from . import files", {"fashion_utils.sources.files"}),
        ("from .. import data", {"fashion_utils.data"}),
        ("from ..workshop.run import main", {"fashion_utils.workshop.run"}),
    ],
)
def test_every_kind_of_import_is_seen(source, expected):
    assert imports(source, "fashion_utils.sources.finding") == expected


# --- Sizes ------------------------------------------------------------------------------------------------------------


@by_name(FILES)
def test_no_file_is_long(path):
    assert lines([path]) <= 350


def test_the_top_level_is_small():
    assert lines(PACKAGE.glob("*.py")) < 1100


def test_the_package_is_small():
    assert lines(FILES) < 5500


# --- Tests that mirror it ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", sorted({part(path) for path in FILES} - {""}))
def test_every_folder_has_its_tests(folder):
    assert sorted((Path(__file__).parent / folder).glob("test_*.py"))


def test_there_are_no_other_folders():
    folders = {path.parent.relative_to(PACKAGE).as_posix() for path in FILES}
    assert folders <= {".", *FOLDERS}


def test_every_test_file_is_where_what_it_tests_is():
    """A file named after a module lies in the folder of that module."""
    for test in Path(__file__).parent.rglob("test_*.py"):
        folder = test.parent.relative_to(Path(__file__).parent)
        homes = {path.parent.relative_to(PACKAGE) for path in FILES if path.stem == test.stem.removeprefix("test_")}
        assert not homes or folder in homes, test
