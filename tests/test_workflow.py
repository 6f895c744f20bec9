"""The GitHub workflow for those who fork the project: the README's commands, on all systems and Pythons it is for."""

from fashion_utils import REPOSITORY
import pytest
from test_setup import PYTHONS
import yaml

WORKFLOW = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
(JOB,) = WORKFLOW["jobs"].values()
STEPS = [step for step in JOB["steps"] if "run" in step]
README = [line.strip() for line in (REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()]
CODE = [line.partition("#")[0].strip() for line in README]
# What a workflow has to do in another way: setup-python makes its Python `python`, and each step is a shell of its own.
LIKE_IN_README = {
    "python -m venv .venv": r"py -3.12 -m venv .venv",
    r'echo "$PWD\.venv\Scripts" >> $env:GITHUB_PATH': r".venv\Scripts\activate",
}


def commands(system):
    return [step["run"] for step in STEPS if step["if"] == f"runner.os {system} 'Windows'"]


def test_every_python_and_system_is_tried():
    assert JOB["strategy"]["matrix"]["python"] == list(PYTHONS)
    assert JOB["strategy"]["matrix"]["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]
    assert JOB["runs-on"] == "${{ matrix.os }}"
    used = {step["uses"].partition("@")[0]: step.get("with") for step in JOB["steps"] if "uses" in step}
    assert used["actions/setup-python"]["python-version"] == "${{ matrix.python }}"
    assert JOB["strategy"]["fail-fast"] is False


@pytest.mark.parametrize("command", [step["run"] for step in STEPS])
def test_a_command_is_the_readmes(command):
    wanted = LIKE_IN_README.get(command, command)
    assert wanted in CODE or any(f"`{wanted}`" in line for line in README)


def test_each_system_sets_up_as_the_readme_says_and_runs_the_series():
    assert commands("!=") == ["make run", "make test"]
    on_windows = [LIKE_IN_README.get(command, command) for command in commands("==")]
    start = CODE.index("py -3.12 -m venv .venv")
    assert on_windows[:4] == CODE[start : start + 4]
    assert on_windows[4:] == ["python -m fashion_utils.workshop.run", "python -m fashion_utils"]
    assert len(commands("==")) + len(commands("!=")) == len(STEPS)


def test_the_real_data_is_demanded_and_kept_from_run_to_run():
    assert WORKFLOW["env"] == {"FASHION_DATA": "real"}
    (cache,) = [step["with"] for step in JOB["steps"] if step.get("uses", "").startswith("actions/cache@")]
    assert cache == {"path": "~/.keras/datasets/fashion-mnist", "key": "fashion-mnist-${{ runner.os }}"}
