"""The exercises of "How does a network learn?"."""

from collections.abc import Iterator

from fashion_utils import data
from fashion_utils.exercises.compare import a, alike, demand, exercise, numbers, run
import numpy as np

# The network that the notebook draws: a row of weights for each hidden unit, and for each class; no biases in the end.
INPUTS = np.array([1, 2])
WEIGHTS = np.array([[1, -1], [0.5, 1], [-2, 1.5]])
BIASES = np.array([0.5, -0.5, 0.5])
OUT = np.array([[2, -1, 0.5], [-1, 0.5, 1]])


@exercise("a unit adds up, and passes on what lies above zero; the scores need no bend.")
def drawing(answer):
    alike(answer, _drawings(numbers(answer).ravel()))


def _drawings(found: np.ndarray) -> Iterator:
    sums, bare = WEIGHTS @ INPUTS + BIASES, WEIGHTS @ INPUTS
    units = np.maximum(sums, 0)
    scores = OUT @ units
    yield np.append(units, scores)
    yield np.append(sums, OUT @ sums), "the bend is missing: what does ReLU make of a sum below zero?"
    yield np.append(sums, scores), "the first three are the sums; give what the units pass on"
    unbiased = np.maximum(bare, 0)
    yield np.append(unbiased, OUT @ unbiased), "the biases are missing: each hidden unit adds its own to its sum"
    yield np.append(bare, OUT @ bare), "the biases are missing, and so is the bend"
    shares = np.exp(scores) / np.exp(scores).sum()
    yield np.append(units, shares), "these went through softmax; the scores are what goes into it"
    yield np.append(units, np.maximum(scores, 0)), "only the hidden units bend; a score may lie below zero"
    yield np.append(units, scores[::-1]), "the scores have changed places: the upper one comes first"
    yield np.append(scores, units), "the right five numbers, but the hidden units come first"
    yield units, "these are the hidden units; the two scores are missing"
    yield scores, "these are the scores; what the three hidden units pass on comes before them"
    yield np.append(units, found[3:5]), "the hidden units are right, the scores not yet; follow each line into them"


@exercise("a small nudge, divided by its size, gives the slope of any weight, if you have the time for all.")
def slope(answer):
    given = numbers(answer)
    demand(not np.all(abs(given) < 1e-9), "the loss did not change: was one weight nudged, and only in one template?")
    images, labels = data.load_train()
    pixels, is_class = images[:1000, 14, 14] / 255, labels[:1000] == 1
    truth, coarse = (_slope(pixels, is_class, *way) for way in ((-1e-4, 1e-4), (0, 0.01)))
    alike(given, _slopes(truth, images, labels), tolerance=max(0.02 * abs(truth), 1.01 * abs(coarse - truth)))


def _loss(pixels: np.ndarray, is_class: np.ndarray, weight: float) -> float:
    """Return the mean cross-entropy, if all weights are 0 but this one, from a pixel (n,) to the score of a class."""
    return np.mean(np.log(9 + np.exp(weight * pixels)) - weight * pixels * is_class)


def _slope(pixels: np.ndarray, is_class: np.ndarray, low: float, high: float) -> float:
    return (_loss(pixels, is_class, high) - _loss(pixels, is_class, low)) / (high - low)


def _slopes(truth: float, images: np.ndarray, labels: np.ndarray) -> Iterator:
    """Yield what is right and what typical mistakes lead to, with nudges of several sizes, up, down and both."""
    yield truth
    first, n = images[:1000] / 255, len(labels[:1000])
    pixels, is_class = first[:, 14, 14], labels[:1000] == 1
    few, few_labels = (part[:1000] for part in data.split(images[:, 14, 14] / 255, labels)[:2])  # the notebook's
    for size in (0.001, 0.01, 0.1, 1):
        for low, high in ((-size, size), (0, size), (-size, 0)):
            found = _slope(pixels, is_class, low, high)
            yield found, "nearly: over so large a nudge the slope itself changes; take a smaller one"
            yield -found, "the sign is the wrong way round: the slope is how the loss changes as the weight grows"
            yield found * (high - low), "that is how much the loss changes; divide by the size of the nudge"
            yield -found * (high - low), "that is a change of the loss; divide by the nudge, and mind the sign"
            yield 2 * found, "twice as steep: from a nudge down to a nudge up are two nudges"
            yield found * n, "that is the sum over the pictures; the loss is their mean"
            yield found / np.log(2), "that is with the logarithm to base 2; the loss takes the natural one"
            yield found / np.log(10), "that is with the logarithm to base 10; the loss takes the natural one"
            for weight in (0, low, high):
                yield _loss(pixels, is_class, weight), "that is the loss; the slope is how fast it changes"
            for factor in (255, 1 / 255):
                yield _slope(pixels * factor, is_class, low, high), "off by a factor of 255: scale the pixels to 0..1"
            for label in (0, *range(2, 10)):
                yield _slope(pixels, labels[:1000] == label, low, high), "that is the weight of another class"
            yield _slope(first[:, 13, 13], is_class, low, high), "counted from 1; NumPy counts from 0"
            yield _slope(first[:, 0, 14], is_class, low, high), "another place: 28 flat positions for each row above"
            every = _slope(images[:, 14, 14] / 255, labels == 1, low, high)
            yield every, "that is over all training pictures; take the first 1,000"
            yield _slope(few, few_labels == 1, low, high), "these are 1,000 others; take the first, before the split"


@exercise("whatever the bend, blame is multiplied by its slope at the sum; centred differences agree.")
def leaky(answer):
    demand(callable(answer), f"a function is asked for, and this is {a(answer)}")
    rng = np.random.default_rng(0)
    for shape in ((6, 4), (3, 7), (20, 5)):
        blame = rng.normal(size=shape)
        sums = rng.choice([-1, 1], shape) * 10 ** rng.uniform(-3, 1, shape)  # near the kink, but none at it
        given = blame.copy(), sums.copy()
        found = numbers(run("the function", answer, *given))
        demand(all(map(np.array_equal, given, (blame, sums))), "it changes the arrays it is given; make new ones")
        alike(found, _blames(blame, sums), tolerance=0)  # a relative error of 1e-4, as is usual where kinks are near


def _leaky(sums: np.ndarray) -> np.ndarray:
    return np.where(sums > 0, sums, 0.1 * sums)


def _blames(blame: np.ndarray, sums: np.ndarray) -> Iterator:
    nudge = 1e-5
    yield blame * (_leaky(sums + nudge) - _leaky(sums - nudge)) / (2 * nudge)
    yield blame, "all the blame goes back: where the sum is below zero, the activation has another slope"
    yield blame * (sums > 0), "that is the plain ReLU's; the leaky one has a slope below zero, too"
    yield _leaky(blame), "the mask is made from the blame; the signs of the sums decide"
    yield _leaky(sums), "that is what the activation passes on; the blame is to come back"
    yield blame * _leaky(sums), "multiply by the slope of the activation, not by what it passed on"
    yield np.where(sums > 0, 1, 0.1), "that is the slope of the activation; there is no blame in it yet"
    for below in (0.1, 0.1 * sums):
        yield np.where(sums > 0, blame, below), "where the sum is below zero, multiply the blame by the factor"
    yield np.where(sums > 0, blame, blame / 0.1), "the factor is upside down: what was made smaller is blamed less"
    yield np.where(sums > 0, 0.1 * blame, blame), "the wrong way round: sums above zero are left as they are"
    yield np.where(sums > 0, blame, -0.1 * blame), "the sign is wrong below zero: the slope is positive there, too"
    yield 0.1 * blame, "only where the sum is below zero is the slope that small"
