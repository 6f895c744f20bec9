"""A mirror of the data files on 127.0.0.1, well or ill behaved, and a proxy in front of it."""

import contextlib
import gzip
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import select
import socket
import ssl
import threading
import time

WEB_PAGE = b"<!DOCTYPE html><html><body>Please log in to the wireless network.</body></html>"
OK, MOVED = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 302 Found\r\n"

# What a mirror can send instead of a file, in bytes: once, then again and again with a pause of so many seconds.
SENDS = {
    "a body without end": (OK + b"\r\n", bytes(2**16), 0),
    "a body without end and a nonsense length": (OK + b"Content-Length: many\r\n\r\n", bytes(2**16), 0),
    "chunks without end": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + bytes(4096) + b"\r\n", 0),
    "a chunk of nonsense": (OK + b"Transfer-Encoding: chunked\r\n\r\nmany\r\n", b"", 0),
    "trailers without end": (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"Trailer: yes\r\n", 0),
    "a gzip bomb": (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(10**8)), b"", 0),
    "a gzip bomb without end": (OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(bytes(10**7)), 0),
    "a length of its own": (OK + b"Content-Length: -5\r\n\r\n" + WEB_PAGE, b"", 0),
    "drops": (OK + b"Content-Length: 1000000\r\n\r\n", b"x", 0.05),
    "drops of a header": (OK, b"x", 0.05),
    "headers without end": (OK, b"Header: yes\r\n", 0),
    "a header without end": (OK + b"Header: ", bytes(2**16), 0),
    "continue without end": (b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0),
    "no status": (b"HTTP/1.1 many things\r\n\r\n", b"", 0),
    "nothing": (b"", b"", 0),
    "no HTTP": (b"\x1b[31m\0\xff" * 100 + b"\r\n\r\n", b"", 0),
    "a redirect to nowhere": (MOVED + b"Location: http://[nowhere/\r\n\r\n", b"", 0),
    "a redirect to a port that is none": (MOVED + b"Location: http://127.0.0.1:many/\r\n\r\n", b"", 0),
    "a redirect to a file": (MOVED + b"Location: file:///etc/passwd\r\n\r\n", b"", 0),
    "a redirect without a target": (MOVED + b"\r\n", b"", 0),
    "a redirect to itself": (MOVED + b"Location: ?\r\n\r\n", b"", 0),
    "a redirect with a body without end": (MOVED + b"Location: ?\r\n\r\n", bytes(2**16), 0),
    "another with one": (b"HTTP/1.1 301 Moved Permanently\r\nLocation: ?\r\n\r\n", bytes(2**16), 0),
}


class Mirror:
    """Serve `files` (name to content) while the `with` block runs, at `url`.

    behaviour, for all files or only for those named in `affected`, is one of `SENDS` or

    "ok"        sends the file
    "404"       says there is none
    "wrong"     sends a web page instead, with status 200
    "short"     sends half of the file and closes the connection
    "half"      sends half of the file, sets the event `half_sent` and sends nothing more
    "hang"      accepts the connection and sends nothing
    "meet"      waits until two requests for it are open, then sends the file to both
    "redirect"  sends one to where the file is
    "no length" sends the file without its length, "nonsense length" with one that is no number

    `requested` lists the names asked for, `hanging` counts the requests that are being kept waiting (10 s at most),
    `feeding` those that are being sent something without end. certificate: a file with a key and a certificate, for
    HTTPS.
    """

    def __init__(self, files, behaviour="ok", affected=None, certificate=None):
        self.files, self.behaviour, self.affected = files, behaviour, affected or set(files)
        self.requested, self.hanging, self.feeding, self._certificate = [], 0, 0, certificate
        self.half_sent, self._closing, self._meeting = threading.Event(), threading.Event(), threading.Barrier(2)

    def __enter__(self):
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                mirror._answer(self)

            def log_message(self, *args):
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                pass  # a client that cuts the connection is what many tests are about

        self._server = Server(("127.0.0.1", 0), Handler)
        if self._certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._certificate)
            # The handshake in the thread of the request, where one that fails harms no other.
            how = {"server_side": True, "do_handshake_on_connect": False}
            self._server.socket = context.wrap_socket(self._server.socket, **how)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = self._server.server_port
        self.url = f"http{'s' * bool(self._certificate)}://127.0.0.1:{self.port}/"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request):
        name = request.path.lstrip("/").removeprefix("moved/").rstrip("?")
        self.requested.append(name)
        behaviour = self.behaviour if name in self.affected else "ok"
        content = self.files[name]
        if behaviour in SENDS:
            self._feed(request, *SENDS[behaviour])
            return
        if behaviour == "hang":
            self._wait()
            return
        if behaviour == "404":
            request.send_error(404)
            return
        if behaviour == "redirect" and not request.path.startswith("/moved/"):
            request.send_response(302)
            request.send_header("Location", f"/moved/{name}")
            request.end_headers()
            return
        if behaviour == "wrong":
            content = WEB_PAGE
        if behaviour == "meet":
            self._meeting.wait(timeout=30)
        request.send_response(200)
        if behaviour != "no length":
            request.send_header("Content-Length", "many" if behaviour == "nonsense length" else str(len(content)))
        request.end_headers()
        if behaviour in ("short", "half"):
            request.wfile.write(content[: len(content) // 2])
            request.wfile.flush()
            if behaviour == "half":
                self.half_sent.set()
                self._wait()
            return
        request.wfile.write(content)

    def _feed(self, request, once, again, pause):
        self.feeding += 1
        try:
            request.connection.sendall(once)
            while again and not self._closing.is_set():
                request.connection.sendall(again)
                time.sleep(pause)
        finally:
            self.feeding -= 1

    def _wait(self):
        self.hanging += 1
        self._closing.wait(timeout=10)
        self.hanging -= 1


class Proxy:
    """A proxy on 127.0.0.1, at `url` while the `with` block runs, that takes every CONNECT to one port of this machine.

    `connected` lists the hosts asked for. With a `refusal`, such as "407 Proxy Authentication Required", it says that.
    """

    def __init__(self, port, refusal=""):
        self._port, self._refusal, self.connected = port, refusal, []

    def __enter__(self):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self._listening.close()

    def _serve(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                threading.Thread(target=self._relay, args=(self._listening.accept()[0],), daemon=True).start()

    def _relay(self, client):
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += client.recv(4096)
        self.connected.append(asked.split()[1].decode())
        client.sendall(b"HTTP/1.0 %s\r\n\r\n" % (self._refusal or "200 OK").encode())
        if self._refusal:
            client.close()
            return
        with client, socket.create_connection(("127.0.0.1", self._port)) as server, contextlib.suppress(OSError):
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    if not (part := ready.recv(2**16)):
                        return
                    (server if ready is client else client).sendall(part)
