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
BATCH_SIZE = 32  # Keras' own, where none is given
UNSEEN_BY_XLA = {"Assert", "CheckNumerics", "CheckNumericsV2", "ScatterNd"}  # compiled, they let wrong values pass
RANDOM_FUNCTIONS = [(tf.nn.experimental, "stateless_dropout", "rng_alg")]
RANDOM_FUNCTIONS += [(tf.random, f"stateless_{name}", "alg") for name in ("uniform", "normal", "truncated_normal")]
METHODS = ("train_step", "test_step", "make_train_function", "make_test_function", "compute_metrics")
BATCH_HOOKS = [f"on_{kind}batch_{when}" for kind in ("", "train_", "test_") for when in ("begin", "end")]
_keras_fit, _keras_evaluate, _keras_predict = keras.Model.fit, keras.Model.evaluate, keras.Model.predict
_lock, _open_blocks, _replaced = threading.Lock(), 0, contextlib.ExitStack()


@contextlib.contextmanager
def fast() -> Iterator[None]:
    """Inside this block, `model.fit` gives what Keras' own gives, and on arrays takes a fraction of the time.

    Plain `fit` spends most of a small network's epoch between the steps. Here the arrays stay where they are and one
    call into TensorFlow loops over a twentieth of the epoch's mini-batches, gathering each and running
    `model.train_step` on it; validation likewise. All else is Keras': arguments, callbacks, `History`, metrics,
    optimizer. Given the same order of examples, the weights are those of plain `fit` up to rounding. A new order is
    drawn each epoch, from Python's `random`, which `keras.utils.set_random_seed` sets; plain `fit` draws another.

    The loop is compiled by XLA where that pays on a CPU: for networks of dense layers, whose dropout then draws other
    masks from the same seed. Not compiled are convolutions, which would become twice as slow, what XLA cannot compile,
    and what it could only without a check that plain Keras makes.

    Keras goes its own way with `class_weight`, `sample_weight`, `steps_per_epoch`, data other than two arrays (tf.data
    sets, generators, several inputs or outputs), callbacks that want to be called for each batch, mixed precision,
    `run_eagerly`, `steps_per_execution`, and models with a `train_step` of their own; a subclass's own `fit` is not
    touched. `evaluate` and `predict` of arrays are Keras' own without the seconds they can spend at the end, waiting
    for tf.data to stop tuning itself. Blocks can be nested; while one is open, it holds for every thread.

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
            for name, function in (("fit", _fit), ("evaluate", _evaluate), ("predict", _predict)):
                _replaced.enter_context(mock.patch.object(keras.Model, name, function))
            # On a CPU, Philox is what "auto_select" selects and the numbers are the same; but left to it, a step
            # compiled by XLA takes up to ten times as long, and fifty with noise. Keras has no argument for it.
            for owner, name, argument in RANDOM_FUNCTIONS:
                philox = functools.partial(getattr(owner, name), **{argument: "philox"})
                _replaced.enter_context(mock.patch.object(owner, name, philox))
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
    _check_pairs(arguments["x"], arguments["y"])
    with contextlib.ExitStack() as afterwards:
        history = _keras_fit(model, **(_fast_arguments(model, afterwards, **arguments) or arguments))
    for epoch, loss in zip(history.epoch, history.history.get("loss", ()), strict=False):
        if not math.isfinite(loss):
            sentence = f"The loss is {loss} since epoch {epoch + 1}: are the images scaled, the learning rate too high?"
            warnings.warn(sentence, stacklevel=2)
            break
    return history


@functools.wraps(_keras_evaluate)
def _evaluate(model, x=None, y=None, batch_size=None, verbose="auto", sample_weight=None, steps=None, *args, **kwargs):
    if _is_pair((x, y)) and sample_weight is None and steps is None:
        x, y, batch_size = _dataset((_tensor(x), _tensor(y)), batch_size), None, None
    return _keras_evaluate(model, x, y, batch_size, verbose, sample_weight, steps, *args, **kwargs)


@functools.wraps(_keras_predict)
def _predict(model, x, batch_size=None, verbose="auto", steps=None, callbacks=None):
    if _is_array(x) and steps is None:
        x, batch_size = _dataset(_tensor(x), batch_size), None
    return _keras_predict(model, x, batch_size, verbose, steps, callbacks)


# --- Fast training ----------------------------------------------------------------------------------------------------


def _fast_arguments(model, after, x, y, batch_size, callbacks, validation_split, validation_data, shuffle, **others):
    """Return arguments with which Keras' `fit` trains the fast way, or None if it has to go its own.

    They take effect on a model made ready for them, which `after`, an ExitStack, undoes.
    """
    callbacks = list(callbacks) if isinstance(callbacks, list | tuple) else [callbacks] if callbacks else []
    batch_size = batch_size or BATCH_SIZE
    needs_keras = [others.pop(name) is not None for name in ("class_weight", "sample_weight", "steps_per_epoch")]
    if not (_is_pair((x, y)) and isinstance(batch_size, int | np.integer) and batch_size > 0 and _is_ordinary(model)):
        return None
    if shuffle not in (True, False) or any(needs_keras) or any(map(_wants_each_batch, callbacks)):
        return None
    if validation_split and validation_data is None:
        first = math.floor(len(x) * (1 - validation_split))
        if not 0 < first < len(x):
            return None
        x, y, validation_data = x[:first], y[:first], (x[first:], y[first:])

    arrays, validation = (_tensor(x), _tensor(y)), None
    try:
        predicted = model.predict_step((arrays[0][:1],))
    except Exception:
        taken = getattr(model, "input_shape", None)
        if isinstance(taken, tuple) and taken[1:] != x.shape[1:]:
            raise ValueError(f"The network takes images of shape {taken[1:]}, not {x.shape[1:]}.") from None
        return None  # Keras says what is wrong
    if not isinstance(predicted, tf.Tensor):
        return None
    classes = predicted.shape[1] if len(predicted.shape) == 2 and _takes_class_numbers(model.loss) else None
    _check_finite("images", arrays[0])
    _check_finite("labels", arrays[1])
    _check_classes("labels", arrays[1], classes)
    if others["validation_steps"] is None and _is_pair(validation_data):
        validation = tuple(map(_tensor, validation_data))
        _check_classes("validation labels", validation[1], classes)
    try:
        # Made by hand: TensorFlow traces a function twice if the first trace creates variables.
        model.optimizer.build(model.trainable_variables)
        model.compute_metrics(arrays[0][:1], arrays[1][:1], predicted)
        model.reset_metrics()
        train_loops = _loops(model, "train", arrays, checked=classes is not None)
        test_loops = _loops(model, "test", validation) if validation else None
    except Exception:
        return None

    generator = np.random.default_rng(random.getrandbits(64)) if shuffle else None
    steps, per_call = _stand_in(model, "train", after, train_loops, arrays, batch_size, generator)
    if validation:
        size = others["validation_batch_size"] or batch_size
        test_steps, test_per_call = _stand_in(model, "test", after, test_loops, validation, size)
        validation_data = _without_autotune(tf.data.Dataset.range(math.ceil(test_steps / test_per_call)))
    # Keras' `fit` is to call for `per_call` steps at once; whatever callbacks evaluate or predict is not.
    model.steps_per_execution = per_call
    reset = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: setattr(model, "steps_per_execution", 1))
    after.callback(reset.on_train_begin, None)
    numbers, callbacks = _without_autotune(tf.data.Dataset.range(steps)), [reset, *callbacks]
    return others | {"x": numbers, "validation_data": validation_data, "callbacks": callbacks, "shuffle": False}


def _is_ordinary(model):
    return (  # to be trained by Keras' own step, mini-batch by mini-batch, in one precision
        model.compiled
        and not (model.run_eagerly or tf.config.functions_run_eagerly())
        and model.steps_per_execution == 1
        and not tf.distribute.has_strategy()
        and all(layer.compute_dtype == layer.variable_dtype for layer in model._flatten_layers())
        and all(_inherits(model, keras.Model, method) for method in METHODS)
    )


def _wants_each_batch(callback):
    if type(callback) in (keras.callbacks.ModelCheckpoint, keras.callbacks.BackupAndRestore):
        return callback.save_freq != "epoch"
    return not all(_inherits(callback, keras.callbacks.Callback, hook) for hook in BATCH_HOOKS)


def _inherits(instance, base, name):
    return getattr(getattr(instance, name, None), "__func__", None) is getattr(base, name)


def _takes_class_numbers(loss):
    loss = keras.losses.get(loss) if isinstance(loss, str) else loss
    if type(loss) is keras.losses.SparseCategoricalCrossentropy:
        return loss.ignore_class is None
    return loss is keras.losses.sparse_categorical_crossentropy


def _loops(model, kind, arrays, checked=True):
    """Return two functions (images, labels, batches, first, last): train or test on `batches[first:last]`, row by row.

    They return the metrics. The first is as TensorFlow runs it; the second is compiled by XLA if that pays. XLA
    compiles anew for each size of batch, and for the one short batch at the end that takes longer than it can save.
    """
    getattr(model, f"make_{kind}_function")()
    signature = tuple(tf.TensorSpec((None, *array.shape[1:]), array.dtype) for array in arrays)
    # With Keras' own function, so that one trace serves all calls of `fit`, until `compile` makes Keras forget it.
    kept = vars(getattr(model, f"{kind}_function")).setdefault("loops", {})
    if signature in kept:
        return kept[signature]

    def loop(images, labels, batches, first, last):
        def step(index):
            rows = batches[index]
            batch = tuple(tf.gather(array, rows, name="mini_batch") for array in (images, labels))
            getattr(model, f"{kind}_step")(batch)
            return index + 1

        tf.while_loop(lambda index: index < last, step, [first])
        return model.get_metrics_result()

    number = tf.TensorSpec((), tf.int32)
    as_function = functools.partial(
        tf.function,
        input_signature=[*signature, tf.TensorSpec((None, None), tf.int32), number, number],
        autograph=False,
    )
    traced = as_function(loop)
    compiled = as_function(lambda *arguments: traced(*arguments), jit_compile=True)

    def compiled_if_possible(*arguments):
        nonlocal compiled
        try:
            return compiled(*arguments)
        except tf.errors.OpError:  # XLA refuses before the first step: it runs all of the loop or nothing
            compiled = traced
            return traced(*arguments)

    graph = traced.get_concrete_function().graph.as_graph_def()
    gains = kind == "train" and (model.jit_compile or _gains_from_xla(model, graph, checked))
    kept[signature] = traced, compiled_if_possible if gains else traced
    return kept[signature]


def _gains_from_xla(model, graph, labels_checked):
    """Return whether XLA can and should compile the graph, a training loop: without convolutions, losing no check."""
    unseen = UNSEEN_BY_XLA if labels_checked else UNSEEN_BY_XLA | {"SparseSoftmaxCrossEntropyWithLogits"}
    for node in (node for function in graph.library.function for node in function.node_def):
        # A row that an embedding has not; what is looked up in shapes are integers.
        looks_up = node.op == "GatherV2" and node.attr["Tparams"].type == tf.float32 and "mini_batch" not in node.name
        if looks_up or node.op in unseen:
            return False
    supported = all(layer.supports_jit for layer in model._flatten_layers())
    return supported and all(len(weight.shape) <= 2 for weight in model.weights)


def _stand_in(model, kind, after, loops, arrays, batch_size, generator=None):
    """Have the model's train or test function do many mini-batches when fed numbers; fed batches, it is Keras' own.

    Returns how many steps an epoch has, and how many of them each call does.
    """
    own, examples = getattr(model, f"{kind}_function"), len(arrays[0])
    full, steps = examples // batch_size, math.ceil(examples / batch_size)
    per_call = math.ceil(steps / CALLS_PER_EPOCH)

    def calls():
        while True:  # epoch after epoch
            order = generator.permutation(examples) if generator else np.arange(examples)
            order = tf.constant(order, tf.int32)
            batches = tf.reshape(order[: full * batch_size], (full, batch_size))
            for first in range(0, steps, per_call):
                last = min(first + per_call, steps)
                if first < full:
                    logs = loops[1](*arrays, batches, tf.constant(first), tf.constant(min(last, full)))
                if last > full:
                    logs = loops[0](*arrays, order[None, full * batch_size :], tf.constant(0), tf.constant(1))
                yield logs

    call = calls()

    def function(iterator):
        fed_numbers = getattr(iterator, "element_spec", None) == tf.TensorSpec((), tf.int64)
        return next(call) if fed_numbers else own(iterator)

    setattr(model, f"{kind}_function", function)
    after.callback(setattr, model, f"{kind}_function", own)
    return steps, per_call


# --- Checks -----------------------------------------------------------------------------------------------------------


def _check_pairs(images, labels):
    if isinstance(images, np.ndarray) and isinstance(labels, np.ndarray) and images.ndim and labels.ndim:
        if len(images) != len(labels):
            raise ValueError(f"{len(images)} images and {len(labels)} labels: pass one label for each image.")
        if len(labels) and isinstance(labels.flat[0], str | bytes):
            raise ValueError(f"Labels are text ({labels.flat[0]!r:.20}): pass the numbers of the classes, from 0.")


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


def _is_array(array):
    """Return whether it is an array of numbers with at least one axis, NumPy's or TensorFlow's."""
    if not isinstance(array, np.ndarray | tf.Tensor) or not array.ndim:
        return False
    return np.dtype(getattr(array.dtype, "as_numpy_dtype", array.dtype)).kind in "fiub"


def _is_pair(arrays):
    if not isinstance(arrays, list | tuple) or len(arrays) != 2 or not all(map(_is_array, arrays)):
        return False
    return 0 < len(arrays[0]) == len(arrays[1])


def _tensor(array):
    """Return the array as a tensor, floats in Keras' default precision, as `Model.fit` has them."""
    array = np.asarray(array)
    return tf.convert_to_tensor(array, keras.config.floatx() if array.dtype.kind == "f" else array.dtype)


def _dataset(arrays, batch_size):
    return _without_autotune(tf.data.Dataset.from_tensor_slices(arrays).batch(batch_size or BATCH_SIZE))


def _without_autotune(dataset):
    """Keras ends by waiting for tf.data's autotune thread, which may be asleep for seconds; so it is never started."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
