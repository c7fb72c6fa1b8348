"""A page to play with the trained models, on this machine only.

    make demo                            # then open http://127.0.0.1:8000
    python -m demo.server --port 8080

Alice goes on from a prompt, a sentence is classified, words are tagged, and the toy alternates. models.py has what they
answer, panels.py which model that is and how one is trained; the page is index.html, style.css, panel.js and script.js.

    GET  /api/status          the state of all panels, as JSON
    POST /api/<task>          a question, as JSON; the answers, one JSON object a line
    POST /api/train/<task>    start the training

Wrong input is answered by a status of 400 or more and one line of text that says what is wrong.

The server listens on 127.0.0.1 only, but a page from elsewhere may send the browser here to it, even by a name of its
own that suddenly stands for 127.0.0.1 (DNS rebinding). So a request must name this server as its host and its origin.
"""

import json
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated

from common import InputError
from common.cli import Bounds, Flags, run_script, start_tensorflow
from demo.panels import Busy, Panel, TooLong

FOLDER = Path(__file__).parent
PAGES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/panel.js": ("panel.js", "text/javascript; charset=utf-8"),
    "/script.js": ("script.js", "text/javascript; charset=utf-8"),
}
STATUS = {Busy: 409, TooLong: 413}  # of answers to what cannot be done; to any other wrong input 400
MAX_BYTES = 8192  # of a question
MAX_IGNORED_BYTES = 1 << 20  # of a longer one, which is read before it is refused: the browser then reads why
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True)
class Options(Flags):
    port: Annotated[int, Bounds(least=1024, below=65536)] = 8000  # of 127.0.0.1
    runs: Path = Path("runs")  # folder in which the run folders lie


class Refused(Exception):
    """Why a request isn't answered: an HTTP status, and one line."""

    def __init__(self, status: int, line: str):
        super().__init__(status, line)
        self.status, self.line = status, line


class Server(ThreadingHTTPServer):
    """Answers each request in a thread of its own.

    Args:
        port: of 127.0.0.1; 0 for any that is free.
    """

    daemon_threads = True  # the end of the server does not wait for them
    request_queue_size = 128  # connections that may wait until they are accepted

    def __init__(self, port: int):
        super().__init__(("127.0.0.1", port), Handler)
        self.hosts = {f"{name}:{self.server_port}" for name in ("127.0.0.1", "localhost")}
        self.panels: dict[str, Panel] = {}  # by task


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    timeout = 30  # seconds that a client may keep silent
    error_content_type, error_message_format = "text/plain; charset=utf-8", "%(message)s\n"  # for what is not HTTP

    def do_GET(self):
        self.answer(self.get)

    def do_POST(self):
        self.answer(self.post)

    def answer(self, method) -> None:
        """Answer with what a method gives, or with why it gives nothing."""
        try:
            try:
                self.check_sender()
                method()
            except Refused as refused:
                self.send(refused.status, "text/plain; charset=utf-8", refused.line + "\n")
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the browser has gone

    def get(self) -> None:
        if self.path == "/api/status":
            status = {task: panel.status() for task, panel in self.server.panels.items()}
            self.send(200, "application/json", json.dumps(status))
        elif self.path in PAGES:
            name, kind = PAGES[self.path]
            self.send(200, kind, (FOLDER / name).read_text(encoding="utf-8"))
        else:
            raise Refused(404, "there is no such page")

    def post(self) -> None:
        question = self.question()
        start, _, task = self.path.rpartition("/")
        panel = self.server.panels.get(task)
        if panel is None or start not in ("/api", "/api/train"):
            raise Refused(404, "there is no such task")
        try:
            if start == "/api/train":
                panel.train()
                self.send(200, "application/json", "{}\n")
            else:
                self.stream(panel.answers(question))
        except InputError as error:
            raise Refused(STATUS.get(type(error), 400), str(error)) from None

    def check_sender(self) -> None:
        """Refuse what does not come from this server's own page, or from a program on this machine."""
        host, origin = self.headers.get("Host"), self.headers.get("Origin")
        if host not in self.server.hosts or (origin and origin.removeprefix("http://") not in self.server.hosts):
            raise Refused(403, f"open http://127.0.0.1:{self.server.server_port} on this machine")

    def question(self) -> dict:
        """The JSON object in the request."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise Refused(411, "the request does not say how long it is")
        if int(length) > MAX_BYTES:
            self.rfile.read(min(int(length), MAX_IGNORED_BYTES))
            raise Refused(413, f"the request has {int(length):,} bytes; it must have at most {MAX_BYTES:,}")
        try:
            question = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            raise Refused(400, "the request is not JSON") from None
        if not isinstance(question, dict):
            raise Refused(400, "the request is not a JSON object")
        return question

    def stream(self, answers) -> None:
        """Send answers as they come, one a line. The connection ends after the last one."""
        first = next(answers)  # raises what is wrong with the question while a status can still be sent
        self.send(200, "application/x-ndjson", json.dumps(first) + "\n", whole=False)
        for each in answers:
            self.wfile.write((json.dumps(each) + "\n").encode())

    def send(self, status: int, kind: str, content: str, whole: bool = True) -> None:
        """Send an answer, or if it is not whole, its beginning."""
        content = content.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if whole:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def end_headers(self):
        for name, value in HEADERS.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_):
        """Say nothing: the page asks every second."""


def main(options: Options) -> None:
    started = time.perf_counter()
    server = Server(options.port)  # before the models: a port in use is told at once
    print("loading the models ...", flush=True)
    start_tensorflow()
    from demo.models import MODELS

    for task, load in MODELS.items():
        server.panels[task] = Panel(task, options.runs, load)
        print(f"{task}: {server.panels[task].about}", flush=True)
    seconds = time.perf_counter() - started
    print(f"after {seconds:.1f} s, the page is at http://127.0.0.1:{server.server_port}; Ctrl-C ends it", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        print()
    finally:
        for panel in server.panels.values():
            panel.stop()


if __name__ == "__main__":
    run_script(main, Options)
