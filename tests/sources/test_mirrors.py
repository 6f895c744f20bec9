"""The cache and the mirrors: every fault there is, against a server on this machine."""

import os
import socket
import subprocess
import sys
import threading
import time
import tracemalloc

from data_fixtures import FAULTS, IMAGES, TEST_LABELS, TRAIN_LABELS, listing, make_world
from fashion_utils import data
from fashion_utils.sources import files, finding, mirrors
from mirror_server import SENDS, Mirror
import pytest


@pytest.fixture
def world(tmp_path, monkeypatch):
    return make_world(tmp_path, monkeypatch)


def use(monkeypatch, *mirrors):
    monkeypatch.setattr(finding, "MIRRORS", tuple(mirror.url for mirror in mirrors))


def test_download_fills_the_cache(world, monkeypatch, capsys):
    with Mirror(world.contents) as mirror:
        use(monkeypatch, mirror)
        assert data.source().origin == "downloaded"
    assert listing(world.cache) == world.contents
    out, err = capsys.readouterr()
    assert f"{IMAGES}: " in out and err == ""  # the progress bar
    data._prepared = None
    assert data.source().origin == "from the Keras cache"


def test_only_what_is_missing_is_downloaded(world, monkeypatch):
    world.fill(world.cache, without=[TRAIN_LABELS])
    with Mirror(world.contents) as mirror:
        use(monkeypatch, mirror)
        assert data.source().origin == "downloaded"
    assert set(mirror.requested) == {TRAIN_LABELS, TEST_LABELS}  # the latter to see whether the mirror works


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_in_the_cache_is_set_aside_and_fetched_again(world, monkeypatch, capsys, fault):
    bad = FAULTS[fault](world.contents[IMAGES])
    (world.fill(world.cache) / IMAGES).write_bytes(bad)
    with Mirror(world.contents) as mirror:
        use(monkeypatch, mirror)
        assert data.source().origin == "downloaded"
    there = listing(world.cache)
    (aside,) = set(there) - set(world.contents)
    assert aside.startswith(f"{IMAGES}.bad-") and there.pop(aside) == bad
    assert there == world.contents
    assert f"In the Keras cache, {IMAGES} is not the expected file" in capsys.readouterr().out


def test_fault_in_the_cache_without_a_mirror(world):
    """Never used, and no longer under a name that Keras itself would read."""
    (world.fill(world.cache) / IMAGES).write_bytes(b"")
    assert data.source().kind == "stand-in"
    assert not (world.cache / IMAGES).exists() and (world.cache / TRAIN_LABELS).exists()


@pytest.mark.parametrize("behaviour", ["404", "wrong", "short", "hang", "half"])
@pytest.mark.parametrize("affected", [None, {IMAGES}], ids=["all files", "a later file"])
def test_next_mirror(world, monkeypatch, behaviour, affected):
    monkeypatch.setattr(mirrors, "TIMEOUTS", (1, 0.3))
    started = threading.Event()
    with Mirror(world.contents, behaviour, affected) as bad, Mirror(world.contents) as good:
        if affected:  # the bad one answers first, and is found out later
            answer = good._answer
            good._answer = lambda request: (started.wait(10), answer(request))
            bad_answer = bad._answer
            bad._answer = lambda request: (IMAGES in request.path and started.set(), bad_answer(request))
        use(monkeypatch, bad, good)
        assert data.source().origin == "downloaded"
        if affected:
            assert bad.requested.count(IMAGES) == 1  # and is not asked for the others after that
            assert set(bad.requested) == {IMAGES, TEST_LABELS}
            assert bad.hanging == (behaviour in ("hang", "half"))  # given up, not waited for
    assert listing(world.cache) == world.contents


WHEN_ASKED_FIRST = ("a body without end", "drops", "continue without end", "a redirect to nowhere", "nothing")


@pytest.mark.parametrize(
    ("sends", "affected"),
    [pytest.param(sends, {IMAGES}, id=sends) for sends in SENDS]
    + [pytest.param(sends, None, id=f"{sends}, for every file") for sends in WHEN_ASKED_FIRST],
)
def test_whatever_a_mirror_sends_costs_little_and_the_next_is_asked(world, monkeypatch, capsys, sends, affected):
    monkeypatch.setattr(mirrors, "_trusted", lambda: None)  # no certificates here, and they take a while to load
    started = time.monotonic()
    tracemalloc.start()
    with Mirror(world.contents, sends, affected) as bad:
        monkeypatch.setattr(mirrors, "START", 0.2)
        monkeypatch.setattr(mirrors, "SLOWEST", 10**5)
        monkeypatch.setitem(finding.PATIENCE, "auto", 4 if affected else 0.4)
        use(monkeypatch, bad)
        assert data.source().kind == "stand-in"
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert time.monotonic() - started < 30  # it was without end
        assert most < 2 * finding.SIZES[IMAGES] + 8e6  # an answer of a hundred headers of 64 KB each is the most
        until(lambda: bad.feeding == 0)  # the connection is closed, not only left alone
        out = capsys.readouterr().out
        assert f"no mirror delivered {IMAGES if affected else next(iter(finding.FILES))} (127.0.0.1:{bad.port}: " in out
        assert len(out.split("(127.0.0.1:")[1].split(")")[0]) < 150 and "\x1b" not in out.replace("\x1b[A", "")
        monkeypatch.setattr(mirrors, "START", 1)  # for the good one
        monkeypatch.setitem(finding.PATIENCE, "auto", 20)
        with Mirror(world.contents) as good:
            use(monkeypatch, bad, good)
            assert data._find().origin == "downloaded"
    assert listing(world.cache) == world.contents


def until(condition):
    """Wait until it is true, half a minute at most."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("behaviour", ["redirect", "no length", "nonsense length"])
def test_what_a_browser_bears_is_borne(world, monkeypatch, behaviour):
    with Mirror(world.contents, behaviour) as mirror:
        use(monkeypatch, mirror)
        assert data.source().origin == "downloaded"
    assert listing(world.cache) == world.contents


def test_a_slow_mirror_is_borne_for_as_long_as_the_file_needs_at_the_slowest_rate(world, monkeypatch, capsys):
    """The total time is bounded, though every packet comes in time."""
    monkeypatch.setattr(mirrors, "START", 0.5)
    monkeypatch.setattr(mirrors, "SLOWEST", 1)
    monkeypatch.setitem(SENDS, "drops", (SENDS["drops"][0], world.contents[IMAGES][:1], 0.05))
    with Mirror(world.contents, "drops", {IMAGES}) as slow:
        use(monkeypatch, slow)
        started = time.monotonic()
        thread = threading.Thread(target=data.source)
        thread.start()
        thread.join(2)
        assert thread.is_alive()  # twenty bytes a second are enough
        monkeypatch.setattr(mirrors, "SLOWEST", 1000)
        thread.join(30)
        assert not thread.is_alive() and time.monotonic() - started < 30
    assert "too slow, " in capsys.readouterr().out


def test_refused_connection(world, monkeypatch):
    with Mirror(world.contents) as closed:
        pass
    with Mirror(world.contents) as good:
        use(monkeypatch, closed, good)
        assert data.source().origin == "downloaded"


def test_no_mirror_means_the_stand_in_with_the_reasons(world, monkeypatch, capsys):
    with Mirror(world.contents, "404") as first, Mirror(world.contents, "wrong") as second:
        use(monkeypatch, first, second)
        assert data.source().kind == "stand-in"
    out = " ".join(capsys.readouterr().out.replace("!!", "").split())
    assert f"no mirror delivered {IMAGES}" in out and "HTTP 404" in out and "other bytes" in out
    assert "when a mirror can be reached" in out and "set FASHION_MNIST_DIR" in out
    assert not world.cache.exists()


def test_mirrors_that_hang_are_not_waited_for(world, monkeypatch):
    assert finding.PATIENCE["auto"] <= 5  # and at most 10 s to draw: the stand-in is there within 15 s
    monkeypatch.setitem(finding.PATIENCE, "auto", 0.5)
    with Mirror(world.contents, "hang") as first, Mirror(world.contents, "half") as second:
        use(monkeypatch, first, second)
        assert data.source().kind == "stand-in"
        assert first.hanging == second.hanging == 1


def test_name_server_that_hangs_is_not_waited_for(world, monkeypatch, capsys):
    over, waiting = threading.Event(), threading.Event()

    def look_up(*args, **kwargs):
        waiting.set()
        over.wait(30)
        waiting.clear()
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(finding, "MIRRORS", ("http://mirror.invalid/",))
    monkeypatch.setitem(finding.PATIENCE, "auto", 0.5)
    assert data.source().kind == "stand-in"
    assert waiting.is_set()
    over.set()
    assert "mirror.invalid: no complete answer in 0.5 s" in capsys.readouterr().out


def test_stand_in_for_want_of_a_network_gives_way_when_it_is_back(world, monkeypatch):
    assert data.source().kind == "stand-in"
    with Mirror(world.contents) as mirror:
        use(monkeypatch, mirror)
        assert data._find().origin == "downloaded"


def test_real_data_required_but_out_of_reach(world, monkeypatch):
    monkeypatch.setenv("FASHION_DATA", "real")
    with Mirror(world.contents, "404") as mirror:
        use(monkeypatch, mirror)
        with pytest.raises(data.DataError) as caught:
            data.source()
    for part in ("real data cannot be had", "HTTP 404", "set FASHION_MNIST_DIR", mirror.url, *finding.FILES):
        assert part in str(caught.value)
    assert world.times_drawn == 0


def test_read_only_cache_with_good_files(world):
    world.fill(world.cache).chmod(0o555)
    assert data.source().origin == "from the Keras cache"
    assert listing(world.cache) == world.contents
    world.cache.chmod(0o755)


@pytest.mark.parametrize("cache", ["empty", "with a bad file"])
def test_read_only_cache_without_good_files(world, monkeypatch, capsys, cache):
    world.cache.mkdir(parents=True)
    if cache == "with a bad file":
        (world.fill(world.cache) / IMAGES).write_bytes(b"bad")
    before = listing(world.cache)
    make_read_only(world.cache, monkeypatch)
    with Mirror(world.contents) as mirror:
        use(monkeypatch, mirror)
        assert data.source().origin == "downloaded"
        assert len(data.load_train()[0]) == 600
    assert listing(world.cache) == before
    assert "kept only until this process ends" in capsys.readouterr().out


def make_read_only(folder, monkeypatch):
    """Refuse every change under a folder, to root too, whom permissions do not stop."""

    def refusing(function):
        def refuse(path, *args, **kwargs):
            if os.fspath(path).startswith(str(folder)):
                raise PermissionError(13, "Permission denied", str(path))
            return function(path, *args, **kwargs)

        return refuse

    monkeypatch.setattr(os, "replace", refusing(os.replace))
    monkeypatch.setattr(files.Path, "write_bytes", refusing(files.Path.write_bytes))


def test_cache_that_cannot_be_made(world, tmp_path, monkeypatch, capsys):
    (tmp_path / "keras").write_text("a file in the way")
    with Mirror(world.contents) as mirror:
        use(monkeypatch, mirror)
        assert data.source().origin == "downloaded"
        assert len(data.load_train()[0]) == 600
    assert "kept only until this process ends" in capsys.readouterr().out


def test_two_processes_at_once(world):
    with Mirror(world.contents, "meet", {IMAGES}) as mirror:
        processes = [world.start(mirror), world.start(mirror)]
        results = [process.communicate(timeout=60) for process in processes]
    assert [(out.splitlines()[-1], err) for out, err in results] == [("downloaded 600", "")] * 2
    assert mirror.requested.count(IMAGES) == 2
    assert listing(world.cache) == world.contents


def test_process_killed_in_mid_download(world):
    with Mirror(world.contents, "half", {IMAGES}) as mirror:
        process = world.start(mirror)
        assert mirror.half_sent.wait(timeout=60)
        process.kill()
        process.communicate()
    assert not (world.cache / IMAGES).exists()
    with Mirror(world.contents) as mirror:
        out, err = world.start(mirror).communicate(timeout=60)
    assert (out.splitlines()[-1], err) == ("downloaded 600", "")
    assert listing(world.cache) == world.contents


def test_no_word_on_stderr_in_a_notebook_without_ipywidgets():
    # By the imported module tqdm decides that it is in a notebook; then it wants ipywidgets, which we do not need.
    program = """
import ipykernel.zmqshell
from fashion_utils.sources import files, mirrors
try:
    list(mirrors.download({"file": ("0", 1)}, ("http://127.0.0.1:9/",), {"file": ("0", 1)}, patience=5))
except files.Unreachable:
    print("no mirror")
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (run.stdout, run.stderr) == ("no mirror\n", "")
