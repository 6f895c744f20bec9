"""The exercises of "Why does it memorise, and what helps?"."""

from fashion_utils.exercises.compare import a, alike, demand, exercise, numbers
import numpy as np


@exercise("what is left is divided by the share that is left, in training only.", alike)
def survivor():
    rate = 0.2
    yield 1 / (1 - rate)
    yield 1, "that would lower the sum that the next layer receives; Keras makes up for it in training"
    yield 1 - rate, "that is the correction after training that some books have; Keras corrects in training"
    yield 1 / rate, "divide by the share that is left, not by the share that is dropped"


@exercise("with dropout the validation loss stays closer to the training loss.")
def gap(answer, history):
    with_it, without = (getattr(curves, "history", curves) for curves in (answer, history))
    demand(isinstance(with_it, dict), f"a history is asked for, what fit returns, and this is {a(answer)}")
    demand("val_loss" in with_it, "nothing was measured in validation; pass validation_data, or **validation")
    epochs = len(with_it["loss"])
    demand(epochs in range(20, len(without["loss"]) + 1), "train for as many epochs as the task says")

    def mean_gap(curves):
        last = slice(epochs - epochs // 4, epochs)  # a quarter, for a curve jumps from one epoch to the next
        return np.mean(numbers(curves["val_loss"])[last] - numbers(curves["loss"])[last])

    demand(not np.isnan(mean_gap(with_it)), "there is a nan among its losses")
    demand(mean_gap(with_it) < mean_gap(without), "the gap is no smaller than without dropout; is there any in it?")


@exercise("both errors are of the same mean; which is smaller depends on how much luck the pairs share.", alike)
def paired(results):
    accuracies = results.pivot(index="seed", columns="variant", values="accuracy")
    with_it, without = accuracies["early stopping"], accuracies["baseline"]
    differences = with_it - without
    mean, error, unpaired = differences.mean(), differences.sem(), np.hypot(with_it.sem(), without.sem())
    deviations = differences.std(), np.hypot(with_it.std(), without.std())
    biased = differences.sem(ddof=0), np.hypot(with_it.sem(ddof=0), without.sem(ddof=0))
    yield mean, error, unpaired
    yield (-mean, error, unpaired), "the sign is the wrong way round: early stopping minus baseline"
    yield (mean, unpaired, error), "the two errors have changed places; the paired one is of the differences"
    yield (mean, error, with_it.sem() + without.sem()), "of independent results the squares of the errors add up"
    yield (mean, *deviations), "these are standard deviations; divide by the root of how many seeds there are"
    yield (mean, *biased), "NumPy's std divides by n; pass ddof=1 to divide by n − 1"
