"""Training small Keras models on arrays that fit in memory, as fast as a few processor cores allow.

`fit` trains with Keras' own `Model.fit`, several times faster; `evaluate` and `predict` are Keras' own without the
pause at the end; `flip_and_shift` is augmentation that costs next to nothing.
"""

from collections.abc import Callable, Sequence
import contextlib
import functools
import itertools
import math
import random

import keras
import numpy as np
import tensorflow as tf

# --- Fast training ----------------------------------------------------------------------------------------------------

CALLS_PER_EPOCH = 20
"""How often an epoch returns to Python: enough for a live progress bar, too few to cost anything."""


def fit(
    model: keras.Model,
    images: np.ndarray,
    labels: np.ndarray,
    *,
    batch_size: int = 32,
    epochs: int = 1,
    validation_data: tuple[np.ndarray, np.ndarray] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    shuffle: bool = True,
    augment: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
    seed: int | None = None,
    jit_compile: bool | str = "auto",
    verbose: int | str = 0,
) -> keras.callbacks.History:
    """Train a compiled model with Keras' own `fit`, which runs a stack of mini-batches where it would run one.

    Plain `fit` spends most of a small network's epoch between the steps: fetching a batch, calling TensorFlow, calling
    back. Here the arrays stay where they are and one call into TensorFlow loops over a twentieth of the epoch's
    mini-batches, gathering each and running `model.train_step` on it. Everything else is Keras': callbacks (their batch
    hooks run once a call), `History`, validation, metrics, optimizer. The arithmetic is the same too: given the same
    order of examples, the weights are those of plain `fit` up to rounding, the last, shorter batch included. Only
    dropout, where it is compiled, draws other masks from the same seed.

    The loop is compiled by XLA where that pays on a CPU. It does for networks of dense layers (five to ten times faster
    than plain `fit`); it makes convolutions about twice as slow. So with `jit_compile="auto"` a model is compiled if
    none of its weights has more than two axes, as the kernels of convolutions have.

    Args:
        model: built in any way, compiled with an optimizer and a loss. It is trained in place and afterwards is as
            plain `fit` leaves it: it can be evaluated, saved, trained further.
        images: (examples, ...) array of any dtype that the model takes.
        labels: (examples,) integers or (examples, classes) one-hot, whichever the loss expects.
        batch_size: examples in a mini-batch.
        epochs: passes over the training examples.
        validation_data: (images, labels), evaluated after each epoch.
        callbacks: Keras callbacks.
        shuffle: whether to put the examples in a new order each epoch.
        augment: called as `augment(images, rng)` at the start of each epoch with all training images and a NumPy
            generator; returns the epoch's images, in the same order and shape. Example: `flip_and_shift`.
        seed: fixes shuffling and augmentation. None draws one from Python's `random`, which
            `keras.utils.set_random_seed` sets. Initial weights and dropout are fixed when the model is built.
        jit_compile: True or False to decide what "auto" decides.
        verbose: 0 is silent, 1 shows a progress bar, 2 prints one line an epoch.

    Returns:
        Keras' `History`: `history` maps each metric, and `val_` each metric, to a list of one float an epoch.

    Raises:
        ValueError: if images and labels differ in number or are empty, batch_size is not positive, the model is not
            compiled, or `augment` returns another number of images.
    """
    if not 0 < len(images) == len(labels):
        raise ValueError(f"Pass one label for each image: got {len(images)} images and {len(labels)} labels.")
    if batch_size < 1:
        raise ValueError(f"Pass a batch_size of at least 1, not {batch_size}.")
    if not model.compiled:
        raise ValueError("Call model.compile(...) first: training needs an optimizer and a loss.")
    rng = np.random.default_rng(random.getrandbits(64) if seed is None else seed)
    full_batches, rest = divmod(len(images), batch_size)
    batches_per_call = max(1, math.ceil(full_batches / CALLS_PER_EPOCH))
    _create_variables(model, images[:1], labels[:1])
    if jit_compile == "auto":
        jit_compile = all(len(weight.shape) <= 2 for weight in model.weights)
    label_tensor = _tensor(labels)
    image_tensor = _tensor(images) if augment is None else None

    train = train_stack = None

    def run_epoch():
        """Train for one epoch; yield the metrics so far after each stack of mini-batches."""
        nonlocal train, train_stack
        epoch_images = _tensor(augment(images, rng)) if augment else image_tensor
        if len(epoch_images) != len(images):  # XLA would not notice
            raise ValueError(f"augment got {len(images)} images and returned {len(epoch_images)}; return as many.")
        if train is None:
            train, train_stack = _training_loop(model, epoch_images, label_tensor, jit_compile)
        order = rng.permutation(len(images)) if shuffle else np.arange(len(images))
        order = order.astype(np.int32)
        batches = tf.constant(order[: full_batches * batch_size].reshape(full_batches, batch_size))
        for first in range(0, full_batches, batches_per_call):
            last = min(first + batches_per_call, full_batches)
            yield train_stack(epoch_images, label_tensor, batches, tf.constant(first), tf.constant(last))
        if rest:
            yield train(epoch_images, label_tensor, tf.constant(order[None, -rest:]), tf.constant(0), tf.constant(1))

    epoch = None

    def train_function(iterator):
        """Stand in for the function that Keras builds around `train_step`."""
        nonlocal epoch
        for call in itertools.islice(iterator, model.steps_per_execution):
            if call == 0:
                epoch = run_epoch()
            logs = next(epoch)
        return logs

    calls = math.ceil(full_batches / batches_per_call) + (rest > 0)
    # Keras builds its train function unless there is one; afterwards it has to build its own.
    model.train_function = train_function
    try:
        return model.fit(
            _without_autotune(tf.data.Dataset.range(calls)),
            epochs=epochs,
            validation_data=None if validation_data is None else _dataset(validation_data),
            callbacks=list(callbacks),
            shuffle=False,  # done above, example by example
            verbose=verbose,
        )
    finally:
        model.train_function = None


def _create_variables(model, images, labels):
    """Have Keras create the weights and what it creates in the first step: the optimizer's and the metrics' variables.

    TensorFlow traces a function twice if the first trace creates variables, and tracing takes longer than compiling.
    """
    predicted = model(_tensor(images))
    model.optimizer.build(model.trainable_variables)
    model.compute_metrics(images, labels, predicted)
    model.reset_metrics()


def _training_loop(model, images, labels, jit_compile):
    """Return `loop(images, labels, batches, first, last)`: train on rows `batches[first:last]`, return the metrics.

    It comes twice, as TensorFlow runs it and, if that is wanted, compiled by XLA. XLA compiles anew for each size of
    batch, and for the one short batch at the end that takes longer than it can save.
    """

    def loop(images, labels, batches, first, last):
        def step(index):
            rows = batches[index]
            model.train_step((tf.gather(images, rows), tf.gather(labels, rows)))
            return index + 1

        with _philox_dropout():
            tf.while_loop(lambda index: index < last, step, [first])
        return model.get_metrics_result()

    # Tracing takes longer than compiling, so one trace serves every size of batch, compiled or not.
    arrays = [tf.TensorSpec(array.shape, array.dtype) for array in (images, labels)]
    signature = [
        *arrays,
        tf.TensorSpec((None, None), tf.int32),
        tf.TensorSpec((), tf.int32),
        tf.TensorSpec((), tf.int32),
    ]
    traced = tf.function(loop, signature, autograph=False)
    if not jit_compile:
        return traced, traced
    return traced, tf.function(lambda *arguments: traced(*arguments), signature, autograph=False, jit_compile=True)


@contextlib.contextmanager
def _philox_dropout():
    """While a function is traced, let Keras' dropout name its random generator instead of having it selected.

    On a CPU, Philox is the one selected anyway and the numbers are the same; but left to "auto_select", a training step
    compiled by XLA takes up to ten times as long. Keras has no argument for it.
    """
    original = tf.nn.experimental.stateless_dropout
    tf.nn.experimental.stateless_dropout = functools.partial(original, rng_alg="philox")
    try:
        yield
    finally:
        tf.nn.experimental.stateless_dropout = original


# --- Augmentation -----------------------------------------------------------------------------------------------------


def flip_and_shift(images: np.ndarray, rng: np.random.Generator, max_shift: int = 1) -> np.ndarray:
    """Mirror half of the images left to right and move each by up to `max_shift` pixels each way, at random.

    Args:
        images: (examples, height, width) or (examples, height, width, channels) of any dtype.
        rng: draws, for each image on its own, whether to mirror it and how far to move it.
        max_shift: pixels. What is moved in from outside is 0, the background.

    Returns:
        A new array of the same shape and dtype, the images in the same order.
    """
    examples, height, width = images.shape[:3]
    padding = [(0, 0), (max_shift, max_shift), (max_shift, max_shift)] + [(0, 0)] * (images.ndim - 3)
    mirrored = rng.random(examples) < 0.5
    down, right = rng.integers(2 * max_shift + 1, size=(2, examples))
    augmented = np.pad(images, padding)
    augmented[mirrored] = augmented[mirrored, :, ::-1]
    windows = np.lib.stride_tricks.sliding_window_view(augmented, (height, width), axis=(1, 2))
    moved = windows[np.arange(examples), down, right]
    return moved if images.ndim == 3 else np.moveaxis(moved, 1, -1)


def erase(images: np.ndarray, rng: np.random.Generator, share: float = 0.3, sides: tuple = (4, 12)) -> np.ndarray:
    """Cover a rectangle of some of the images, at random, with one grey.

    Random erasing, after Z. Zhong, L. Zheng, G. Kang, S. Li, Y. Yang, "Random Erasing Data Augmentation", 2017
    (https://arxiv.org/abs/1708.04896): a network cannot rely on one part of a picture that may be covered.

    Args:
        images: (examples, height, width) or (examples, height, width, channels), float in [0, 1], at least as large as
            the largest rectangle.
        rng: draws, for each image on its own, whether it is covered, where, how high and how wide, and the grey.
        share: probability that an image is covered.
        sides: least and greatest height and width of a rectangle, in pixels.

    Returns:
        A new array of the same shape and dtype, the images in the same order.
    """
    covered = np.flatnonzero(rng.random(len(images)) < share)
    inside = []
    for pixels in images.shape[1:3]:
        length = rng.integers(sides[0], sides[1] + 1, len(covered))[:, None]
        first = rng.integers(pixels - length + 1)
        inside.append((np.arange(pixels) >= first) & (np.arange(pixels) < first + length))
    rectangle = inside[0][:, :, None] & inside[1][:, None, :]
    grey = rng.random((len(covered), 1, 1))
    if images.ndim == 4:
        rectangle, grey = rectangle[..., None], grey[..., None]
    erased = images.copy()
    erased[covered] = np.where(rectangle, grey, images[covered])
    return erased


def flip_shift_erase(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Apply `flip_and_shift`, then `erase`, both as they are by default."""
    return erase(flip_and_shift(images, rng), rng)


# --- Evaluation and prediction ----------------------------------------------------------------------------------------


def evaluate(model: keras.Model, images: np.ndarray, labels: np.ndarray, batch_size: int = 1000) -> dict[str, float]:
    """Return what Keras' `model.evaluate` returns, as a dictionary, without its pause at the end.

    Keras ends by waiting for tf.data's autotune thread, which may be asleep for seconds; here that thread never starts.

    Args:
        model: a compiled model.
        images: (examples, ...) array.
        labels: (examples,) integers or (examples, classes) one-hot, whichever the loss expects.
        batch_size: examples computed at once; it does not change the result.

    Returns:
        "loss" and each metric by its name.
    """
    return model.evaluate(_dataset((images, labels), batch_size), return_dict=True, verbose=0)


def predict(model: keras.Model, images: np.ndarray, batch_size: int = 1000) -> np.ndarray:
    """Return what Keras' `model.predict` returns, without its pause at the end and without tracing each new model.

    Args:
        model: a built model.
        images: (examples, ...) array.
        batch_size: examples computed at once; it does not change the result.

    Returns:
        (examples, ...) array of the model's outputs.
    """
    batches = (images[first : first + batch_size] for first in range(0, len(images), batch_size))
    return np.concatenate([model(_tensor(batch), training=False) for batch in batches])


# --- Arrays for TensorFlow --------------------------------------------------------------------------------------------


def _tensor(array):
    """Return the array as a tensor, floats in Keras' default precision, as `Model.fit` has them."""
    array = np.asarray(array)
    return tf.convert_to_tensor(array, keras.config.floatx() if array.dtype.kind == "f" else array.dtype)


def _dataset(arrays, batch_size=1000):
    return _without_autotune(tf.data.Dataset.from_tensor_slices(tuple(map(_tensor, arrays))).batch(batch_size))


def _without_autotune(dataset):
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
