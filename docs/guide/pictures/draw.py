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

    def line(self, y):
        """Divides the picture."""
        self.parts.append(f'<path class="arrow dashed" style="marker-end: none" d="M20 {y}H{self.size[0] - 20}"/>')

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


def threads():
    picture = Picture(
        720, 250, "A thread for each client",
        "Three of ten thousand threads. Each has a stack of two mebibytes of addresses in the process, another of 16 KiB in "
        "the kernel, and sleeps in read until its own client sends something.",
    )
    for column, name in enumerate(["client 1", "client 2", "client 10,000"]):
        x = 160 + column * 190
        picture.box(x, 30, 160, 34, [name])
        picture.arrow((x + 80, 64), (x + 80, 92))
        picture.box(x, 95, 160, 56, ["asleep in read", "stack: up to 2 MiB"], "busy")
        picture.box(x, 176, 160, 34, ["stack: 16 KiB"], "bad")
    picture.text(20, 128, "process")
    picture.text(20, 198, "kernel")
    picture.text(516, 128, "…")
    picture.line(163)
    picture.text(20, 236, "The server pays for every stack, also of clients that do nothing.", "small")
    picture.save("threads.svg")


def state():
    picture = Picture(
        720, 280, "From the stack into a value",
        "On the left the stack of a thread: in serve, a reader with buffered bytes and the place in the for loop; on top "
        "of it send, asleep in accept. On the right the struct Client with the fields control, line and data; data is "
        "the variant Accepting of an enum. Arrows lead from each part of the stack to a field.",
    )
    picture.text(30, 34, "a thread's stack")
    picture.box(30, 50, 250, 60, ["send: asleep in accept", "source, listener"], "busy")
    picture.box(30, 110, 250, 50, ["serve: BufReader"])
    picture.box(30, 160, 250, 50, ["serve: where it is in the loop"])
    picture.text(440, 34, "a value in a slab: Client")
    picture.box(440, 50, 250, 60, ["data: Accepting(listener,", "source)"], "good", mono=True)
    picture.box(440, 110, 250, 50, ["control: BufReader<…>"], mono=True)
    picture.box(440, 160, 250, 50, ["line: Vec<u8>"], mono=True)
    picture.arrow((280, 70), (438, 70))
    picture.arrow((280, 135), (438, 135))
    picture.arrow((330, 135), (330, 185), (438, 185))
    picture.arrow((280, 195), (380, 195), (380, 95), (438, 95))
    picture.text(30, 245, "goes on where it was:", "small")
    picture.text(30, 264, "the kernel wakes the thread", "small")
    picture.text(440, 245, "goes on when an event comes:", "small")
    picture.text(440, 264, "the loop calls advance()", "small")
    picture.save("state.svg")


def edge():
    picture = Picture(
        720, 270, "Edges",
        "The number of unread bytes in a socket over time. It rises from 0 to 120: an event. One read of 64 bytes leaves "
        "56. Then nothing happens for long. It rises by 5: the next event, and a read of 61 bytes.",
    )
    picture.arrow((60, 220), (690, 220))
    picture.arrow((60, 220), (60, 25))
    picture.text(650, 242, "time", "small")
    picture.text(70, 34, "unread bytes in the socket", "small")
    picture.parts.append('<path class="busy" d="M120 220V80H170V155H520V149H570V220Z"/>')
    picture.text(120, 70, "event: 120", "small")
    picture.arrow((120, 240), (120, 223))
    picture.text(100, 257, "edge", "small")
    picture.text(178, 112, "read: 64", "small")
    picture.text(230, 190, "56 left: readable, and no event", "small")
    picture.arrow((520, 240), (520, 223))
    picture.text(500, 257, "edge", "small")
    picture.text(490, 138, "one more line: event", "small")
    picture.save("edge.svg")


def stale():
    picture = Picture(
        720, 250, "A stale event",
        "A batch of three events. The first, from Alice in slot 0, asks to remove slot 1: Bob is removed and slot 1 is "
        "free. The second, from the listener, accepts Carol into slot 1. The third, for slot 1, was collected when slot 1 "
        "was Bob; it meets Carol.",
    )
    picture.text(20, 40, "the batch")
    picture.text(20, 120, "slot 1 holds")
    picture.text(20, 200, "its generation")
    steps = [
        ("slot 0: KICK 1", "box", "Bob, removed", "box", "2"),
        ("listener", "box", "Carol", "good", "3"),
        ("slot 1: hung up", "bad", "Carol", "bad", "3: not 2, so dropped"),
    ]
    for column, (event, event_kind, holder, holder_kind, generation) in enumerate(steps):
        x = 140 + column * 195
        picture.box(x, 18, 175, 36, [event], event_kind)
        picture.arrow((x + 87, 54), (x + 87, 92))
        picture.box(x, 95, 175, 40, [holder], holder_kind)
        picture.text(x + 87, 200, generation, "middle")
        if column < 2:
            picture.arrow((x + 175, 36), (x + 193, 36))
    picture.text(140, 235, "The event was made for generation 2, which was Bob.", "small")
    picture.save("stale.svg")


def backpressure():
    picture = Picture(
        720, 330, "Six queues, and where they fill up",
        "On the left the client, on the right the server. Commands go from the client through the send buffer of its "
        "kernel and the receive buffer of the server's kernel to the input of the server. Replies go back through the "
        "reply queue of the server, the send buffer of its kernel and the receive buffer of the client's kernel. The "
        "client does not read, so they fill up in the opposite order, numbered from 1, the receive buffer of the "
        "client's kernel, to 6, the send buffer of the client's kernel. Then the client's write blocks.",
    )
    picture.box(20, 30, 110, 230, [], "busy")
    picture.text(75, 52, "client", "middle")
    picture.text(75, 93, "write: blocks", "middle small")
    picture.text(75, 223, "does not read", "middle small")
    picture.box(590, 30, 110, 230, [], "busy")
    picture.text(645, 52, "server", "middle")
    for y, places in ((68, ((175, "6", "send buffer"), (385, "5", "receive buffer"))),
                      (198, ((175, "1", "receive buffer"), (385, "2", "send buffer")))):
        for x, number, name in places:
            picture.box(x, y, 160, 44, [f"{number}  {name}"], "bad")
    picture.box(600, 68, 90, 44, ["4  input"], "bad")
    picture.box(600, 198, 90, 44, ["3  replies"], "bad")
    picture.text(255, 150, "client's kernel", "middle small")
    picture.text(465, 150, "server's kernel", "middle small")
    picture.arrow((130, 90), (173, 90))
    picture.arrow((335, 90), (383, 90))
    picture.arrow((545, 90), (598, 90))
    picture.arrow((645, 112), (645, 196))
    picture.arrow((600, 220), (547, 220))
    picture.arrow((385, 220), (337, 220))
    picture.arrow((175, 220), (132, 220))
    picture.text(20, 292, "They fill up in the order of the numbers, against the arrows. With a limit for each, the last", "small")
    picture.text(20, 312, "to be full is the client's own, and the client waits. Without a limit at 3, nothing after it fills up.", "small")
    picture.save("backpressure.svg")


def deadlines():
    picture = Picture(
        720, 330, "How long, or when",
        "Time runs to the right. Above: a busy client sends at short intervals, and each of its events starts a timeout "
        "of one second again, so that it never ends; a silent client stays. Below: the silent client's deadline is a "
        "point in time, one second after it connected; it passes, and the client gets 421. The busy client's deadline "
        "moves with each command.",
    )
    events = range(200, 620, 70)
    picture.text(20, 32, "how long: poll(1 s), again after each event")
    for at in events:
        picture.box(at, 52, 62, 26, [], "bad")
        picture.arrow((at, 100), (at, 82))
    picture.text(20, 70, "timeout of poll", "small")
    picture.text(20, 112, "busy client", "small")
    picture.text(200, 117, "its commands: no timeout ever ends", "small")
    picture.line(140)
    picture.text(20, 172, "when: a deadline for each client")
    picture.box(200, 190, 126, 26, ["1 s"], "busy")
    picture.arrow((326, 240), (326, 220))
    picture.text(20, 208, "silent client", "small")
    picture.text(334, 238, "421, and closed", "small")
    picture.text(20, 272, "busy client", "small")
    for at in events:
        picture.arrow((at, 284), (at, 262))
    picture.box(652, 256, 48, 26, ["due"], "good")
    picture.text(200, 304, "each command moves its deadline", "small")
    picture.arrow((430, 300), (676, 300))
    picture.text(590, 274, "1 s", "small")
    picture.save("deadlines.svg")


def descriptors():
    picture = Picture(
        720, 170, "255 descriptors",
        "A bar of 255 descriptors. A few belong to the server itself and to the session. All the others are data "
        "connections that ended and were never closed. After the last one there is a wall: EMFILE.",
    )
    picture.text(20, 34, "descriptors of the server", "small")
    picture.box(20, 50, 90, 56, ["server", "session"])
    picture.box(110, 50, 510, 56, ["245 data connections that ended and were never closed"], "bad")
    picture.box(628, 40, 8, 76, [], "bad")
    picture.text(646, 83, "EMFILE")
    picture.arrow((110, 130), (620, 130))
    picture.text(110, 154, "one for each listing", "small")
    picture.save("descriptors.svg")


def ports():
    picture = Picture(
        720, 330, "Who listens at the announced port",
        "Above, next port up: it announces port 10000. The client connects to 127.0.0.1 port 10000, where another "
        "program listens. The server waits at port 41285, which nobody knows. Below, the ten ports of loopftpd, bound "
        "before any is announced: nine are green, and 10000, which another program holds, is left out.",
    )
    picture.text(20, 32, "the next port up")
    picture.box(20, 66, 110, 44, ["client"])
    picture.text(140, 80, "227 … 10000", "small")
    picture.arrow((130, 88), (288, 88))
    picture.box(290, 44, 180, 44, ["127.0.0.1:10000"], "bad", mono=True)
    picture.text(486, 71, "another program answers", "small")
    picture.box(290, 104, 180, 44, ["0.0.0.0:41285"], "busy", mono=True)
    picture.text(486, 124, "the server waits here;", "small")
    picture.text(486, 142, "nobody knows this port", "small")
    picture.line(172)
    picture.text(20, 206, "ports that are bound before any is announced")
    for at in range(10):
        port = 9995 + at
        picture.box(20 + at * 68, 226, 62, 40, [str(port)], "bad" if port == 10000 else "good", mono=True)
    picture.text(20, 292, "green: ours, and used again and again", "small")
    picture.text(360, 292, "red: another program's, never announced", "small")
    picture.text(20, 314, "Nobody can take a green one while the server runs.", "small")
    picture.save("ports.svg")


def chroot():
    picture = Picture(
        720, 300, "Out of a chroot",
        "The directories /, /tmp, /tmp/guide, public and pub, in four states of the process. Confined: root and "
        "working directory are both public. After chroot pub: the root is pub, the working directory is still public, "
        "above it. After many times cd ..: the working directory is the real /. After chroot .: the root is the real "
        "/, too.",
    )
    directories = ["/", "/tmp", "/tmp/guide", "public", "pub"]
    steps = [
        ("confined", 3, 3), ("chroot pub", 4, 3), ("cd .. (64 times)", 4, 0), ("chroot .", 0, 0),
    ]
    for column, (name, root, current) in enumerate(steps):
        x = 20 + column * 175
        picture.text(x + 78, 32, name, "middle mono" if column else "middle")
        for depth, directory in enumerate(directories):
            y = 48 + depth * 40
            kind = "good" if depth >= root else "bad" if depth >= current else "box"
            picture.box(x, y, 156, 32, [], kind)
            picture.text(x + 8, y + 21, directory, "mono")
            marks = [mark for mark, at in (("root", root), ("cwd", current)) if at == depth]
            picture.parts.append(
                f'<text x="{x + 148}" y="{y + 21}" class="small" text-anchor="end">{" + ".join(marks)}</text>'
            )
    caption = "green: what the root allows; red: what the working directory (cwd) reaches beyond it"
    picture.text(20, 268, caption, "small")
    picture.text(20, 288, "“..” stops at the root only, and the process is already outside of it.", "small")
    picture.save("chroot.svg")


def bits():
    picture = Picture(
        720, 190, "A size in 32 bits",
        "4,294,967,301 in binary has 33 bits: a one, 29 zeros, and 101. The first bit does not fit into 32 bits and is cut "
        "off. What is left is 101 in binary, which is 5.",
    )
    picture.text(20, 34, "4,294,967,301 = 4 GiB + 5, in 33 bits")
    picture.box(20, 50, 50, 50, ["1"], "bad", mono=True)
    picture.box(80, 50, 500, 50, ["0000 0000 0000 0000 0000 0000 0000 0"], mono=True)
    picture.box(580, 50, 110, 50, ["101"], "good", mono=True)
    picture.text(20, 126, "cut off", "small")
    picture.text(80, 126, "what an i32 keeps", "small")
    picture.text(580, 126, "= 5", "small")
    picture.text(20, 166, "Of 2 GiB, only the highest of the 32 bits is 1. It is the sign: −2,147,483,648.", "small")
    picture.save("bits.svg")


def copies():
    picture = Picture(
        720, 300, "With and without copies",
        "Above, read and write: bytes are copied from the page cache into a buffer of the program, and from there into the "
        "memory of the socket. Below, sendfile: the socket gets references to the pages in the page cache. A change of "
        "the file that comes before the client has read changes what it reads.",
    )
    picture.text(20, 40, "read, write")
    picture.box(130, 20, 130, 60, ["page cache", "of the file"])
    picture.box(330, 20, 140, 60, ["buffer", "of the program"], "bad")
    picture.box(540, 20, 160, 60, ["memory", "of the socket"], "bad")
    picture.arrow((260, 50), (328, 50))
    picture.text(294, 42, "copy", "middle small")
    picture.arrow((470, 50), (538, 50))
    picture.text(504, 42, "copy", "middle small")
    picture.text(20, 158, "sendfile")
    picture.text(195, 128, "page cache", "middle small")
    picture.text(620, 128, "socket", "middle small")
    for page in range(3):
        picture.box(130, 138 + page * 40, 130, 32, [f"page {page + 1}"], "good")
        picture.box(540, 138 + page * 40, 160, 32, [f"→ page {page + 1}"], "good")
        picture.arrow((540, 154 + page * 40), (262, 154 + page * 40))
    picture.text(400, 146, "references", "middle small")
    picture.text(20, 285, "A program that writes into page 2 now changes what the client will get.", "small")
    picture.save("copies.svg")


def helper():
    picture = Picture(
        720, 330, "A password in the loop, and beside it",
        "Time runs to the right. Above there is one thread: PASS arrives, the loop hashes, and a NOOP that arrives "
        "meanwhile is answered only after the login. Below there are two threads: the loop hands the password over, "
        "answers the NOOP at once, is woken when the hash is done, and answers the login.",
    )
    picture.text(20, 34, "in the loop")
    picture.text(20, 88, "loop")
    picture.box(140, 65, 300, 36, ["hashes"], "bad")
    picture.box(440, 65, 90, 36, ["230"], "good")
    picture.box(530, 65, 110, 36, ["200 (NOOP)"], "good")
    picture.arrow((140, 45), (140, 63))
    picture.text(147, 52, "PASS", "mono")
    picture.arrow((230, 45), (230, 63))
    picture.text(237, 52, "NOOP waits …", "mono")
    picture.text(20, 144, "in a second thread")
    picture.text(20, 206, "loop")
    picture.box(140, 183, 30, 36, [], "busy")
    picture.box(230, 183, 110, 36, ["200 (NOOP)"], "good")
    picture.box(470, 183, 90, 36, ["230"], "good")
    picture.arrow((140, 163), (140, 181))
    picture.text(147, 170, "PASS", "mono")
    picture.arrow((230, 163), (230, 181))
    picture.text(237, 170, "NOOP", "mono")
    picture.text(20, 286, "helper")
    picture.box(170, 263, 300, 36, ["hashes"], "busy")
    picture.arrow((155, 219), (155, 281), (168, 281))
    picture.text(164, 246, "queue", "small")
    picture.arrow((470, 281), (486, 281), (486, 221))
    picture.text(494, 246, "result, then Waker", "small")
    picture.arrow((140, 315), (690, 315))
    picture.text(655, 308, "time", "small")
    picture.save("helper.svg")


def lab():
    picture = Picture(
        720, 300, "An attack and its witnesses",
        "Inside ftpstorm are attackers and two well-behaved clients, one of which asks for listings and the other sends "
        "NOOP. All of them are connected to the server. ftpstorm also reads the server's descriptors and memory from "
        "/proc. The verdict depends on the well-behaved clients, on /proc and on what the attackers got.",
    )
    picture.box(20, 20, 250, 190, [])
    picture.text(145, 44, "ftpstorm", "middle")
    picture.box(40, 58, 210, 36, ["attackers: 10 or more"], "bad")
    picture.box(40, 106, 210, 36, ["witness: listings"], "good")
    picture.box(40, 154, 210, 36, ["prober: NOOP, NOOP, …"], "good")
    picture.box(500, 58, 200, 132, ["server"])
    for y, kind in ((76, "any harm"), (124, "is it served?"), (172, "how fast?")):
        picture.arrow((250, y), (498, y))
        picture.text(374, y - 8, kind, "middle small")
    picture.box(500, 236, 200, 44, ["/proc/PID: descriptors"])
    picture.arrow((600, 190), (600, 234), dashed=True)
    picture.box(20, 236, 250, 44, ["verdict, exit code"], "busy")
    picture.arrow((500, 258), (272, 258))
    picture.arrow((145, 210), (145, 234))
    picture.text(386, 250, "are they all closed?", "middle small")
    picture.save("lab.svg")


def readiness():
    picture = Picture(
        720, 310, "Readiness and completion",
        "Above, readiness, as epoll works: the kernel says that a socket is readable, and then the program calls read. "
        "Below, completion, as io_uring works: the program submits a read with a buffer, the kernel does it when bytes "
        "arrive, and says that it is done. The buffer belongs to the kernel meanwhile.",
    )
    picture.text(20, 34, "readiness: epoll")
    picture.text(20, 80, "program")
    picture.text(20, 136, "kernel")
    picture.box(110, 58, 110, 36, ["epoll_wait"], mono=True)
    picture.box(300, 114, 140, 36, ["bytes arrive"], "good")
    picture.box(510, 58, 170, 36, ["read copies them"], "busy")
    picture.arrow((220, 76), (298, 76), dashed=True)
    picture.text(259, 69, "sleeps", "middle small")
    picture.arrow((370, 114), (370, 76), (508, 76))
    picture.text(439, 69, "“readable”", "middle small")
    picture.line(168)
    picture.text(20, 196, "completion: io_uring")
    picture.text(20, 236, "program")
    picture.text(20, 284, "kernel")
    picture.box(110, 214, 110, 36, ["submit"], "busy")
    picture.box(300, 262, 200, 36, ["bytes arrive, are copied"], "good")
    picture.box(560, 214, 120, 36, ["it is done"])
    picture.arrow((165, 250), (165, 280), (298, 280))
    picture.text(232, 273, "buffer", "middle small")
    picture.arrow((220, 232), (558, 232), dashed=True)
    picture.text(389, 225, "does not touch the buffer", "middle small")
    picture.arrow((500, 280), (620, 280), (620, 252))
    picture.save("readiness.svg")


if __name__ == "__main__":
    descriptors()
    ports()
    bits()
    chroot()
    express()
    connections()
    blocking()
    threads()
    state()
    edge()
    stale()
    copies()
    helper()
    backpressure()
    deadlines()
    lab()
    readiness()
