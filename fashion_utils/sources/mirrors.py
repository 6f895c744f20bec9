"""Download files from the first of several mirrors that deliver them whole and right.

The downloads go through urllib, as Keras' own do, and so through the same proxies. Whatever a mirror sends, or somebody
who answers in its place, costs no more memory than the file's own size and no more time than is allowed here.
"""

from collections.abc import Iterator
import contextlib
import hashlib
import os
import queue
import socket
import ssl
import sys
import threading
import time
import urllib.error
from urllib.parse import urlsplit
import urllib.request

from fashion_utils.sources.files import Unreachable

TIMEOUTS = (3, 10)  # seconds to connect, and between two packets
SLOWEST = 20_000  # bytes a second on average, after a start of so many seconds; whoever is slower is given up
START = 20

Wanted = dict[str, tuple[str, int]]  # name: SHA-256, size in bytes


def download(files: Wanted, mirrors: tuple, probe: Wanted, patience: float) -> Iterator[tuple[str, bytes]]:
    """Yield name and verified bytes of each file, with a progress bar on stdout; Unreachable when no mirror is left.

    All mirrors, URLs that end in a slash, are first asked at the same time for one small file, the probe, and whoever
    delivers it whole and right soonest serves the rest; one that fails later is left for the next. That way neither a
    mirror nor a name server that hangs costs more than `patience`, in seconds.
    """
    failures = dict.fromkeys(mirrors, _Failed(f"no complete answer in {patience:g} s"))
    left, trusted = dict(files), _trusted()
    for mirror in _answering_mirrors(mirrors, probe, patience, failures, trusted):
        try:
            for name in list(left):
                yield name, _get(mirror + name, *left[name], trusted)
                del left[name]
            return
        except Exception as error:
            failures[mirror] = error
    reasons = "; ".join(f"{urlsplit(url).netloc}: {_reason(error)}" for url, error in failures.items())
    remedies = "".join(sorted({f"; {remedy}" for error in failures.values() if (remedy := _remedy(error))}))
    raise Unreachable(f"no mirror delivered {next(iter(left))} ({reasons}){remedies}")


def _answering_mirrors(mirrors, probe, patience, failures, trusted) -> Iterator[str]:
    """Yield the mirrors that deliver the probe within `patience`, quickest first; note the failures of the others."""
    ended = queue.SimpleQueue()
    ((name, (sha256, size)),) = probe.items()
    asked = {_Transfer(mirror + name, sha256, size, trusted, ended): mirror for mirror in mirrors}
    deadline = time.monotonic() + patience
    try:
        with contextlib.suppress(queue.Empty):
            for _ in asked:
                transfer = ended.get(timeout=max(0, deadline - time.monotonic()))
                if transfer.failure is None:
                    yield asked[transfer]
                else:
                    failures[asked[transfer]] = transfer.failure
    finally:
        for transfer in asked:
            transfer.cut()


def _get(url: str, sha256: str, size: int, trusted: ssl.SSLContext) -> bytes:
    """Download into memory, so that one killed half-way leaves nothing on the disk. Raises what went wrong."""
    from tqdm import tqdm

    # On stdout, for tqdm's own choice, stderr, does not belong in a saved notebook.
    look = {"desc": url.rpartition("/")[2], "unit": "B", "unit_scale": True, "ncols": 79, "leave": False}
    started, transfer = time.monotonic(), _Transfer(url, sha256, size, trusted, queue.SimpleQueue())
    try:
        with tqdm(total=size, file=sys.stdout, **look) as bar:
            while transfer.is_alive():
                transfer.join(0.1)
                bar.update(len(transfer.content) - bar.n)
                if len(transfer.content) < SLOWEST * (time.monotonic() - started - START):
                    raise _Failed(f"too slow, {len(transfer.content):,} bytes in {time.monotonic() - started:.0f} s")
    finally:
        transfer.cut()
    if transfer.failure is not None:
        raise transfer.failure
    return bytes(transfer.content)


class _Failed(Exception):
    """What is wrong with what a mirror sent, in words."""


class _Transfer(threading.Thread):
    """A file on its way into `content`, in a thread that nobody waits for: a name server can hold it for minutes.

    Once it has ended, and put itself into the queue `ended`, `failure` is None or the error; then `content` is right.
    """

    def __init__(self, url: str, sha256: str, size: int, trusted: ssl.SSLContext, ended: queue.SimpleQueue):
        super().__init__(daemon=True)
        self.content, self.failure = bytearray(), None
        self._wanted, self._trusted, self._ended = (url, sha256, size), trusted, ended
        self._sockets, self._is_cut = [], False
        self.start()

    def run(self):
        try:
            self._receive(*self._wanted)
        except Exception as error:  # there is nothing that a mirror cannot make urllib raise
            self.failure = error
        self._ended.put(self)

    def _receive(self, url, sha256, size):
        handlers = (urllib.request.ProxyHandler(_proxies()), _Handler(self._trusted, self._note), _Redirects)
        opener = urllib.request.build_opener(*handlers)
        with opener.open(url, timeout=TIMEOUTS[1]) as response:
            while part := response.read1(2**16):
                self.content += part
                if len(self.content) > size:
                    raise _Failed(f"more than the original's {size:,} bytes")
        if hashlib.sha256(self.content).hexdigest() != sha256:
            raise _Failed(f"other bytes than the original's, {len(self.content):,} of them instead of {size:,}")

    def _note(self, connection):
        self._sockets.append(connection)
        if self._is_cut:
            raise _Failed("given up")

    def cut(self):
        """End the thread, if it runs: no loop in urllib that a mirror feeds goes on without a socket."""
        self._is_cut = True
        for connection in self._sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(urllib.request.HTTPHandler, urllib.request.HTTPSHandler):
    """urllib's own two, but that a connection has a time limit of its own and is then passed to `note`."""

    def __init__(self, trusted, note):
        urllib.request.HTTPSHandler.__init__(self, context=trusted)
        self._note = note

    def do_open(self, http_class, request, **options):
        def make(*arguments, **more):
            connection = http_class(*arguments, **more)
            connect = connection.connect

            def connect_and_note():
                connection.timeout, between_packets = TIMEOUTS[0], connection.timeout
                connect()
                connection.sock.settimeout(between_packets)
                self._note(connection.sock)

            connection.connect = connect_and_note
            return connection

        return super().do_open(make, request, **options)


class _Redirects(urllib.request.HTTPRedirectHandler):
    def http_error_302(self, request, response, *details):
        response.close()  # or urllib would read what comes with a redirect to its end, which it may not have
        return super().http_error_302(request, response, *details)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _proxies() -> dict[str, str]:
    """Those of the environment, or the system's, by scheme; ALL_PROXY, which pip follows and urllib does not, too."""
    found = urllib.request.getproxies()
    for_all = found.pop("all", "")
    return ({"http": for_all, "https": for_all} if for_all.startswith("http") else {}) | found


def _trusted() -> ssl.SSLContext:
    """Trust whom Keras trusts (SSL_CERT_FILE, the system's store), pip and requests too, and certifi's everywhere."""
    import certifi

    # This is ssl.create_default_context() but for VERIFY_X509_STRICT, which Python 3.13 sets in it and which refuses
    # many a proxy; what comes is checked against its SHA-256 in any case.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.set_alpn_protocols(["http/1.1"])  # as urllib does
    with contextlib.suppress(OSError):  # a store of Windows' with a certificate that cannot be read
        context.load_default_certs()
    # Not every Python finds a store of the system's: on macOS, many do not.
    for given in (certifi.where(), os.environ.get("REQUESTS_CA_BUNDLE"), os.environ.get("CURL_CA_BUNDLE")):
        with contextlib.suppress(OSError):  # no such file, or no certificate in it
            if given:
                context.load_verify_locations(**{"capath" if os.path.isdir(given) else "cafile": given})
    return context


def _reason(error: Exception) -> str:
    """Say in a few words what went wrong; what a mirror itself says is cut short, and has no control characters."""
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    cause = _cause(error)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is refused, {cause.verify_message}"
    if isinstance(cause, TimeoutError):
        return "no answer"
    text = "".join(filter(str.isprintable, str(cause)))[:100]
    return text if text and isinstance(cause, _Failed | OSError) else f"{type(cause).__name__} {text}".strip()


def _remedy(error: Exception) -> str:
    """Say what to do about a refused certificate; "" about anything else."""
    cause = _cause(error)
    if not isinstance(cause, ssl.SSLCertVerificationError):
        return ""
    if "expired" in cause.verify_message or "not yet valid" in cause.verify_message:
        return "check the date of this machine, by which the certificate is not valid"
    given = os.environ.get("SSL_CERT_FILE", "")
    wrong = f" (now it is {given}, and there is no such file)" if given and not os.path.isfile(given) else ""
    return f"set SSL_CERT_FILE to a file with the certificate of whoever inspects this network's traffic, as PEM{wrong}"


def _cause(error: Exception) -> Exception:
    return error.reason if isinstance(getattr(error, "reason", None), Exception) else error
