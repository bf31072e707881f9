"""A headless Chromium, driven through its debugging pipe with nothing but the standard library."""
import base64
import contextlib
import functools
import http.server
import json
import os
import select
import shutil
import subprocess
import tempfile
import threading
import time

NAMES = ["chromium", "chromium-browser", "google-chrome"]


def program():
    """Path of an installed Chromium, or None."""
    return next((path for path in map(shutil.which, NAMES) if path), None)


@contextlib.contextmanager
def served(folder):
    """The address of a server of the files of a folder, and the list of what was asked of it."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


class Browser:
    """One page. `log` keeps what the console said, `requests` every address that was asked for."""

    def __init__(self):
        self.profile = tempfile.TemporaryDirectory()
        to_child, self.out = os.pipe()
        self.into, from_child = os.pipe()

        def descriptors():  # the browser reads from descriptor 3 and writes to 4
            kept = os.dup(to_child), os.dup(from_child)
            high = [os.dup(descriptor) for descriptor in (*kept, *kept)][-2:]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        command = [program(), "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
                   "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
                   "--disable-dev-shm-usage", f"--user-data-dir={self.profile.name}", "about:blank"]
        self.process = subprocess.Popen(command, preexec_fn=descriptors, close_fds=False,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_child)
        os.close(from_child)
        self.unread, self.number, self.session = b"", 0, None
        self.log, self.requests, self.loaded = [], [], False
        targets = self.call("Target.getTargets")["targetInfos"]
        target = next(each["targetId"] for each in targets if each["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Network.setCacheDisabled", cacheDisabled=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self.out)
        os.close(self.into)
        shutil.rmtree(self.profile.name, ignore_errors=True)

    def call(self, method, **parameters):
        """One command, and its result."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def receive(self, patience=60):
        """The next message; what it tells of console and network is kept."""
        end = time.monotonic() + patience
        while b"\0" not in self.unread:
            if not select.select([self.into], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser says nothing")
            more = os.read(self.into, 1 << 16)
            if not more:
                raise RuntimeError("the browser is gone")
            self.unread += more
        text, self.unread = self.unread.split(b"\0", 1)
        message = json.loads(text)
        event, facts = message.get("method"), message.get("params", {})
        if event == "Runtime.consoleAPICalled":
            self.log.append((facts["type"], [each.get("value") for each in facts["args"]]))
        elif event == "Runtime.exceptionThrown":
            self.log.append(("exception", facts["exceptionDetails"]["text"]))
        elif event == "Log.entryAdded":
            self.log.append((facts["entry"]["level"], facts["entry"]["text"]))
        elif event == "Network.requestWillBeSent":
            self.requests.append(facts["request"]["url"])
        elif event == "Page.loadEventFired":
            self.loaded = True
        return message

    def view(self, width, height=900, scheme="light", media="screen"):
        """The page that is loaded as a window of that width shows it."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])

    def show(self, address, width, height=900, scheme="light", media="screen"):
        """Load a page as a window of that width shows it."""
        self.view(width, height, scheme, media)
        self.log, self.requests, self.loaded = [], [], False
        self.call("Page.navigate", url=address)
        while not self.loaded:
            self.receive()

    def value(self, expression):
        """What a JavaScript expression gives on the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def picture(self, path, scale=1):
        """The whole page as a PNG file."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": scale}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
