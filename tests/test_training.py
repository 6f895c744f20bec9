"""`training.fast` against plain Keras, on small arrays with a short last batch.

What costs time here is tracing and compiling, for each model, type and size of array anew; so most tests share one
pair of models, and train on as many examples at Keras' own batch size.
"""

import contextlib
import functools
import inspect
import threading
import warnings

from fashion_utils import training
import keras
import numpy as np
import pytest
import tensorflow as tf

EXAMPLES, CLASSES = 742, 3  # 23 full batches of 32 (two a call) and one of 6

rng = np.random.default_rng(0)
LABELS = rng.integers(CLASSES, size=EXAMPLES).astype("uint8")
IMAGES = (rng.random((EXAMPLES, 6, 6, 1)) + np.eye(6)[LABELS][..., None, None]).astype("float32")
ONE_HOT = np.eye(CLASSES, dtype="float32")[LABELS]
VALIDATION = (IMAGES[:50] * 2, LABELS[:50])


def build(make_layers=list, optimizer="sgd", loss="sparse_categorical_crossentropy", seed=1, **arguments):
    """Return a small classifier with the layers in front; the same seed gives the same weights and dropout."""
    keras.utils.set_random_seed(seed)
    output = keras.layers.Dense(CLASSES, activation="softmax")
    model = keras.Sequential([keras.Input((6, 6, 1)), *make_layers(), keras.layers.Flatten(), output])
    model.compile(optimizer=optimizer, loss=loss, **arguments)
    return model


def dense():
    l2 = keras.regularizers.L2(0.01)
    return [keras.layers.Flatten(), keras.layers.Dense(5, activation="relu", kernel_regularizer=l2)]


def dense_normalized():
    return [*dense(), keras.layers.BatchNormalization()]


def dropout():
    return [keras.layers.Dropout(0.4)]


def convolution():
    return [keras.layers.Conv2D(4, 3, activation="relu"), keras.layers.BatchNormalization(), *dropout()]


def augmentation():
    layers = keras.layers
    return [layers.RandomFlip("horizontal"), layers.RandomTranslation(0.2, 0.2), layers.RandomErasing(1.0)]


@pytest.fixture
def roads(monkeypatch):
    """The list of what ran the fast way, "compiled" or "uncompiled" for each call of `fit`."""
    taken, loops = [], training._loops

    def spy(*arguments):
        found = loops(*arguments)
        taken.append("uncompiled" if found[0] is found[1] else "compiled")
        return found

    monkeypatch.setattr(training, "_loops", spy)
    return taken


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """Plain fit can wait seconds for tf.data's autotune thread, here hundreds of times; nothing else is changed."""
    monkeypatch.setattr(tf.data.Dataset, "__iter__", lambda dataset: training._iterate_untuned(dataset))


def fast_fit(model, *data, **arguments):
    with training.fast():
        return model.fit(*data, **{"verbose": 0} | arguments)


def train_both(make_model, make_data=lambda: (IMAGES, LABELS), **arguments):
    """Train two equal models on the examples in their given order, inside `training.fast` and outside of it."""
    arguments = {"shuffle": False, "verbose": 0} | arguments
    models, histories = [make_model(), make_model()], []
    for model, block in zip(models, (training.fast, contextlib.nullcontext), strict=True):
        own = {name: value() if inspect.isfunction(value) else value for name, value in arguments.items()}
        keras.utils.set_random_seed(3)
        with block():
            histories.append(model.fit(*make_data(), **own).history)
    assert_same_history(*histories)
    assert_same_model(*models)
    return models[0], histories[0]


def renewing(model):
    """Return a function that returns the model as new; its traced steps are kept, which saves seconds."""
    model.optimizer.build(model.trainable_variables)
    variables = model.weights + model.optimizer.variables
    start = [variable.numpy() for variable in variables]

    def renew():
        model.optimizer.build(model.trainable_variables)
        for variable, value in zip(variables, start, strict=True):
            variable.assign(value)
        return model

    return renew


@pytest.fixture(scope="module")
def fresh_pair():
    """A function that returns an iterator over the same two equal models as new."""
    renew = [renewing(build(dense, "adam", metrics=["accuracy"])) for _ in range(2)]
    return lambda: iter([one() for one in renew])


def assert_same_model(fast, plain):
    for ours, theirs in zip(fast.weights, plain.weights, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-5, err_msg=ours.path)
    for ours, theirs in zip(fast.optimizer.variables, plain.optimizer.variables, strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-5, err_msg=ours.path)


def assert_same_history(ours, theirs):
    assert list(ours) == list(theirs)
    for name in theirs:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-4, err_msg=name)


# --- The fast way gives what plain Keras gives ------------------------------------------------------------------------

MODELS = {
    "dense": (
        lambda: build(
            dense, keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, 40)), metrics=["accuracy"]
        ),
        "compiled",
    ),
    "dense, batch normalization, loss summed": (
        lambda: build(
            dense_normalized,
            keras.optimizers.SGD(0.001, momentum=0.9),
            keras.losses.SparseCategoricalCrossentropy(reduction="sum"),
            metrics=["accuracy"],
        ),
        "compiled",
    ),
    # Dropout only here: compiled by XLA, it draws other masks from the same seed.
    "convolution, augmented": (
        lambda: build(lambda: [*augmentation(), *convolution()], metrics=["accuracy"]),
        "uncompiled",
    ),
}


@pytest.mark.parametrize(("make_model", "road"), MODELS.values(), ids=MODELS)
def test_models_are_trained_as_by_plain_fit(make_model, road, roads):
    model, history = train_both(make_model, epochs=2, validation_data=VALIDATION)
    assert roads == [road]
    assert list(history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert int(model.optimizer.iterations) == 2 * 24


ARGUMENTS = {
    "the mission's line": {"epochs": 2, "validation_split": 0.1},
    "batch_size=None": {"batch_size": None},
    "no short batch": {"batch_size": 53},
    "only a short batch": {"batch_size": 1000},
    "validation_data as a list, in batches": {"validation_data": list(VALIDATION), "validation_batch_size": 7},
    "validation now and then": {"validation_data": VALIDATION, "validation_freq": 2, "epochs": 2},
    "initial_epoch": {"initial_epoch": 1, "epochs": 2, "validation_split": 0.1},
    "validation of some batches": {"validation_data": VALIDATION, "validation_steps": 1},
    "validation weighted": {"validation_data": (*VALIDATION, np.arange(50.0))},
    "validation on a tf.data set": {"validation_data": lambda: tf.data.Dataset.from_tensor_slices(VALIDATION).batch(9)},
    "one callback": {"callbacks": lambda: keras.callbacks.EarlyStopping("loss", min_delta=9), "epochs": 4},
}


@pytest.mark.parametrize("arguments", ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments_mean_what_they_mean_in_plain_fit(arguments, fresh_pair, roads):
    train_both(fresh_pair().__next__, **arguments)
    assert roads == ["compiled"]


DATA = {
    "one-hot labels": lambda: (IMAGES, ONE_HOT),
    "doubles, labels in a column": lambda: (IMAGES.astype("float64"), LABELS[:, None].astype("float64")),
    "bytes without channels": lambda: ((IMAGES[..., 0] * 100).astype("uint8"), LABELS),
    "tensors": lambda: (tf.constant(IMAGES), tf.constant(LABELS)),
}


@pytest.mark.parametrize("data", DATA, ids=DATA)
def test_arrays_are_taken_as_by_plain_fit(data, fresh_pair, roads):
    loss = {"one-hot labels": keras.losses.CategoricalCrossentropy(label_smoothing=0.1)}

    def make_model():
        return build(loss=loss.get(data, "sparse_categorical_crossentropy"))

    train_both(fresh_pair().__next__ if data in ("tensors", "bytes without channels") else make_model, DATA[data])
    assert roads == ["compiled"]


def test_a_model_without_an_input_layer_is_built():
    def make_model():
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(CLASSES, activation="softmax")])
        model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    train_both(make_model)


def test_arguments_may_be_positional(fresh_pair):
    fast, plain = fresh_pair()
    with training.fast():
        fast.fit(IMAGES, LABELS, 32, 2, 0, None, 0.1, None, False)
    plain.fit(IMAGES, LABELS, 32, 2, 0, None, 0.1, None, False)
    assert_same_model(fast, plain)


def test_steps_are_counted_as_in_plain_fit(fresh_pair, capsys):
    history = fast_fit(next(fresh_pair()), IMAGES, LABELS, verbose=2)
    assert history.params == {"verbose": 2, "epochs": 1, "steps": 24}
    assert "24/24 - " in capsys.readouterr().out


class Counting(keras.layers.Dense):
    """A layer that notes each time it is traced for training."""

    traces = 0

    def call(self, inputs, training=None):
        Counting.traces += bool(training)
        return super().call(inputs)


@pytest.mark.parametrize(("make_layers", "road"), [(list, "compiled"), (convolution, "uncompiled")])
def test_the_training_step_is_traced_once(make_layers, road, roads, monkeypatch):
    """Variables made in the first trace, or a last, shorter batch, would cost another; each takes half a second."""
    model = keras.Sequential([*make_layers(), keras.layers.Flatten(), Counting(CLASSES, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    monkeypatch.setattr(training, "_is_keras_own", lambda thing: True)
    monkeypatch.setattr(training, "COMPILED", training.COMPILED | {"Counting"})
    assert EXAMPLES % 32
    monkeypatch.setattr(Counting, "traces", 0)
    for examples in (EXAMPLES, EXAMPLES, 100):
        fast_fit(model, IMAGES[:examples], LABELS[:examples], epochs=2)
    assert Counting.traces == 1
    assert roads == [road] * 3
    model.compile("sgd", "sparse_categorical_crossentropy")
    fast_fit(model, IMAGES, LABELS)
    assert Counting.traces == 2


def test_a_model_is_as_plain_fit_leaves_it(fresh_pair, tmp_path):
    path = tmp_path / "model.keras"
    fast, plain = fresh_pair()
    fast_fit(fast, IMAGES, LABELS, shuffle=False, callbacks=[keras.callbacks.ModelCheckpoint(path)])
    loaded = keras.saving.load_model(path)
    np.testing.assert_array_equal(loaded.predict(IMAGES, verbose=0), fast.predict(IMAGES, verbose=0))
    plain.fit(IMAGES, LABELS, shuffle=False, epochs=2, verbose=0)
    for model in (fast, loaded):
        model.fit(IMAGES, LABELS, shuffle=False, verbose=0)
        assert_same_model(model, plain)


# --- Keras' own way ---------------------------------------------------------------------------------------------------


class Pictures(keras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return IMAGES[index * 40 : (index + 1) * 40], LABELS[index * 40 : (index + 1) * 40]


def generator():
    for index in range(4):
        yield Pictures()[index]


PLAIN_ARGUMENTS = {
    "class_weight": {"class_weight": {0: 1.0, 1: 5.0, 2: 0.0}},
    "sample_weight": {"sample_weight": np.linspace(0, 2, EXAMPLES)},
    "steps_per_epoch": {"steps_per_epoch": 3, "epochs": 2},
    "tf.data": {"make_data": lambda: (tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(16),)},
    "generator": {"make_data": lambda: (generator(),), "steps_per_epoch": 4},
    "Sequence": {"make_data": lambda: (Pictures(),)},
    "called for each batch": {"callbacks": lambda: [keras.callbacks.TerminateOnNaN()]},
}


@pytest.mark.parametrize("arguments", PLAIN_ARGUMENTS.values(), ids=PLAIN_ARGUMENTS)
def test_what_only_plain_fit_can_do_is_done_by_plain_fit(arguments, fresh_pair, roads):
    train_both(fresh_pair().__next__, **arguments)
    assert roads == []


class OwnStep(keras.Sequential):
    """A model whose training says more than its metrics."""

    def train_step(self, data):
        return super().train_step(data) | {"examples": keras.ops.shape(data[0])[0]}


def own_step():
    model = build()
    own = OwnStep(model.layers)
    own.compile("sgd", "sparse_categorical_crossentropy")
    return own


def mixed_precision():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return build()
    finally:
        keras.config.set_dtype_policy(policy)


PLAIN_MODELS = {
    "run_eagerly": lambda: build(run_eagerly=True),
    "steps_per_execution": lambda: build(steps_per_execution=7),
    "own train_step": own_step,
    "mixed precision": mixed_precision,
}


@pytest.mark.parametrize("make_model", PLAIN_MODELS.values(), ids=PLAIN_MODELS)
def test_models_that_only_plain_fit_can_train_are_trained_by_it(make_model, roads):
    train_both(make_model, lambda: (IMAGES[:70], LABELS[:70]), validation_data=VALIDATION)
    assert roads == []


def test_several_inputs_and_outputs(roads):
    def make_model():
        keras.utils.set_random_seed(1)
        left, right = keras.Input((6, 6, 1)), keras.Input((6, 6, 1))
        both = keras.layers.Flatten()(keras.layers.Concatenate()([left, right]))
        outputs = [keras.layers.Dense(CLASSES, activation="softmax", name=name)(both) for name in "ab"]
        model = keras.Model([left, right], outputs)
        model.compile("sgd", ["sparse_categorical_crossentropy"] * 2)
        return model

    train_both(make_model, lambda: ([IMAGES[:70], IMAGES[70:140]], [LABELS[:70], LABELS[70:140]]), validation_split=0.2)
    assert roads == []


def test_a_subclass_with_a_fit_of_its_own_is_left_alone():
    class Own(keras.Sequential):
        def fit(self, *args):
            return args

    with training.fast():
        assert Own().fit(1, 2) == (1, 2)


def functional(make_output=lambda hidden: hidden):
    image = keras.Input((6, 6, 1))
    output = keras.layers.Dense(CLASSES, activation="softmax")(keras.layers.Flatten()(image))
    model = keras.Model(image, make_output(output))
    model.compile("adam", "sparse_categorical_crossentropy")
    return model


class OwnLayer(keras.layers.Dense):
    """What it does in its call is not known."""


class OwnOptimizer(keras.optimizers.SGD):
    """What it does in its update is not known."""


MAY_BE_COMPILED = {
    "Keras' own": (lambda: build(lambda: [*dense_normalized(), *dropout()], metrics=["accuracy"]), True),
    "functional": (functional, True),
    "functional, with an operation": (lambda: functional(lambda output: keras.ops.take(output, [2, 1, 0], 1)), False),
    "own layer": (lambda: build(lambda: [OwnLayer(2)]), False),
    "own activation": (lambda: build(lambda: [keras.layers.Dense(2, activation=lambda x: x)]), False),
    "own regularizer": (lambda: build(lambda: [keras.layers.Dense(2, kernel_regularizer=tf.nn.l2_loss)]), False),
    "own metric": (lambda: build(metrics=[lambda true, predicted: true]), False),
    "a metric that checks": (lambda: build(metrics=[keras.metrics.SparseTopKCategoricalAccuracy(2)]), False),
    "own optimizer": (lambda: build(optimizer=OwnOptimizer()), False),
    "convolution": (lambda: build(convolution), False),
}


@pytest.mark.parametrize(("make_model", "expected"), MAY_BE_COMPILED.values(), ids=MAY_BE_COMPILED)
def test_only_what_is_known_to_gain_is_compiled(make_model, expected):
    model = make_model()
    model.compute_metrics(IMAGES[:1], LABELS[:1], model(IMAGES[:1]))
    assert training._gains_from_xla(model, labels_checked=True) is expected


# --- Callbacks --------------------------------------------------------------------------------------------------------

CALLBACKS = {
    "early stopping": lambda: [keras.callbacks.EarlyStopping(patience=1, restore_best_weights=True)],
    "schedule": lambda: [keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate / (epoch + 1))],
    "plateau": lambda: [keras.callbacks.ReduceLROnPlateau(patience=1)],
}


@pytest.mark.parametrize("callbacks", CALLBACKS.values(), ids=CALLBACKS)
def test_callbacks_act_as_in_plain_fit(callbacks, fresh_pair, roads):
    pair = fresh_pair()

    def make_model():
        model = next(pair)
        model.optimizer.learning_rate = 0.02
        return model

    _, history = train_both(
        make_model,
        validation_data=(VALIDATION[0], (VALIDATION[1] + 1) % CLASSES),  # the more is learned, the worse it gets
        epochs=3,
        callbacks=callbacks,
    )
    assert roads == ["compiled"]
    rates = history.get("learning_rate", [0.02])
    assert len(history["loss"]) < 3 or min(rates) < 0.0199  # the callback had something to do


def test_what_callbacks_evaluate_and_predict_is_their_own(fresh_pair):
    """Other data than the validation's, in the midst of training, with functions Keras has kept from before."""
    seen = []

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            loss, _ = self.model.evaluate(IMAGES[::-1], LABELS, verbose=0)
            seen.append((loss, self.model.predict(IMAGES, verbose=0)))

    fast, plain = fresh_pair()
    for model in (fast, plain):
        model.evaluate(IMAGES, LABELS, verbose=0)
        model.predict(IMAGES, verbose=0)
    arguments = {"shuffle": False, "validation_data": VALIDATION, "callbacks": [Look()], "verbose": 0}
    fast_fit(fast, IMAGES, LABELS, **arguments)
    plain.fit(IMAGES, LABELS, **arguments)
    assert seen[0][0] == pytest.approx(seen[1][0], rel=1e-4)
    np.testing.assert_allclose(seen[0][1], seen[1][1], rtol=1e-4)


def test_keras_functions_are_put_back_after_a_failure(fresh_pair):
    def fail(epoch, logs):
        raise RuntimeError("a callback that fails")

    model = next(fresh_pair())
    model.fit(IMAGES, LABELS, verbose=0)
    kept = model.train_function
    with pytest.raises(RuntimeError, match="a callback that fails"):
        fast_fit(model, IMAGES, LABELS, callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=fail)])
    assert model.train_function is kept
    assert model.steps_per_execution == 1


# --- The block --------------------------------------------------------------------------------------------------------

REPLACED = [
    (keras.Model, "fit"),
    (tf.data.Dataset, "__iter__"),
    (tf.nn.experimental, "stateless_dropout"),
    (tf.random, "stateless_normal"),
]


def state():
    return [(getattr(owner, name), name in vars(owner)) for owner, name in REPLACED]


def test_blocks_nest_and_put_back_what_they_replaced():
    before = state()
    with training.fast():
        inside = state()
        assert all(new is not old for (new, _), (old, _) in zip(inside, before, strict=True))
        with pytest.raises(KeyError), training.fast():
            raise KeyError
        assert state() == inside
    assert state() == before


def test_blocks_in_two_threads_may_overlap():
    before, entered, leave = state(), threading.Event(), threading.Event()

    def other():
        with training.fast():
            entered.set()
            leave.wait()

    thread = threading.Thread(target=other)
    with training.fast():
        thread.start()
        entered.wait()
    assert state() != before
    leave.set()
    thread.join()
    assert state() == before


def test_the_signature_is_keras_own():
    plain = inspect.signature(keras.Model.fit)
    with training.fast():
        assert inspect.signature(keras.Model.fit) == plain
        with pytest.raises(TypeError, match="epoch"):
            build().fit(IMAGES, LABELS, epoch=3)


# --- Order and randomness ---------------------------------------------------------------------------------------------


class StepNumber(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate of 1, 2, 3 …, so that a weight tells in which steps it was changed."""

    def __call__(self, step):
        return keras.ops.cast(step, "float32") + 1


def mean_output(labels, outputs):
    return keras.ops.mean(outputs)


@pytest.fixture(scope="module")
def batches_visited(examples=100, batch_size=3, epochs=2):
    """A function that returns (epochs, examples): in which mini-batch of each epoch each example was, counted from 1.

    Example i is the i-th unit vector, so weight i falls by (learning rate / batch size) whenever it is visited.
    """
    output = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((examples,)), output])
    model.compile(optimizer=keras.optimizers.SGD(StepNumber()), loss=mean_output)
    renew = renewing(model)
    images, labels = np.eye(examples, dtype="float32"), np.zeros(examples)

    def visit(seed=None, **arguments):
        snapshots = [np.zeros(examples)]
        recorder = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: snapshots.append(model.get_weights()[0][:, 0].astype(float))
        )
        if seed is not None:
            keras.utils.set_random_seed(seed)
        fast_fit(renew(), images, labels, batch_size=batch_size, epochs=epochs, callbacks=[recorder], **arguments)
        steps = -(-examples // batch_size)
        visited = -np.diff(snapshots, axis=0) * batch_size
        short = examples % batch_size
        for epoch, batches in enumerate(visited):
            in_last = np.isclose(batches, steps * (epoch + 1) * batch_size / short)
            batches[in_last] *= short / batch_size
            batches -= steps * epoch
        return visited

    return visit


def test_every_epoch_visits_every_example_once_in_a_new_order(batches_visited):
    visited = batches_visited(1)
    in_order = np.arange(100) // 3 + 1
    for batches in visited:
        np.testing.assert_allclose(np.sort(batches), in_order, atol=1e-3)
        assert not np.allclose(batches, in_order)
    assert not np.allclose(*visited)


def test_the_order_is_fixed_by_keras_seed(batches_visited):
    first = batches_visited(1)
    np.testing.assert_array_equal(batches_visited(1), first)
    assert not np.allclose(batches_visited(2), first)
    assert not np.allclose(batches_visited(), batches_visited())


def test_without_shuffling_the_order_is_kept(batches_visited):
    for batches in batches_visited(shuffle=False):
        np.testing.assert_allclose(batches, np.arange(100) // 3 + 1, atol=1e-3)


DRAWING = {
    "dropout": (lambda: keras.layers.Dropout(0.5, seed=1), "compiled"),
    "erasing": (
        lambda: keras.layers.RandomErasing(1.0, scale=(0.2, 0.3), fill_value=0.0, value_range=(0, 1), seed=1),
        "uncompiled",
    ),
}


@pytest.mark.parametrize(("make_layer", "road"), DRAWING.values(), ids=DRAWING)
def test_random_layers_draw_afresh_each_step_and_are_off_in_validation(make_layer, road, roads):
    """The label is so far away that each step lowers the weight of each of 50 inputs by what the layer made of it."""
    keras.utils.set_random_seed(1)
    output = keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((5, 10, 1)), make_layer(), keras.layers.Flatten(), output])
    far = 1e7
    model.compile(optimizer=keras.optimizers.SGD(1 / (2 * far)), loss="mse")
    ones, labels = np.ones((200, 5, 10, 1), "float32"), np.full(200, -far)
    history = fast_fit(model, ones, labels, batch_size=1, validation_data=(ones, labels))
    assert roads == [road]
    weights = -output.get_weights()[0]
    assert far - history.history["val_loss"][0] ** 0.5 == pytest.approx(weights.sum(), rel=1e-2)
    if road == "compiled":
        kept = weights / 2  # each step that keeps a unit lowers its weight by 1 / (1 - 0.5)
        assert np.all((kept > 60) & (kept < 140))
    assert len(np.unique(weights.round())) > 8  # drawn each time alike, they would be 0 or all


def test_random_layers_name_their_generator_inside_the_block_only(monkeypatch):
    algorithms = []
    for owner, name, argument in (
        (tf.nn.experimental, "stateless_dropout", "rng_alg"),
        (tf.random, "stateless_normal", "alg"),
    ):

        def spy(*args, original, argument, **kwargs):
            algorithms.append(kwargs.get(argument, "auto_select"))
            return original(*args, **kwargs)

        monkeypatch.setattr(owner, name, functools.partial(spy, original=getattr(owner, name), argument=argument))
    model = keras.Sequential([*dropout(), keras.layers.GaussianNoise(0.1)])
    with training.fast():
        model(IMAGES, training=True)
    model(IMAGES, training=True)
    assert algorithms == ["philox"] * 2 + ["auto_select"] * 2


# --- Evaluation and prediction ----------------------------------------------------------------------------------------


def test_evaluate_and_predict_equal_keras_own_to_the_last_digit(fresh_pair):
    fast, plain = fresh_pair()
    weights = np.arange(float(EXAMPLES))
    for arguments in ({}, {"steps": 3, "batch_size": 4}):
        results = []
        for model, block in ((fast, training.fast), (plain, contextlib.nullcontext)):
            with block():
                named = model.evaluate(x=IMAGES, y=LABELS, return_dict=True, verbose=0, **arguments)
                weighted = model.evaluate(IMAGES, LABELS, 32, 0, weights)
                results.append((named, weighted, model.predict(IMAGES, verbose=0, **arguments)))
        assert results[0][:2] == results[1][:2]
        np.testing.assert_array_equal(results[0][2], results[1][2])
        assert isinstance(results[0][2], np.ndarray)


def test_no_call_starts_autotuning(fresh_pair, monkeypatch):
    tuned, original = [], training._iterate

    def spy(dataset):
        tuned.append(dataset.options().autotune.enabled)
        return original(dataset)

    monkeypatch.setattr(tf.data.Dataset, "__iter__", spy)
    monkeypatch.setattr(training, "_iterate", spy)
    model = next(fresh_pair())
    with training.fast():
        for call in (
            lambda: model.fit(IMAGES, LABELS, validation_data=VALIDATION, verbose=0),
            lambda: model.fit(IMAGES, LABELS, class_weight={0: 2}, verbose=0),
            lambda: model.evaluate(IMAGES, LABELS, verbose=0),
            lambda: model.predict(IMAGES, verbose=0),
        ):
            tuned.clear()
            call()
            assert set(tuned) == {False}


# --- Checks -----------------------------------------------------------------------------------------------------------


def changed(array, value, position, dtype=None):
    array = array.astype(dtype or array.dtype)
    array[position] = value
    return array


@pytest.mark.parametrize(
    ("value", "dtype", "make_layers", "loss"),
    [
        (3, "uint8", list, "sparse_categorical_crossentropy"),
        (255, "uint8", lambda: [keras.layers.Conv2D(2, 3)], keras.losses.sparse_categorical_crossentropy),
        (-1, "int64", list, keras.losses.SparseCategoricalCrossentropy()),
        (10, "float32", list, "SparseCategoricalCrossentropy"),
    ],
)
def test_labels_outside_the_classes_raise_what_plain_fit_raises(value, dtype, make_layers, loss):
    labels = changed(LABELS, value, 50, dtype)
    with pytest.raises(tf.errors.InvalidArgumentError) as plain:
        build(make_layers, loss=loss).fit(IMAGES, labels, verbose=0)
    model = build(make_layers, loss=loss)
    start = model.get_weights()
    with pytest.raises(tf.errors.InvalidArgumentError) as fast:
        fast_fit(model, IMAGES, labels)
    wording = f"Received a label value of {value} which is outside the valid range of [0, 3)"
    assert wording in str(plain.value)
    assert str(fast.value).replace(".0 which", " which") == f"{wording}: labels[50]"
    for weight, at_start in zip(model.get_weights(), start, strict=True):
        np.testing.assert_array_equal(weight, at_start)


def test_validation_labels_outside_the_classes_raise_before_training():
    labels = changed(LABELS, 9, 700)
    for data, arguments in (
        ((IMAGES, labels), {"validation_split": 0.1}),
        ((IMAGES, LABELS), {"validation_data": (IMAGES, labels)}),
    ):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"value of 9 .*: validation labels\[(33|700)\]"):
            fast_fit(build(), *data, **arguments)


UNKNOWN_LOSSES = {
    "own function": lambda true, predicted: keras.losses.sparse_categorical_crossentropy(true, predicted),
    "ignore_class": keras.losses.SparseCategoricalCrossentropy(ignore_class=-1),
    "in a list": ["sparse_categorical_crossentropy"],
}


@pytest.mark.parametrize("loss", UNKNOWN_LOSSES.values(), ids=UNKNOWN_LOSSES)
def test_a_loss_whose_labels_we_cannot_check_is_left_to_tensorflow(loss, roads):
    labels = changed(LABELS, 10, 50)
    with pytest.raises(tf.errors.InvalidArgumentError, match="label value of 10"):
        fast_fit(build(loss=loss), IMAGES, labels)
    assert roads == ["uncompiled"]


def test_ignored_labels_are_allowed():
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)
    train_both(lambda: build(loss=loss), lambda: (IMAGES, np.where(LABELS == 0, -1, LABELS.astype(int))))


class Asserting(keras.layers.Layer):
    def call(self, inputs):
        tf.debugging.assert_less(inputs, 5.0, "too bright")
        return inputs


CHECKING_LAYERS = {
    "assertion": (lambda: [Asserting()], IMAGES, "too bright"),
    "embedding": (lambda: [keras.layers.Flatten(), keras.layers.Embedding(7, 2)], (IMAGES * 3).astype("int32"), "7"),
}


@pytest.mark.parametrize(("make_layers", "images", "message"), CHECKING_LAYERS.values(), ids=CHECKING_LAYERS)
def test_checks_that_xla_would_drop_are_kept(make_layers, images, message, roads):
    """XLA leaves assertions out and looks up row 7 of a table of seven rows as if it were the last."""
    images = changed(images, 7, (4, 0, 0, 0))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        fast_fit(build(make_layers), images, LABELS)
    assert roads == ["uncompiled"]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_pictures_that_are_not_finite_are_refused(value):
    images = changed(IMAGES, value, (7, 2, 1, 0), "float64")
    with pytest.raises(ValueError, match=r"^images\[7, 2, 1, 0\] is (nan|inf)"):
        fast_fit(build(), images, LABELS)
    with pytest.raises(ValueError, match=r"^labels\[7, 2\] is (nan|inf)"):
        fast_fit(build(loss="mse"), IMAGES, changed(ONE_HOT, value, (7, 2), "float64"))


@pytest.mark.parametrize("arguments", [{}, {"sample_weight": np.ones(EXAMPLES)}], ids=["fast", "plain"])
def test_a_loss_that_is_not_finite_any_more_is_said_once(arguments, fresh_pair):
    rates = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 1e30 if epoch == 1 else rate)
    model = build(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    model.layers[-1].activation = keras.activations.linear
    with pytest.warns(UserWarning, match="^The loss is (nan|inf) since epoch [23]:") as caught:
        history = fast_fit(model, IMAGES, ONE_HOT, epochs=3, callbacks=[rates], **arguments)
    assert len([warning for warning in caught if "loss" in str(warning.message)]) == 1
    assert len(history.history["loss"]) == 3
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        fast_fit(next(fresh_pair()), IMAGES, LABELS, **arguments)


SLIPS = {
    "numbers differ": (build, (IMAGES, LABELS[1:]), "742 images and 741 labels: "),
    "shape": (build, (IMAGES[:, 1:], LABELS), "The network takes images of shape (6, 6, 1), not (5, 6, 1)."),
    "one-hot": (build, (IMAGES, ONE_HOT), "labels of shape (742, 3) are one-hot: "),
    "text": (build, (IMAGES, np.array(["boot", "shirt", "bag"])[LABELS]), "Labels are text"),
    "not one-hot": (lambda: build(loss="categorical_crossentropy"), (IMAGES, LABELS), ""),
    "not compiled": (lambda: keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten()]), (IMAGES, LABELS), ""),
    "no labels": (build, (IMAGES,), ""),
    "list of labels": (build, (IMAGES, LABELS.tolist()), ""),
}


@pytest.mark.parametrize(("make_model", "data", "message"), SLIPS.values(), ids=SLIPS)
def test_a_beginners_slip_is_answered_more_briefly_than_by_keras(make_model, data, message):
    with pytest.raises(Exception) as plain:
        make_model().fit(*data, verbose=0)
    with pytest.raises(type(plain.value)) as fast:
        fast_fit(make_model(), *data)
    assert str(fast.value).startswith(message)
    assert len(str(fast.value)) <= max(80, len(str(plain.value)))


@pytest.mark.parametrize("method", ["evaluate", "predict"])
def test_a_wrong_shape_is_answered_without_pixels(method):
    data = (IMAGES[:, 1:], LABELS) if method == "evaluate" else (IMAGES[:, 1:],)
    with training.fast(), pytest.raises(ValueError, match="shape") as error:
        getattr(build(), method)(*data, verbose=0)
    assert len(str(error.value)) < 500
