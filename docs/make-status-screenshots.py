#!/usr/bin/env python3
"""Draws docs/status-light.png, docs/status-dark.png and docs/status-slow-motion.png: the status page of a real server
under load.

    cargo build --release && docs/make-status-screenshots.py [SECONDS]

Needs Chromium, which is driven over its DevTools protocol through a pipe (descriptors 3 and 4)."""

import base64
import ftplib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

DOCS = pathlib.Path(__file__).resolve().parent
PROGRAM = pathlib.Path(os.environ.get("LOOPFTPD", DOCS.parent / "target/release/loopftpd"))
IDLE = 220
DOWNLOADS = 24


class Browser:
    def __init__(self, profile):
        (self.read_end, theirs_out), (theirs_in, self.write_end) = os.pipe(), os.pipe()

        def place():
            # The pipes may have the numbers 3 and 4 themselves.
            source, sink = os.dup(theirs_in), os.dup(theirs_out)
            os.dup2(source, 3)
            os.dup2(sink, 4)
            for descriptor in (3, 4):
                os.set_inheritable(descriptor, True)

        command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        command += ["--hide-scrollbars", f"--user-data-dir={profile}", "--window-size=1280,1300", "about:blank"]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(
            command, stdin=quiet, stdout=quiet, stderr=quiet, close_fds=False, preexec_fn=place
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self.number, self.buffer, self.page = 0, b"", {}
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.page = {"sessionId": session}

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters, **self.page}
        os.write(self.write_end, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self.buffer:
                piece = os.read(self.read_end, 1 << 20)
                if not piece:
                    sys.exit("chromium has ended")
                self.buffer += piece
            line, self.buffer = self.buffer.split(b"\0", 1)
            answer = json.loads(line)
            if answer.get("id") == self.number:
                if "error" in answer:
                    sys.exit(f"{method}: {answer['error']}")
                return answer["result"]

    def run(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            sys.exit(f"{expression}: {result}")
        return result["result"].get("value")


def client(port):
    ftp = ftplib.FTP()
    ftp.connect("127.0.0.1", port, timeout=20)
    ftp.login()
    return ftp


def keep_downloading(port, end, number):
    ftp = client(port)
    while time.monotonic() < end:
        try:
            ftp.retrbinary(f"RETR gen/{4 + number}M.pattern", lambda data: time.sleep(0.02), 1 << 16)
        except (ftplib.Error, OSError):
            return


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 12
    with tempfile.TemporaryDirectory(prefix="loopftpd-") as served, tempfile.TemporaryDirectory() as profile:
        os.chmod(served, 0o755)
        options = ["--listen", "127.0.0.1:0", "--status", "127.0.0.1:0", "--passive-ports", "23400-23527", "--synthetic"]
        server = subprocess.Popen([PROGRAM, *options, served], stdout=subprocess.PIPE, text=True)
        said = ""
        while "ready" not in said:
            said += server.stdout.readline()
        port = int(re.search(r"open +ftp://127.0.0.1:(\d+)/", said)[1])
        page = re.search(r"status +(http://\S+)", said)[1]
        end = time.monotonic() + seconds + 15
        idle = [client(port) for _ in range(IDLE)]
        for number in range(DOWNLOADS):
            threading.Thread(target=keep_downloading, args=(port, end, number), daemon=True).start()
        for ftp in idle[:9]:
            ftp.makepasv()
        browser = Browser(profile)
        browser.call("Page.navigate", url=page)
        time.sleep(seconds / 2)
        browser.run(f"choose([...view.slots.values()].find((row) => row[TRANSFER] && row[SLOT] >= {IDLE})[0]), toggleFollow()")
        time.sleep(seconds / 2)
        for scheme in ("light", "dark"):
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            browser.call("Emulation.setEmulatedMedia", features=features)
            time.sleep(0.6)
            shot = browser.call("Page.captureScreenshot", format="png")["data"]
            (DOCS / f"status-{scheme}.png").write_bytes(base64.b64decode(shot))
            print(f"docs/status-{scheme}.png")
        browser.run("toggleSlow()")
        time.sleep(1)
        browser.run("for (let step = 0; step < 3; step += 1) move(-1)")
        time.sleep(0.3)
        shot = browser.call("Page.captureScreenshot", format="png")["data"]
        (DOCS / "status-slow-motion.png").write_bytes(base64.b64decode(shot))
        print("docs/status-slow-motion.png")
        browser.process.kill()
        browser.process.wait()
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
