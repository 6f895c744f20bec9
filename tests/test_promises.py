"""`promises`: what the reader sees, what the report reads, and who is told that one is broken."""

from fashion_utils import promises
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("use_data")
HELD = ("test accuracy", 0.8791234, 0.865, 0.9)
BROKEN = ("loss after ten epochs", 0.61, 0.2, 0.4)


@pytest.fixture(autouse=True, params=["FASHION_PROMISES", "PYTEST_VERSION"])
def strict(request, monkeypatch):
    """Whoever has to know is asking: `make run`, or pytest with nbval. A test takes it away to be a learner."""
    monkeypatch.delenv("PYTEST_VERSION", raising=False)
    monkeypatch.delenv("FASHION_PROMISES", raising=False)
    monkeypatch.setenv(request.param, "raise")
    return request.param


def test_one_table_for_the_reader_and_the_same_for_the_report(displayed):
    promises.keep(HELD, ("pictures", np.int64(10_000), 10_000, 10_000), report=("test accuracy",))
    (output,) = displayed
    assert output["data"][promises.PROMISES_TYPE] == {
        "promises": [
            {"name": "test accuracy", "state": "held", "value": "0.879"},
            {"name": "pictures", "state": "held", "value": "10,000"},
        ],
        "report": ["test accuracy: 0.879"],
    }
    for kind in ("text/plain", "text/html"):
        for word in ("test accuracy", "0.879", "0.865 to 0.9", "✓ held", "10,000 to 10,000"):
            assert word in output["data"][kind]


def test_outside_a_notebook_the_table_is_printed(capsys):
    promises.keep(HELD)
    assert "0.865 to 0.9 ✓ held" in capsys.readouterr().out


@pytest.mark.parametrize("value", [0.199, 0.401, float("nan"), float("inf")])
def test_a_broken_promise_raises_where_it_has_to_be_known_after_the_whole_table(value, displayed):
    with pytest.raises(AssertionError, match=r"no longer holds: loss is .*, not 0\.2 to 0\.4\."):
        promises.keep(("loss", value, 0.2, 0.4), HELD)
    (output,) = displayed
    assert [p["state"] for p in output["data"][promises.PROMISES_TYPE]["promises"]] == ["broken", "held"]


@pytest.mark.parametrize("value", [0.2, 0.4])
def test_both_ends_are_promised_too(value, displayed):
    promises.keep(("loss", value, 0.2, 0.4))
    assert "held" in displayed[0]["data"]["text/plain"]


def test_a_learner_gets_a_sentence_and_no_exception(strict, monkeypatch, displayed, capsys):
    monkeypatch.delenv(strict)
    promises.keep(HELD, BROKEN)
    said = capsys.readouterr().out
    assert "no longer holds: loss after ten epochs is 0.61, not 0.2 to 0.4." in said
    assert "test accuracy" not in said
    assert "✗ broken" in displayed[0]["data"]["text/plain"]


def left_out():
    return undefined_because_its_cell_was_left_out  # noqa: F821


def test_a_value_that_cannot_be_computed_is_broken_and_says_why(strict, monkeypatch, displayed, capsys):
    with pytest.raises(AssertionError, match="NameError"):
        promises.keep(("loss", left_out, 0, 1), HELD)
    monkeypatch.delenv(strict)
    promises.keep(("loss", left_out, 0, 1), HELD)
    assert "loss is not to be had (NameError: " in capsys.readouterr().out


@pytest.mark.parametrize(("kind", "sample"), [("stand-in", None), ("real", 3000)])
def test_on_other_data_nothing_is_checked_and_it_says_so(kind, sample, use_data, displayed, capsys):
    use_data(kind, sample)
    promises.keep(BROKEN)
    assert displayed[0]["data"][promises.PROMISES_TYPE]["promises"][0]["state"] == "not checked"
    assert "Not checked" in capsys.readouterr().out
    with pytest.raises(AssertionError, match="NameError"):  # a mistake in the notebook is one on any data
        promises.keep(("loss", left_out, 0, 1))


def test_an_empty_range_is_broken_and_an_unknown_name_in_the_report_refused():
    with pytest.raises(AssertionError, match=r"loss is 0\.3, not 0\.4 to 0\.2"):
        promises.keep(("loss", 0.3, 0.4, 0.2))
    with pytest.raises(KeyError, match="accuracy"):
        promises.keep(HELD, report=("accuracy",))
