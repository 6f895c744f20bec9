"""Keras' own `fit`, several times as fast on a few processor cores, for arrays that fit in memory.

with training.fast():
    model.fit(train_images, train_labels, epochs=10, validation_split=0.1)
"""

from collections.abc import Iterator
import contextlib
import functools
import inspect
import math
import random
import threading
from unittest import mock
import warnings

import keras
import numpy as np
import tensorflow as tf

CALLS_PER_EPOCH = 20  # how often an epoch returns to Python: enough for a live progress bar, too few to cost anything
# What XLA makes faster, on a CPU, without losing a check. Convolutions would become twice as slow; compiled, assertions
# are left out, and what stands in row 10 of a table of ten rows is looked up in the last.
COMPILED = {"InputLayer", "Flatten", "Reshape", "Rescaling", "Dense", "Activation", "ReLU", "Softmax", "Dropout"}
COMPILED |= {"BatchNormalization", "GaussianNoise", "Mean", "SparseCategoricalAccuracy", "CategoricalAccuracy"}
_keras_fit, _iterate = keras.Model.fit, tf.data.Dataset.__iter__
_lock, _open_blocks, _replaced = threading.Lock(), 0, contextlib.ExitStack()


@contextlib.contextmanager
def fast() -> Iterator[None]:
    """Inside this block, `model.fit` gives what Keras' own gives, and on two arrays takes a fraction of the time.

    The arrays stay where they are; one call into TensorFlow runs `model.train_step` on a twentieth of the epoch's
    mini-batches, compiled by XLA for networks of dense layers. All else is Keras'. In the same order of examples, the
    weights are plain `fit`'s up to rounding (but compiled dropout draws other masks). Each epoch has a new order, from
    Python's `random`, which `keras.utils.set_random_seed` sets. Blocks can be nested and hold for every thread.

    Keras goes its own way with `class_weight`, `sample_weight`, `steps_per_epoch`, other data than two arrays,
    callbacks for each batch, mixed precision, `run_eagerly`, `steps_per_execution`, an own `train_step` or `fit`.

    Besides what plain Keras raises, `model.fit` raises, before training:
        tf.errors.InvalidArgumentError: for a label outside the classes, with `sparse_categorical_crossentropy`.
        ValueError: if images and labels differ in number, the network takes images of another shape, labels are text,
            or one-hot where the loss takes integers; on the fast way also if a pixel or label is NaN or infinite.
    It warns in one sentence of a loss that has become NaN or infinite, and returns its `History` all the same.
    """
    global _open_blocks
    with _lock:
        _open_blocks += 1
        if _open_blocks == 1:
            # On a CPU, Philox is what "auto_select" selects and the numbers are the same; but left to it, a step
            # compiled by XLA takes up to ten times as long, and fifty with noise. Keras has no argument for it.
            dropout = functools.partial(tf.nn.experimental.stateless_dropout, rng_alg="philox")
            noise = functools.partial(tf.random.stateless_normal, alg="philox")
            _replaced.enter_context(mock.patch.object(tf.nn.experimental, "stateless_dropout", dropout))
            _replaced.enter_context(mock.patch.object(tf.random, "stateless_normal", noise))
            _replaced.enter_context(mock.patch.object(tf.data.Dataset, "__iter__", _iterate_untuned))
            _replaced.enter_context(mock.patch.object(keras.Model, "fit", _fit))
    try:
        yield
    finally:
        with _lock:
            _open_blocks -= 1
            if not _open_blocks:
                _replaced.close()


@functools.wraps(_keras_fit)
def _fit(model, *args, **kwargs):
    bound = inspect.signature(_keras_fit).bind(model, *args, **kwargs)
    bound.apply_defaults()
    arguments = {name: value for name, value in bound.arguments.items() if value is not model}
    x, y = arguments["x"], arguments["y"]
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray) and x.ndim and y.ndim:
        if len(x) != len(y):
            raise ValueError(f"{len(x)} images and {len(y)} labels: pass one label for each image.")
        if len(y) and isinstance(y.flat[0], str | bytes):
            raise ValueError(f"Labels are text ({y.flat[0]!r:.20}): pass the numbers of the classes, from 0.")
    with contextlib.ExitStack() as afterwards:
        history = _keras_fit(model, **(_fast_arguments(model, afterwards, **arguments) or arguments))
    losses = zip(history.epoch, history.history.get("loss", ()), strict=False)
    since = next((f"{loss} since epoch {epoch + 1}" for epoch, loss in losses if not math.isfinite(loss)), None)
    if since:
        warnings.warn(f"The loss is {since}: are the images scaled, the learning rate too high?", stacklevel=2)
    return history


def _iterate_untuned(dataset):
    """Keras ends by waiting for tf.data's autotune thread, which may be asleep for seconds; so it is never started."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return _iterate(dataset.with_options(options))


def _fast_arguments(model, after, x, y, batch_size, callbacks, validation_split, validation_data, shuffle, **others):
    """Return arguments with which Keras' `fit` trains the fast way until `after` is closed; None if it cannot."""
    callbacks, batch_size = keras.tree.flatten(callbacks or []), batch_size or 32  # Keras' own, where none is given
    plain = any(others[name] is not None for name in ("class_weight", "sample_weight", "steps_per_epoch"))
    plain = plain or any(map(_wants_each_batch, callbacks)) or not isinstance(batch_size, int | np.integer)
    if plain or batch_size < 1 or not (_is_pair((x, y)) and _is_ordinary(model)):
        return None
    if validation_split and validation_data is None:
        first = math.floor(len(x) * (1 - validation_split))
        if not 0 < first < len(x):
            return None
        x, y, validation_data = x[:first], y[:first], (x[first:], y[first:])

    images, labels = _tensor(x), _tensor(y)
    try:
        predicted = model.predict_step((images[:1],))
    except Exception:
        taken = getattr(model, "input_shape", None)
        if isinstance(taken, tuple) and taken[1:] != x.shape[1:]:
            raise ValueError(f"The network takes images of shape {taken[1:]}, not {x.shape[1:]}.") from None
        return None  # Keras says what is wrong
    takes_numbers = _loss(model) is keras.losses.sparse_categorical_crossentropy
    classes = predicted.shape[1] if takes_numbers and len(getattr(predicted, "shape", ())) == 2 else None
    _check_finite("images", images)
    _check_finite("labels", labels)
    _check_classes("labels", labels, classes)
    if others["validation_steps"] is None and _is_pair(validation_data):
        _check_classes("validation labels", _tensor(validation_data[1]), classes)
        validation_data = tf.data.Dataset.from_tensor_slices(tuple(map(_tensor, validation_data)))
        validation_data = validation_data.batch(others.pop("validation_batch_size") or batch_size)
    try:
        # Made by hand: TensorFlow traces a function twice if the first trace creates variables.
        model.optimizer.build(model.trainable_variables)
        model.compute_metrics(images[:1], labels[:1], predicted)
        model.reset_metrics()
        train, train_last = _loops(model, images, labels, classes is not None)
    except Exception:
        return None

    full, steps = len(x) // batch_size, math.ceil(len(x) / batch_size)
    per_call = math.ceil(steps / CALLS_PER_EPOCH)
    generator = np.random.default_rng(random.getrandbits(64)) if shuffle else None

    def calls():
        while True:  # epoch after epoch
            order = generator.permutation(len(x)) if shuffle else np.arange(len(x))
            batches, rest = order[: full * batch_size].reshape(full, batch_size), order[None, full * batch_size :]
            for first in range(0, steps, per_call):
                if first < full:
                    logs = train(images, labels, batches, first, min(first + per_call, full))
                if first + per_call > full < steps:
                    logs = train_last(images, labels, rest, 0, 1)
                yield logs

    # Keras' `fit` is to call for `per_call` steps at once; whatever it or a callback evaluates or predicts is not.
    call = calls()
    after.enter_context(mock.patch.multiple(model, train_function=lambda _: next(call), steps_per_execution=per_call))
    reset = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: setattr(model, "steps_per_execution", 1))
    numbers, callbacks = tf.data.Dataset.range(steps), [reset, *callbacks]
    return others | {"x": numbers, "validation_data": validation_data, "callbacks": callbacks, "shuffle": False}


def _is_ordinary(model):
    return (  # to be trained by Keras' own step, mini-batch by mini-batch, in one precision
        model.compiled
        and not (model.run_eagerly or tf.config.functions_run_eagerly())
        and model.steps_per_execution == 1
        and not tf.distribute.has_strategy()
        and all(layer.compute_dtype == layer.variable_dtype for layer in model._flatten_layers())
        and _inherits(model, keras.Model, "train_step", "make_train_function", "compute_metrics")
    )


def _wants_each_batch(callback):
    saves_by_epoch = _is_keras_own(callback) and getattr(callback, "save_freq", None) == "epoch"
    hooks = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
    return not (saves_by_epoch or _inherits(callback, keras.callbacks.Callback, *hooks))


def _inherits(instance, base, *names):
    return all(getattr(getattr(instance, name, None), "__func__", None) is getattr(base, name) for name in names)


def _loops(model, images, labels, labels_checked):
    """Return two functions (images, labels, batches, first, last): train on `batches[first:last]`, return the metrics.

    The first is compiled by XLA if that pays, the second never: XLA compiles anew for each size of batch, and for the
    one short batch at the end that takes longer than it can save.
    """
    model.make_train_function()
    arrays = [tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in (images, labels)]
    specs = (*arrays, *(tf.TensorSpec(shape, tf.int32) for shape in ((None, None), (), ())))
    # With Keras' own function, so that one trace serves all calls of `fit`, until `compile` makes Keras forget it.
    kept = vars(model.train_function).setdefault("loops", {})
    if specs in kept:
        return kept[specs]

    def loop(images, labels, batches, first, last):
        def step(index):
            model.train_step(tuple(tf.gather(array, batches[index]) for array in (images, labels)))
            return index + 1

        tf.while_loop(lambda index: index < last, step, [first])
        return model.get_metrics_result()

    as_function = functools.partial(tf.function, input_signature=specs, autograph=False)
    traced = as_function(loop)
    traced.get_concrete_function()
    quick = _gains_from_xla(model, labels_checked)
    compiled = as_function(lambda *arguments: traced(*arguments), jit_compile=True) if quick else traced
    return kept.setdefault(specs, (compiled, traced))


def _gains_from_xla(model, labels_checked):
    parts = [*getattr(model, "operations", model.layers)]  # a functional model may hold others than layers
    parts += [part for metric in model.metrics for part in getattr(metric, "metrics", None) or [metric]]
    called = [value for part in (*parts, model.optimizer) for value in vars(part).values() if callable(value)]
    return (
        {type(part).__name__ for part in parts} <= COMPILED
        and (labels_checked or _loss(model) in (keras.losses.categorical_crossentropy, keras.losses.mean_squared_error))
        and all(map(_is_keras_own, (model, model.optimizer, *parts, *called)))
    )


def _loss(model):
    """Return Keras' function of the model's loss; None for a loss of another kind, or one that ignores a class."""
    loss = keras.losses.get(model.loss) if isinstance(model.loss, str) else model.loss
    takes_all = getattr(loss, "ignore_class", None) is None
    return getattr(loss, "fn", loss) if _is_keras_own(loss) and takes_all else None


def _is_keras_own(function_or_instance):
    return (getattr(function_or_instance, "__module__", None) or "").startswith("keras.")


# --- Checks -----------------------------------------------------------------------------------------------------------


def _check_finite(name, tensor):
    if tensor.dtype.is_floating and not tf.reduce_all(tf.math.is_finite(tensor)):
        array = tensor.numpy()
        position = tuple(np.argwhere(~np.isfinite(array))[0].tolist())
        raise ValueError(f"{name}{list(position)} is {array[position]}: it would make every weight NaN.")


def _check_classes(name, labels, classes):
    """Check class numbers, which XLA would take as they come, where `classes`, their number, is known."""
    if classes is None:
        return
    if len(labels.shape) == 2 and labels.shape[1] > 1:
        cure = "pass labels.argmax(1), or compile with loss='categorical_crossentropy'."
        raise ValueError(f"{name} of shape {tuple(labels.shape)} are one-hot: {cure}")
    labels = labels.numpy()
    wrong = np.argwhere(~((labels > -1) & (labels < classes)))  # Keras rounds towards 0
    if len(wrong):
        position = tuple(wrong[0].tolist())
        message = f"Received a label value of {labels[position]} which is outside the valid range of [0, {classes})"
        raise tf.errors.InvalidArgumentError(None, None, f"{message}: {name}{list(position)}")


def _is_pair(arrays):
    """Return whether these are two arrays of numbers, NumPy's or TensorFlow's, of the same length."""
    return (
        isinstance(arrays, list | tuple)
        and len(arrays) == 2
        and all(isinstance(array, np.ndarray | tf.Tensor) and array.ndim for array in arrays)
        and all(np.asarray(array).dtype.kind in "fiub" for array in arrays)
        and 0 < len(arrays[0]) == len(arrays[1])
    )


def _tensor(array):
    """Return the array as a tensor, floats in Keras' default precision, as `Model.fit` has them."""
    array = np.asarray(array)
    return tf.convert_to_tensor(array, keras.config.floatx() if array.dtype.kind == "f" else array.dtype)
