#!/usr/bin/env python3
"""Draws the pictures of the guide: python3 docs/guide/pictures/draw.py

Each picture has a title and a description for readers who cannot see it, and follows the colour scheme of the system.
"""

import pathlib
from xml.sax.saxutils import escape

STYLE = """
  text { font: 15px system-ui, sans-serif; fill: #1f2328; }
  .mono { font-family: ui-monospace, monospace; font-size: 14px; }
  .small { font-size: 13px; }
  .middle { text-anchor: middle; }
  .paper { fill: #ffffff; stroke: #d1d9e0; }
  .box { fill: #f6f8fa; stroke: #59636e; }
  .good { fill: #dafbe1; stroke: #1a7f37; }
  .bad { fill: #ffebe9; stroke: #cf222e; }
  .busy { fill: #ddf4ff; stroke: #0969da; }
  .arrow { stroke: #59636e; stroke-width: 1.6; fill: none; marker-end: url(#head); }
  .dashed { stroke-dasharray: 5 4; }
  .head { fill: #59636e; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .paper { fill: #0d1117; stroke: #3d444d; }
    .box { fill: #212830; stroke: #9198a1; }
    .good { fill: #12261e; stroke: #3fb950; }
    .bad { fill: #301418; stroke: #f85149; }
    .busy { fill: #0c2d4e; stroke: #4493f8; }
    .arrow { stroke: #9198a1; }
    .head { fill: #9198a1; }
  }
"""


class Picture:
    def __init__(self, width, height, title, description):
        self.size = (width, height)
        self.parts = [
            f"<title>{escape(title)}</title>",
            f"<desc>{escape(description)}</desc>",
            f"<style>{STYLE}</style>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path class="head" d="M0 0 8 4 0 8z"/></marker></defs>',
            f'<rect class="paper" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="10"/>',
        ]

    def text(self, x, y, text, kind=""):
        self.parts.append(f'<text x="{x}" y="{y}" class="{kind}">{escape(text)}</text>')

    def box(self, x, y, width, height, lines=(), kind="box", mono=False):
        self.parts.append(f'<rect class="{kind}" x="{x}" y="{y}" width="{width}" height="{height}" rx="6"/>')
        top = y + height / 2 - (len(lines) - 1) * 10 + 5
        for number, line in enumerate(lines):
            self.text(x + width / 2, top + number * 20, line, "middle mono" if mono else "middle")

    def arrow(self, *points, dashed=False):
        path = "M" + " L".join(f"{x} {y}" for x, y in points)
        self.parts.append(f'<path class="arrow{" dashed" if dashed else ""}" d="{path}"/>')

    def save(self, name):
        width, height = self.size
        body = "\n".join(self.parts)
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n{body}\n</svg>\n'
        (pathlib.Path(__file__).parent / name).write_text(svg)


def express():
    picture = Picture(
        720, 300, "The event loop",
        "Many sockets on the left. The kernel watches all of them. The loop calls poll, which sleeps until at least one "
        "socket is ready and returns the list of those. The loop serves each until it would block, and calls poll again.",
    )
    for row, (name, kind) in enumerate([
        ("listener", "good"), ("client 1", "box"), ("client 2", "good"), ("client 3", "box"), ("… client 10,000", "box"),
    ]):
        picture.box(20, 40 + row * 48, 150, 36, [name], kind)
        picture.arrow((170, 58 + row * 48), (238, 58 + row * 48), dashed=True)
    picture.text(20, 26, "sockets (green: ready)", "small")
    picture.box(240, 40, 90, 228, ["the", "kernel", "watches", "them all"])
    picture.box(400, 40, 280, 50, ["poll: sleep until one is ready"], "busy")
    picture.arrow((330, 65), (398, 65))
    picture.box(400, 125, 280, 50, ["events: listener, client 2"])
    picture.arrow((540, 90), (540, 123))
    picture.box(400, 210, 280, 58, ["for each: read and write", "until it would block"], "busy")
    picture.arrow((540, 175), (540, 208))
    picture.arrow((680, 239), (702, 239), (702, 65), (682, 65))
    picture.save("express.svg")


def connections():
    picture = Picture(
        720, 270, "Two connections of one FTP session",
        "The control connection leads from the client to port 2121 of the server; commands and replies go over it. The "
        "data connection leads to port 30000, which the server named in its reply to PASV; a listing or file goes over it.",
    )
    picture.box(30, 40, 150, 190, ["client"])
    picture.box(540, 40, 150, 190, ["server"])
    picture.arrow((180, 75), (538, 75))
    picture.text(360, 66, "PASV, LIST, QUIT", "middle mono")
    picture.arrow((540, 110), (182, 110))
    picture.text(360, 101, "227, 150, 226", "middle mono")
    picture.text(360, 132, "control connection, port 2121: stays open", "middle small")
    picture.arrow((540, 195), (182, 195))
    picture.text(360, 186, "hello.txt …", "middle mono")
    picture.text(360, 217, "data connection, port 30000: one file, then closed", "middle small")
    picture.save("connections.svg")


def blocking():
    picture = Picture(
        720, 220, "A blocking server serves one client at a time",
        "Time runs to the right. Client A connects and is served, then says nothing. Client B connects meanwhile and "
        "waits in the kernel's queue, until A leaves; only then does it get its greeting.",
    )
    picture.text(20, 62, "client A")
    picture.box(100, 40, 90, 34, ["served"], "good")
    picture.box(190, 40, 260, 34, ["says nothing: read waits"], "busy")
    picture.text(20, 132, "client B")
    picture.box(230, 110, 220, 34, ["in the kernel's queue"], "bad")
    picture.box(450, 110, 130, 34, ["served"], "good")
    picture.arrow((450, 30), (450, 108), dashed=True)
    picture.text(458, 38, "A leaves", "small")
    picture.arrow((100, 185), (690, 185))
    picture.text(645, 206, "time", "small")
    picture.save("blocking.svg")


if __name__ == "__main__":
    express()
    connections()
    blocking()
