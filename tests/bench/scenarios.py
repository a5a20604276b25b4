"""What is measured: each scenario is a call of ftpstorm and a figure of its result."""
import os
import resource
from dataclasses import dataclass
from pathlib import Path

SMALL, LARGE, HUGE, ENTRIES = "1K", "10M", "1G", 10_000
SIZES = {SMALL: 1 << 10, LARGE: 10 << 20, HUGE: 1 << 30}
STORE = ("upload", "--path", "up", "--store-only")
IDLE_SESSIONS = 10_000
# Descriptors that a server needs besides its sessions: passive ports, files, libraries.
DESCRIPTORS_KEPT = 1_500


@dataclass(frozen=True)
class Goal:
    """A goal for loopftpd: a multiple of another server's figure, or an absolute figure."""

    against: str
    """`best peer`, the name of a server, or `` for a bound on the figure itself."""
    factor: float


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    storm: tuple
    """ftpstorm's scenario and its options."""
    unit: str
    figure: callable
    """The figure, from ftpstorm's JSON."""
    goals: tuple = ()
    less_is_better: bool = False
    writes: bool = False
    seconds: float = 3.0
    sessions: bool = False
    """Whether the number of clients depends on the server, and its process is watched."""

    def takes(self, server):
        """Whether the scenario can run against this server."""
        if self.writes and not server.takes_uploads():
            return False
        return not self.sessions or server.sessions_at_once > 0

    def clients(self, server, quick):
        """Sessions to hold, as far as descriptors allow."""
        allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1] - DESCRIPTORS_KEPT
        wanted = min(server.sessions_at_once, IDLE_SESSIONS, allowed)
        return min(wanted, 1000) if quick else wanted

    def arguments(self, server, running, quick):
        """ftpstorm's command line, without its own options for output."""
        name, *options = self.storm
        seconds = 0.5 if quick else self.seconds
        words = [name, f"127.0.0.1:{running.port}", *options, "--duration", f"{round(seconds * 1000)}ms"]
        if self.writes:
            words += server.login_for_uploads
        if self.sessions:
            words += ["--clients", str(self.clients(server, quick)), "--pid", str(running.pid)]
        return words


def rate(name):
    """Operations of this class per second."""
    return lambda result: operations(result, name)["per_second"] or None


def gibibytes(name):
    return lambda result: operations(result, name)["bytes_per_second"] / 2**30 or None


def milliseconds(name, quantile):
    def figure(result):
        found = operations(result, name)
        return found["latency"][quantile] * 1000 if found["operations"] else None

    return figure


def memory_a_session(result):
    server, sessions = result["server"], operations(result, "login")["operations"]
    return (server["most"]["memory"] - server["before"]["memory"]) / 1024 / sessions if sessions else None


def operations(result, name):
    return next(found for found in result["classes"] if found["name"] == name)


def best_peer(factor):
    return Goal("best peer", factor)


def limit(factor):
    return Goal("limit", factor)


ALL = (
    Scenario(
        "cycle-1", "PASV + connect + LIST, 1 client", ("cycle", "--path", "few", "--clients", "1"),
        "/s", rate("cycle"), (best_peer(1.5),),
    ),
    Scenario(
        "cycle-10", "the same, 10 clients", ("cycle", "--path", "few", "--clients", "10"),
        "/s", rate("cycle"), (best_peer(1.5),),
    ),
    Scenario(
        "login-8", "connect + login + quit, 8 clients", ("login", "--clients", "8"),
        "/s", rate("login"), (Goal("pyftpdlib", 3.5),),
    ),
    Scenario(
        "small-4", "download of 1 KiB, 4 clients", ("download", "--path", f"file-{SMALL}", "--clients", "4"),
        "/s", rate("download"), (best_peer(1.5),),
    ),
    Scenario(
        "list-10k", "LIST of 10,000 entries, 1 client", ("cycle", "--list", "LIST", "--path", "many", "--clients", "1"),
        "/s", rate("cycle"), (limit(0.8),),
    ),
    Scenario(
        "nlst-10k", "NLST of 10,000 entries, 1 client", ("cycle", "--list", "NLST", "--path", "many", "--clients", "1"),
        "/s", rate("cycle"), (limit(0.8),),
    ),
    Scenario(
        "download-1", "download of 1 GiB, 1 client", ("download", "--path", f"file-{HUGE}", "--clients", "1"),
        "GiB/s", gibibytes("download"), (limit(0.95), best_peer(1.0)),
    ),
    Scenario(
        "download-100", "download of 10 MiB, 100 clients", ("download", "--path", f"file-{LARGE}", "--clients", "100"),
        "GiB/s", gibibytes("download"), (limit(0.95), best_peer(1.0)), seconds=5.0,
    ),
    Scenario(
        "fair-20", "NOOP p99 while 20 clients download", ("fair", "--path", f"file-{LARGE}", "--clients", "20"),
        "ms", milliseconds("noop", "p99"), (best_peer(2.0),), less_is_better=True, seconds=5.0,
    ),
    Scenario(
        "idle-10k", "memory a session, 10,000 idle sessions", ("idle",),
        "KiB", memory_a_session, (Goal("", 1.0),), less_is_better=True, seconds=1.5, sessions=True,
    ),
    Scenario(
        "upload-1", "upload of 100 MiB, 1 client", (*STORE, "--size", "100M", "--clients", "1"),
        "GiB/s", gibibytes("upload"), (), writes=True,
    ),
    Scenario(
        "upload-10", "upload of 10 MiB, 10 clients", (*STORE, "--size", "10M", "--clients", "10"),
        "GiB/s", gibibytes("upload"), (), writes=True,
    ),
)


def plant(tree):
    """Creates the tree that all servers serve: files of every size, a directory of few, one of many, one to write to."""
    tree.mkdir(mode=0o755)
    # mkdir applies the umask, and servers that run as nobody must be able to read the tree.
    os.chmod(tree, 0o755)
    block = os.urandom(1 << 20)
    for name, size in SIZES.items():
        with open(tree / f"file-{name}", "wb") as file:
            for _ in range(size >> 20):
                file.write(block)
            file.write(block[: size % (1 << 20)])
    for name, entries in (("few", 10), ("many", ENTRIES)):
        (tree / name).mkdir()
        for number in range(entries):
            (tree / name / f"file-{number:05}.txt").touch()
    (tree / "up").mkdir()
    for directory in ("few", "many", "up"):
        os.chmod(tree / directory, 0o777 if directory == "up" else 0o755)


def clear_uploads(tree):
    for file in Path(tree, "up").iterdir():
        file.unlink()
