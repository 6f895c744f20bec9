"""The exercises of "Why does it memorise, and what helps?": right answers and typical mistakes."""

import keras
from made_up import LONG, RESULTS, both_tests, network
import numpy as np

BY_SEED = RESULTS.pivot(index="seed", columns="variant", values="accuracy")
DIFFERENCES = BY_SEED["early stopping"] - BY_SEED["baseline"]
MEAN, ERROR = DIFFERENCES.mean(), DIFFERENCES.sem()
SUM = BY_SEED["early stopping"].sem() + BY_SEED["baseline"].sem()
UNPAIRED = np.hypot(BY_SEED["early stopping"].sem(), BY_SEED["baseline"].sem())
ANSWER = np.array([MEAN, ERROR, UNPAIRED])

RIGHT = {
    "06.survivor": [1 / 0.8, np.float32(1 / 0.8), keras.ops.convert_to_tensor(1 / 0.8)],
    "06.gap": [{"loss": list(np.linspace(1, 0.5, 20)), "val_loss": list(np.linspace(1, 0.6, 20))}],
    "06.paired": [(MEAN, ERROR, UNPAIRED), ANSWER],
}

MISTAKES = {
    "06.survivor": [
        (1, "lower the sum"),
        (0.8, "after training"),
        (5, "share that is left"),
    ],
    "06.gap": [
        (LONG, "no smaller"),
        ({key: values[:20] for key, values in LONG.items()}, "no smaller"),
        ({"loss": [1, 0.6, 0.5, 0.4]}, "validation_data"),
        ({"loss": [1, 0.6], "val_loss": [1, 0.8]}, "as many epochs"),
        ({"loss": [1] * 61, "val_loss": [1] * 61}, "as many epochs"),
        ({"loss": [1] * 20, "val_loss": [1] * 19 + [np.nan]}, "a nan among"),
        (network(), "what fit returns, and this is an object of type Sequential"),
        ([1, 0.6], "a history is asked for"),
    ],
    "06.paired": [
        ((-MEAN, ERROR, UNPAIRED), "sign"),
        ((MEAN, UNPAIRED, ERROR), "changed places"),
        ((MEAN, ERROR, SUM), "squares"),
        (ANSWER * [1, 5**0.5, 5**0.5], "divide by the root"),
        (ANSWER * [1, 0.8**0.5, 0.8**0.5], "ddof=1"),
        ((MEAN, ERROR), "wrong shape: (2,)"),
        (DIFFERENCES, "wrong shape: (5,)"),
        (MEAN, "one number; asked for is (3,)"),
    ],
}


test_a_right_answer, test_a_typical_mistake_gets_its_hint = both_tests(RIGHT, MISTAKES)


def test_a_history_is_as_good_as_what_it_holds(answer_to):
    short, long = keras.callbacks.History(), keras.callbacks.History()
    short.history, long.history = RIGHT["06.gap"][0], LONG
    assert answer_to("06.gap", short, history=long).startswith("✓")
