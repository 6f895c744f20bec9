"""The benchmark's own arithmetic: what it counts, and that its NumPy network is the network it claims to be."""

import time

import keras
import numpy as np
import pytest

from benchmarks import bench_experiments, bench_training


def test_counts_the_operations_of_dense_layers():
    model = keras.Sequential(bench_training.mlp())
    first, second, third = 2 * 784 * 128, 2 * 128 * 64, 2 * 64 * 10
    assert bench_training.operations_per_example(model) == 2 * first + 3 * second + 3 * third


def test_counts_the_operations_of_convolutions():
    layers = [keras.Input((6, 6, 1)), keras.layers.Conv2D(4, 3), keras.layers.Conv2D(5, 3)]
    first, second = 2 * (3 * 3 * 1 * 4) * 4 * 4, 2 * (3 * 3 * 4 * 5) * 2 * 2
    assert bench_training.operations_per_example(keras.Sequential(layers)) == 2 * first + 3 * second


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_numpy_by_hand_learns_as_keras_does(dropout):
    rng = np.random.default_rng(0)
    labels = rng.integers(10, size=640)
    images = rng.random((640, 28, 28), "float32") * 0.2
    images[np.arange(640), labels] += 0.5  # class i: a brighter row i
    keras.utils.set_random_seed(0)
    arguments = (lambda: bench_training.mlp(dropout), images, labels, 32, 8)
    times, by_hand = bench_training.numpy_by_hand(*arguments)
    _, by_keras = bench_training.plain_fit(*arguments)
    assert len(times) == 8
    # Different random orders, so not the same number; a wrong gradient would leave the loss near ln 10 = 2.3.
    assert by_hand == pytest.approx(by_keras, rel=0.5, abs=0.05)
    assert by_hand < 1.0


def test_a_star_marks_a_missed_mark():
    def row(way, seconds, times_plain, share):
        return {
            "case": "MLP, batch 32",
            "way": way,
            "first_epoch_seconds": 9.0,
            "seconds_an_epoch": seconds,
            "seconds_for_ten_epochs": 9.0 + 9 * seconds,
            "images_a_second": 60_000 / seconds,
            "times_plain_fit": times_plain,
            "share_of_floor_rate": share,
        }

    def marks(times_plain, share):
        rows = [row("plain fit", 8.0, 1.0, 0.03), row("training.fast", 8.0 / times_plain, times_plain, share)]
        table = bench_training.report(rows, [1e11], {})
        return next(line for line in table.splitlines() if line.startswith("training.fast")).count("*")

    assert [marks(11, 0.5), marks(9, 0.5), marks(11, 0.3), marks(9, 0.3)] == [0, 1, 1, 2]


@pytest.mark.parametrize("way", [bench_training.plain_fit, bench_training.fast_fit])
def test_every_way_is_timed_by_the_epoch(way):
    images = np.random.default_rng(0).random((64, 28, 28), "float32")
    times, loss = way(bench_training.mlp, images, np.arange(64) % 10, 32, 3)
    assert len(times) == 3 and min(times) > 0
    assert loss == pytest.approx(np.log(10), rel=0.3)


def test_the_table_of_a_tiny_run(monkeypatch):
    data = np.zeros((64, 28, 28), "uint8"), np.zeros(64, "uint8")
    monkeypatch.setattr(bench_training.data, "load_train", lambda: data)
    monkeypatch.setattr(bench_training, "matrix_product_rate", lambda: 1e11)
    case = "TensorFlow's tutorial, batch 32"
    rows, rates = bench_training.measure({case: bench_training.CASES[case]}, 1, 2, quick=True)
    assert [row["way"] for row in rows] == ["plain fit", "training.fast"]
    assert "training.fast" in bench_training.report(rows, rates, bench_training.machine())


# --- Networks an hour -------------------------------------------------------------------------------------------------


@pytest.fixture
def made_up_data(monkeypatch, use_data, tmp_path):
    monkeypatch.setenv("FASHION_ARTIFACTS", str(tmp_path))
    monkeypatch.setattr(bench_experiments, "load", lambda: (np.zeros((64, 28, 28), "float32"), np.zeros(64, "uint8")))


@pytest.mark.parametrize("case", ["MLP", "CNN"])
@pytest.mark.parametrize("way", ["one process, all threads", "0 workers"])
def test_every_way_trains_every_case(case, way, made_up_data, monkeypatch):
    monkeypatch.setenv("FASHION_WORKERS", bench_experiments.WAYS[way] or "")
    assert 0 < bench_experiments.train(case, way, 1) < 60


def test_simulated_workers_work_side_by_side(made_up_data, monkeypatch):
    monkeypatch.setattr(bench_experiments, "SIMULATED_SECONDS", 0.2)
    start = time.monotonic()
    seconds = bench_experiments.simulate(10, 30)  # 3 runs for each worker, where one alone would take 6 s
    assert 0.6 <= seconds <= time.monotonic() - start
    assert seconds < 5


def test_the_rates_are_compared_with_the_first_way():
    rows = [
        {"case": "MLP", "way": way, "runs": 40, "seconds": s, "networks_an_hour": 144_000 / s, "times": 100 / s}
        for way, s in zip(bench_experiments.WAYS, (100, 125, 130, 80), strict=True)
    ]
    simulated = [{"workers": 10, "runs": 100, "runs_a_second": 9.9, "share_of_ideal": 0.99}]
    lines = bench_experiments.report(rows, simulated, {}).splitlines()
    assert [line.split() for line in lines if line.startswith("2 workers")] == [
        ["2", "workers", "80.0", "1,800", "1.25*"]
    ]
    assert lines[-1].split() == ["10", "100", "9.9", "99%"]
