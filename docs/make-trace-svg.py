#!/usr/bin/env python3
"""Draws docs/trace.svg from a real run: a server with --trace, and curl fetching one file from it.

Shown are the turns from RETR to its 226. Run from the top of the checkout:
cargo build --release && python3 docs/make-trace-svg.py
"""
import html
import pathlib
import subprocess
import tempfile

PLAIN, TURN, EVENT, DIM, TALK, CHANGE = "#b8bcc4", "#5fd7d7", "#e0b050", "#808890", "#ffffff", "#8fd18f"
SESSION = "session 1: "


def colour(text):
    if text.startswith("turn"):
        return TURN
    if text.startswith(("epoll_wait", "…", "goes to", "$")):
        return DIM
    if text.startswith("event") or text.endswith("ready queue"):
        return EVENT
    if text.startswith(("says", "gets")):
        return TALK
    if " ends: " in text or ("→" in text and "(" not in text):
        return CHANGE
    return PLAIN


def drawn(line):
    """The line's parts, each in its colour."""
    indentation = line[: len(line) - len(line.lstrip())]
    text = line.strip()
    session = ""
    if text.startswith(SESSION):
        session = f'<tspan fill="#5f9fe0">{SESSION}</tspan>'
        text = text.removeprefix(SESSION)
    return f'{indentation}{session}<tspan fill="{colour(text)}">{html.escape(text)}</tspan>'


with tempfile.TemporaryDirectory() as directory:
    pathlib.Path(directory).chmod(0o755)
    big = pathlib.Path(directory, "big")
    big.write_bytes(b"x" * 3_000_000)
    big.chmod(0o644)
    server = subprocess.Popen(
        ["target/release/loopftpd", "--listen", "127.0.0.1:0", "--passive-ports", "29000-29009", "--log-level", "warn",
         "--trace", directory], stdout=subprocess.PIPE, text=True)
    lines = []
    url = None
    for line in server.stdout:
        line = line.rstrip("\n")
        lines.append(line)
        if line.startswith("open "):
            url = line.split()[1]
        if line == "ready":
            subprocess.Popen(["curl", "-s", "-o", "/dev/null", url + "big"])
        if line.endswith("is over"):
            break
    server.terminate()
    server.stdout.read()
    server.wait()


def turn_of(text):
    """The index of the first line of the turn that has `text`, and of the line itself."""
    place = next(number for number, line in enumerate(lines) if text in line)
    begin = max(number for number in range(place) if lines[number].startswith("turn "))
    return begin, place


first, last = turn_of("says RETR")[0], turn_of("gets 226")[1]
shown = ["$ loopftpd --trace DIR", "…", *lines[first:last + 2]]
height = 16 * len(shown) + 24
rows = "\n".join(
    f'<text x="12" y="{24 + 16 * number}" xml:space="preserve">{drawn(line)}</text>'
    for number, line in enumerate(shown))
pathlib.Path("docs/trace.svg").write_text(
    f'<svg xmlns="http://www.w3.org/2000/svg" width="980" height="{height}" font-family="monospace" font-size="13">\n'
    f'<title>One download, as printed by loopftpd --trace</title>\n<rect width="100%" height="100%" rx="6" fill="#16181c"/>\n'
    f'{rows}\n</svg>\n')
