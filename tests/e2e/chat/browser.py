"""Debian's Chromium without a screen, driven by its DevTools protocol."""
import asyncio
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import urllib.request

import websockets

PATIENCE = 60  # seconds; a browser takes some of its own to start
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Browser:
    def __init__(self):
        self.profile = pathlib.Path(tempfile.mkdtemp(prefix="fl_chromium_"))
        self.process = subprocess.Popen(
            [os.environ["FL_CHROMIUM"], "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--no-proxy-server", "--no-first-run",
             "--disable-background-networking", "--remote-debugging-port=0",
             f"--user-data-dir={self.profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.port = self.wait_for_port()

    def wait_for_port(self):
        end = time.monotonic() + PATIENCE
        told = self.profile / "DevToolsActivePort"
        while not (told.exists() and "\n" in told.read_text(encoding="ascii")):
            assert self.process.poll() is None and time.monotonic() < end, "no browser"
            time.sleep(0.02)
        return told.read_text(encoding="ascii").splitlines()[0]

    def open(self, url):
        target = json.loads(self.tell("PUT", "new?about:blank"))
        page = Page(target["webSocketDebuggerUrl"],
                    lambda: self.tell("GET", f"close/{target['id']}"))
        page.load(url)
        return page

    def tell(self, method, command):
        ask = urllib.request.Request(f"http://127.0.0.1:{self.port}/json/{command}", method=method)
        with DIRECT.open(ask, timeout=PATIENCE) as answer:
            return answer.read()

    def close(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        shutil.rmtree(self.profile, ignore_errors=True)


class Page:
    def __init__(self, devtools, close_tab):
        self.close_tab = close_tab
        self.loop = asyncio.new_event_loop()
        self.numbers = itertools.count(1)
        self.socket = self.run(self.connect(devtools))

    def load(self, url):
        self.command("Page.enable")
        self.run(self.exchange("Page.navigate", {"url": url}, "Page.loadEventFired"))

    @staticmethod
    async def connect(devtools):
        return await websockets.connect(devtools, max_size=None)

    def run(self, doing):
        return self.loop.run_until_complete(asyncio.wait_for(doing, PATIENCE))

    def command(self, method, **parameters):
        return self.run(self.exchange(method, parameters))

    async def exchange(self, method, parameters, event=None):
        """The reply to a command; with an event, when that has come behind it."""
        number = next(self.numbers)
        await self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        reply = {}
        while "id" not in reply:
            reply = json.loads(await self.socket.recv())
        assert reply["id"] == number and "error" not in reply, reply
        while event is not None and json.loads(await self.socket.recv()).get("method") != event:
            pass
        return reply["result"]

    def ask(self, script):
        """The value of an expression of the page; a promise is awaited."""
        result = self.command("Runtime.evaluate", expression=script, awaitPromise=True,
                              returnByValue=True)
        assert "exceptionDetails" not in result, (script, result)
        return result["result"].get("value")

    def wait(self, condition):
        """Until the condition holds, looked at whenever the page changes."""
        self.ask(f"""new Promise((resolve, reject) => {{
            const holds = () => {{ if ({condition}) {{ observer.disconnect(); resolve(); }} }};
            const observer = new MutationObserver(holds);
            observer.observe(document, {{subtree: true, childList: true, attributes: true,
                                         characterData: true}});
            setTimeout(() => reject(document.body.innerText), {PATIENCE * 1000 - 5000});
            holds();
        }})""")

    def close(self):
        self.run(self.socket.close())
        self.loop.close()
        self.close_tab()
