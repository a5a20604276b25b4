#!/usr/bin/env python3
"""Draws docs/trace.svg from a real run: a server with --trace, and curl fetching one file from it.

Run from the top of the checkout: cargo build --release && python3 docs/make-trace-svg.py
"""
import html
import pathlib
import subprocess
import tempfile

COLOURS = {"turn": "#5fd7d7", "  session": "#e0b050", "    session": "#8fd18f", "  next": "#808890", "    says": "#c8c8c8"}


def colour(line):
    if "→" in line:
        return "#8fd18f"
    if "says" in line or "sent" in line:
        return "#d8d8d8"
    for start, value in COLOURS.items():
        if line.startswith(start):
            return value
    return "#d8d8d8"


with tempfile.TemporaryDirectory() as directory:
    pathlib.Path(directory).chmod(0o755)
    big = pathlib.Path(directory, "big")
    big.write_bytes(b"x" * 300_000)
    big.chmod(0o644)
    server = subprocess.Popen(
        ["target/release/loopftpd", "--listen", "127.0.0.1:0", "--passive-ports", "29000-29009", "--log-level", "warn",
         "--trace", directory], stdout=subprocess.PIPE, text=True)
    lines = []
    url = None
    for line in server.stdout:
        line = line.rstrip("\n").replace(directory, "DIR")
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

shown = ["$ loopftpd --trace DIR", *lines]
height = 16 * len(shown) + 24
rows = "\n".join(
    f'<text x="12" y="{24 + 16 * number}" fill="{colour(line)}" xml:space="preserve">{html.escape(line)}</text>'
    for number, line in enumerate(shown))
pathlib.Path("docs/trace.svg").write_text(
    f'<svg xmlns="http://www.w3.org/2000/svg" width="860" height="{height}" font-family="monospace" font-size="13">\n'
    f'<title>One download, as printed by loopftpd --trace</title>\n<rect width="100%" height="100%" rx="6" fill="#16181c"/>\n'
    f'{rows}\n</svg>\n')
