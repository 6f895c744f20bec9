"""The cell that installs the package: where it is put, and what it does where the package is missing."""

import functools
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
import os
from pathlib import Path
import subprocess
import sys
import sysconfig
import threading
import venv
import zipfile

from fashion_utils import REPOSITORY
from fashion_utils.workshop import address
import nbformat
from nbformat import v4
import pytest
from wheels import flit_core


def notebook(executed=True):
    result = v4.new_output("execute_result", {"text/plain": "2"}, execution_count=2)
    counts = (1, 2) if executed else (None, None)
    return v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# Why?"),
            v4.new_code_cell("import this", execution_count=counts[0]),
            v4.new_code_cell("1 + 1", execution_count=counts[1], outputs=[result] if executed else []),
        ]
    )


def test_it_is_put_before_the_other_code_and_results_stay_in_order():
    found = notebook()
    assert address.put_first(found)
    nbformat.validate(found)
    assert [cell.source for cell in found.cells] == ["# Why?", address.source(), "import this", "1 + 1"]
    assert [cell.execution_count for cell in found.cells[1:]] == [1, 2, 3]
    assert (found.cells[1].outputs, found.cells[1].metadata) == ([], address.METADATA)
    assert found.cells[3].outputs[0].execution_count == 3
    assert found.cells[3].outputs[0].data == {"text/plain": "2"}
    assert not address.put_first(found) and len(found.cells) == 4


def test_in_a_notebook_that_was_not_executed_it_was_not_either():
    found = notebook(executed=False)
    assert address.put_first(found)
    assert [cell.execution_count for cell in found.cells[1:]] == [None, None, None]


def test_an_old_address_is_replaced_and_the_results_are_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(address, "NOTEBOOKS", tmp_path)
    for name in ("01_a.ipynb", "02_b.ipynb"):
        nbformat.write(notebook(), tmp_path / name)
    address.main()
    monkeypatch.setattr(address, "address", lambda: "https://example.org/fork")
    address.main()
    address.main()
    said = capsys.readouterr().out.splitlines()
    assert [line.partition("into ")[2] for line in said] == ["01_a.ipynb, 02_b.ipynb."] * 2 + [
        "no notebook, for all have it."
    ]
    cells = nbformat.read(tmp_path / "02_b.ipynb", as_version=4).cells
    assert 'repository = "https://example.org/fork"' in cells[1].source
    assert [cell.execution_count for cell in cells[1:]] == [1, 2, 3]


def test_only_pyproject_and_the_notebooks_name_the_address():
    assert address.address().startswith("https://") and not address.address().endswith("/")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True).stdout.split(
        "\0"
    )
    if not any(listed):
        pytest.skip("no git clone, so nobody says which files are the project's")
    texts = {name: (REPOSITORY / name).read_bytes() for name in listed if name and (REPOSITORY / name).is_file()}
    naming = {name for name, text in texts.items() if address.address().encode() in text}
    assert naming == {"pyproject.toml", *(name for name in texts if name.endswith(".ipynb"))}


# --- Where the package is missing -------------------------------------------------------------------------------------

# A kernel, as far as the cell needs one; modules can be missing in it.
KERNEL = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[2:]))
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="nocolor")
shell.run_cell(sys.argv[1], store_history=False)
"""
IMPORT = 'shell.run_cell("import fashion_utils; print(fashion_utils.__file__)", store_history=False)'


@pytest.fixture
def run_cell(tmp_path, monkeypatch):
    """The function that runs the cell in an environment that has all of this one's packages except ours.

    The repository's server has `archive/HEAD.zip` and nothing else. What is in there depends on a package that no pip
    can find.
    """
    (tmp_path / "served" / "archive").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "served" / "archive" / "HEAD.zip", "w") as archive:
        for name in ("README.md", "LICENSE"):
            archive.write(REPOSITORY / name, f"project-HEAD/{name}")
        project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
        wanting = project.replace("dependencies = [", 'dependencies = ["not-to-be-had",', 1)
        archive.writestr("project-HEAD/pyproject.toml", wanting)
        for path in (REPOSITORY / "fashion_utils").rglob("*.*"):
            if path.suffix != ".pyc":
                archive.write(path, f"project-HEAD/{path.relative_to(REPOSITORY).as_posix()}")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=tmp_path / "served"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(address, "address", lambda: f"http://127.0.0.1:{server.server_address[1]}")

    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    vars_of_venv = {"base": str(tmp_path / "venv"), "platbase": str(tmp_path / "venv")}
    site_packages = Path(sysconfig.get_path("purelib", "venv", vars=vars_of_venv))
    # Of what lies there, .pth files are not read, so the editable install of our package is not seen.
    (site_packages / "others.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    flit_core(tmp_path)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
    environment |= {"PIP_NO_COLOR": "1", "NO_PROXY": "127.0.0.1", "IPYTHONDIR": str(tmp_path / "ipython")}

    def run(cell, *missing):
        command = [python, "-c", KERNEL + IMPORT, cell, *missing]
        options = {"cwd": tmp_path, "env": environment, "capture_output": True, "text": True, "timeout": 120}
        return subprocess.run(command, **options).stdout, (site_packages / "fashion_utils" / "__init__.py")

    yield run
    server.shutdown()
    server.server_close()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_where_the_package_is_missing_it_is_installed_and_nothing_else(run_cell):
    said, installed = run_cell(address.source())
    assert said.splitlines()[-1] == str(installed), said
    assert installed.is_file()


def test_without_tensorflow_everything_comes_along(run_cell):
    said, installed = run_cell(address.source(), "tensorflow")
    assert "No matching distribution found for not-to-be-had" in said
    assert not installed.exists()


def test_a_wrong_address_is_an_error_and_no_question(run_cell):
    said, installed = run_cell(address.source().replace("/archive", "/nowhere"))
    assert "404" in said
    assert "ImportError: fashion_utils is still missing: read pip's words above or restart the kernel." in said
    assert not installed.exists()


def test_where_the_package_is_there_the_cell_says_nothing(tmp_path):
    environment = os.environ | {"IPYTHONDIR": str(tmp_path)}
    command = [sys.executable, "-c", KERNEL, address.source()]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
