"""`claims`: what the reader sees, what the report reads, and that a broken promise stops the notebook."""

from fashion_utils.claims import CLAIM_TYPE, HEADLINE_TYPE, expect, headline
import numpy as np
import pytest

pytestmark = pytest.mark.usefixtures("use_data")


@pytest.mark.parametrize("value", [0.87, 0.88, 0.9])
def test_a_claim_that_holds_says_so(value, capsys):
    expect("test accuracy", value, between=(0.87, 0.9))
    assert capsys.readouterr().out == f"✓ test accuracy: {value}, expected 0.87 to 0.9\n"


@pytest.mark.parametrize("value", [0.8699, 0.9001, float("nan"), np.float32("nan")])
def test_a_claim_that_does_not_hold_raises(value):
    with pytest.raises(AssertionError, match=r"test accuracy: .*, expected 0.87 to 0.9\. On the full real data"):
        expect("test accuracy", value, between=(0.87, 0.9))


@pytest.mark.parametrize(
    ("kind", "sample", "label"),
    [("real", 6000, "sample of 6,000"), ("stand-in", None, "stand-in data")],
)
@pytest.mark.parametrize("value", [0.88, 0.1])
def test_on_other_data_a_claim_is_not_checked_whatever_the_value(kind, sample, label, value, use_data, capsys):
    use_data(kind, sample)
    expect("test accuracy", value, between=(0.87, 0.9))
    assert capsys.readouterr().out == f"○ test accuracy: {value}, expected 0.87 to 0.9; not checked on {label}\n"


@pytest.mark.parametrize("kind", ["real", "stand-in"])
@pytest.mark.parametrize("between", [(0.9, 0.87), (0.87, float("nan"))])
def test_bounds_that_hold_no_number_are_refused_on_any_data(between, kind, use_data):
    use_data(kind)
    with pytest.raises(ValueError, match="holds no number"):
        expect("test accuracy", 0.88, between=between)


def test_whole_numbers_stay_whole_and_others_get_four_digits(capsys):
    expect("parameters", 109_386, between=(100_000, 110_000))
    expect("pictures", np.int64(60_000), between=(60_000, 60_000))
    expect("loss", np.float32(2.302585), between=(2.2, 2.4))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("✓ parameters: 109,386, expected 100,000 to 110,000")
    assert lines[1].startswith("✓ pictures: 60,000, expected")
    assert lines[2].startswith("✓ loss: 2.303, expected")


def test_a_headline_names_its_interval_if_it_has_one(capsys):
    headline("test accuracy", 0.88123, (0.87461, 0.88756))
    headline("parameters", 109_386)
    assert capsys.readouterr().out == ("test accuracy: 0.8812 (95 % interval 0.8746 to 0.8876)\nparameters: 109,386\n")


def test_in_a_notebook_a_program_can_read_the_claims(displayed, use_data, capsys):
    expect("accuracy", 0.88, between=(0.87, 0.9))
    use_data("stand-in")
    expect("accuracy", 0.88, between=(0.87, 0.9))
    headline("accuracy", 0.88)
    held, not_checked, result = (output["data"] for output in displayed)
    assert held[CLAIM_TYPE] == {"name": "accuracy", "state": "held"}
    assert held["text/plain"] == "✓ accuracy: 0.88, expected 0.87 to 0.9"
    assert not_checked[CLAIM_TYPE] == {"name": "accuracy", "state": "not checked"}
    assert not_checked["text/plain"].endswith("not checked on stand-in data")
    assert result == {"text/plain": "accuracy: 0.88", HEADLINE_TYPE: {"text": "accuracy: 0.88"}}
    assert capsys.readouterr().out == "", "the reader would see it twice"
