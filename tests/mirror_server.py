"""A mirror of the data files on 127.0.0.1, well or ill behaved."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import threading

WEB_PAGE = b"<!DOCTYPE html><html><body>Please log in to the wireless network.</body></html>"


class Mirror:
    """Serve `files` (name to content) while the `with` block runs, at `url`.

    behaviour, for all files or only for those named in `affected`:

    "ok"       sends the file
    "404"      says there is none
    "wrong"    sends a web page instead, with status 200
    "short"    sends half of the file and closes the connection
    "half"     sends half of the file, sets the event `half_sent` and sends nothing more
    "hang"     accepts the connection and sends nothing
    "meet"     waits until two requests for it are open, then sends the file to both

    `requested` lists the names asked for, `hanging` counts the requests that are being kept waiting (10 s at most).
    """

    def __init__(self, files, behaviour="ok", affected=None):
        self.files, self.behaviour, self.affected = files, behaviour, affected or set(files)
        self.requested, self.hanging = [], 0
        self.half_sent, self._closing, self._meeting = threading.Event(), threading.Event(), threading.Barrier(2)

    def __enter__(self):
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                mirror._answer(self)

            def log_message(self, *args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *exception):
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request):
        name = request.path.lstrip("/")
        self.requested.append(name)
        behaviour = self.behaviour if name in self.affected else "ok"
        content = self.files[name]
        if behaviour == "hang":
            self._wait()
            return
        if behaviour == "404":
            request.send_error(404)
            return
        if behaviour == "wrong":
            content = WEB_PAGE
        if behaviour == "meet":
            self._meeting.wait(timeout=30)
        request.send_response(200)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if behaviour in ("short", "half"):
            request.wfile.write(content[: len(content) // 2])
            request.wfile.flush()
            if behaviour == "half":
                self.half_sent.set()
                self._wait()
            return
        request.wfile.write(content)

    def _wait(self):
        self.hanging += 1
        self._closing.wait(timeout=10)
        self.hanging -= 1
