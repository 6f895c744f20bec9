"""Who carries out the runs: a pool of processes on this machine, or whatever executor is given."""

from collections.abc import Callable, Hashable, Iterator, Mapping
import concurrent.futures
import itertools
import math
import os
import queue
import threading
import time
import warnings

from fashion_utils import free_memory
from fashion_utils.experiments import worker
from joblib.externals import loky

MEMORY = 1.2e9  # bytes that a process with TensorFlow and the data takes
START_SECONDS = 5  # what it takes to start one
IDLE_SECONDS = 120  # after which a process that has nothing to do ends
SHOWN_EVERY = 0.5  # seconds
_pool = None


class Pool(concurrent.futures.ThreadPoolExecutor):
    """Processes that take one call each at a time; one that dies takes only its own call with it.

    Each thread of this executor looks after one process, an executor of loky's with a single worker: in a common one, a
    death ends them all. Loky starts it with the first call, and again after it has been idle.
    """

    def __init__(self, workers: int):
        super().__init__(workers, "fashion-pool")
        self.workers, self.last_used = workers, -float("inf")
        self._own, self._processes = threading.local(), set()
        # That is when it has just been idle for long enough; its job is done all the same.
        warnings.filterwarnings("ignore", "A worker stopped while some jobs were given", UserWarning)

    def submit(self, function, /, *arguments):
        self.last_used = time.monotonic()
        return super().submit(self._in_a_process, function, *arguments)

    def _in_a_process(self, function, *arguments):
        if getattr(self._own, "process", None) is None:
            starting = {"initializer": worker.start, "initargs": (os.getpid(),)}
            self._own.process = loky.ProcessPoolExecutor(1, timeout=IDLE_SECONDS, **starting)
            self._processes.add(self._own.process)
        try:
            return self._own.process.submit(function, *arguments).result()
        except (concurrent.futures.BrokenExecutor, worker.Refused):  # the second may be one with code from before
            self._processes.discard(self._own.process)
            self._own.process.shutdown(wait=False, kill_workers=True)
            self._own.process = None
            raise
        finally:
            self.last_used = time.monotonic()

    def is_warm(self) -> bool:
        """Return whether its processes are still there, so that they need not be started."""
        return time.monotonic() - self.last_used < IDLE_SECONDS - START_SECONDS

    def end(self) -> None:
        """End all processes at once, whatever they are at."""
        self.shutdown(wait=False, cancel_futures=True)
        for process in tuple(self._processes):
            process.shutdown(wait=True, kill_workers=True)


def of_this_machine(runs: int, seconds: float | None, alike: bool) -> Pool | None:
    """Return the pool for so many runs, None if this process had better do them itself.

    `seconds` is how long one takes, None if nobody knows yet, 0 if it does not matter; `alike` whether this process
    would get the same numbers. FASHION_WORKERS says how many processes there are, 0 for none; without it there are as
    many as cores and memory allow, and if alike only where that gains more time than starting them costs. Raises
    ValueError for a nonsense FASHION_WORKERS.
    """
    given = os.environ.get("FASHION_WORKERS", "").strip()
    if given and not (given.isascii() and given.isdecimal()):
        raise ValueError(f"FASHION_WORKERS={given} is to be a whole number: of processes, or 0 for none.")
    if given:
        return _kept(int(given)) if int(given) else None
    workers, start = min(loky.cpu_count(), int(free_memory()[0] // MEMORY)), START_SECONDS
    if _pool is not None and _pool.is_warm():
        workers, start = _pool.workers, 0
    at_once = min(workers, runs)
    gain = math.inf if seconds is None else runs * seconds * (1 - 1 / at_once) if at_once else 0
    if not workers or (alike and (at_once < 2 or gain <= start)):
        return None
    return _kept(workers)


def _kept(workers: int) -> Pool:
    """Return the pool with so many processes, one for all calls."""
    global _pool
    if _pool is None or _pool.workers != workers:
        end()
        _pool = Pool(workers)
    return _pool


def end() -> None:
    """End the pool, if there is one; the next call that needs one starts another."""
    global _pool
    if _pool is not None:
        _pool.end()
    _pool = None


def hand_out(
    jobs: Mapping[Hashable, worker.Job], executor: concurrent.futures.Executor, tell: Callable[[list], None]
) -> Iterator[tuple[Hashable, worker.Answer]]:
    """Have an executor do the jobs; yield the name of each and its answer, as they come in.

    A job whose worker died, or was refused, is tried once more. `tell` is called again and again with the names of some
    of those that are running, as far as the executor says. On an interrupt, what is done is yielded, then it is raised.
    """
    futures, done, tried = {}, queue.SimpleQueue(), set()

    def submit(name):
        try:
            future = executor.submit(worker.work, jobs[name])
        except Exception as error:  # it has been shut down, or a death broke it for good
            future = concurrent.futures.Future()
            future.set_exception(error)
        futures[future] = name
        future.add_done_callback(done.put)

    def answers(wait):
        while futures:
            try:
                future = done.get(wait, SHOWN_EVERY)
            except queue.Empty:
                return
            name = futures.pop(future)
            error = None if future.cancelled() else future.exception()
            if error is None and not future.cancelled():
                yield name, future.result()
            elif name in tried:
                yield name, worker.Answer(error=_in_words(error))
            else:
                tried.add(name)
                submit(name)

    try:
        for name in jobs:
            submit(name)
        shown_at = 0
        while futures:
            if time.monotonic() - shown_at > SHOWN_EVERY:
                shown_at = time.monotonic()
                tell(list(itertools.islice((name for future, name in futures.items() if future.running()), 9)))
            yield from itertools.islice(answers(wait=True), 1)
    except KeyboardInterrupt:
        tried.update(jobs)
        yield from ((name, answer) for name, answer in answers(wait=False) if answer.error is None)
        raise
    finally:
        for future in futures:
            future.cancel()


def _in_words(error) -> Exception:
    if error is None:
        return RuntimeError("The executor cancelled it.")
    if isinstance(error, concurrent.futures.BrokenExecutor) or type(error).__name__ == "KilledWorker":
        words = f"The worker died, twice, perhaps for want of memory ({type(error).__name__}: {error})"
        return RuntimeError(words)
    return error
