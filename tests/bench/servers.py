"""The measured servers: where each is found, how it is configured, started and ended.

Every one of them serves the same tree to anonymous clients on loopback, in the foreground, pinned to one core, without
name look-ups, without limits for one address, without a line of log for a transfer, and with room for as many clients
as come. Apart from that each keeps its own defaults.
"""
import glob
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PASSIVE_PORTS = 1000
"""Number of passive ports of each server."""
READY_WITHIN = 15.0
ENDED_WITHIN = 10.0
# Below the ephemeral ports.
LOWEST_PORT, HIGHEST_PORT = 10_000, 31_000
UPLOAD_USER, UPLOAD_PASSWORD = "bench", "bench"
# crypt(3) of "bench": Pure-FTPd does not let anonymous clients overwrite files, so uploads to it use this user.
UPLOAD_PASSWORD_HASH = "$1$bench$IDaFocGqo.f39hZ5dc3P7."


class NotStarted(Exception):
    """Why a server could not be started."""


@dataclass(frozen=True)
class Place:
    """Where a server listens, and what it serves."""

    tree: Path
    scratch: Path
    """A directory for its configuration, invisible to clients."""
    port: int
    low: int
    high: int
    writes: bool


class Server:
    """The base of all servers: a name, a program that may be missing, a command line for a place."""

    name = ""
    is_peer = True
    """Whether it counts as a peer of loopftpd."""
    is_usual = True
    """Whether it is measured by default."""
    sessions_at_once = 10_000
    """How many idle sessions it is measured with."""
    login_for_uploads = []
    """The options of ftpstorm that allow it to write."""

    def __init__(self, root, peers):
        self.root, self.peers = root, peers
        self.program = self.find()

    def find(self):
        """The program, or None if it is not installed."""
        raise NotImplementedError

    def version(self):
        raise NotImplementedError

    def takes_uploads(self):
        return True

    def command(self, place):
        """The command line; writes the configuration it needs."""
        raise NotImplementedError

    def environment(self):
        return dict(os.environ)


class Daemon(Server):
    """A peer in C: installed, or unpacked in the peers' directory."""

    binary = ""
    package = ""
    sessions_at_once = 200
    """One process per session: the memory per session does not depend on their number."""

    def find(self):
        unpacked = self.peers / self.name / "usr/sbin" / self.binary
        if unpacked.exists():
            return unpacked
        installed = shutil.which(self.binary, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        return Path(installed) if installed else None

    def environment(self):
        libraries = glob.glob(str(self.peers / self.name / "usr/lib/*-linux-gnu"))
        libraries += glob.glob(str(self.peers / self.name / "lib/*-linux-gnu"))
        return dict(os.environ, LD_LIBRARY_PATH=":".join(libraries))

    def said(self, *arguments):
        """What the program prints for these arguments; vsftpd prints to its standard input."""
        with tempfile.TemporaryFile("w+") as output:
            command, environment = [self.program, *arguments], self.environment()
            subprocess.run(command, stdin=output, stdout=output, stderr=output, env=environment, check=False)
            output.seek(0)
            return output.read()


class Loopftpd(Server):
    name = "loopftpd"
    is_peer = False
    without = []

    def find(self):
        program = target_directory(self.root) / "release/loopftpd"
        return program if program.exists() else None

    def version(self):
        version = output_of([self.program, "--version"]).split()[-1]
        commit = output_of(["git", "-C", self.root, "describe", "--always", "--dirty"]).strip()
        return f"{version}, commit {commit}" if commit else version

    def takes_uploads(self):
        return "--write" in output_of([self.program, "--help"])

    def command(self, place):
        write = ["--write"] if place.writes else []
        return [
            self.program, "--listen", f"127.0.0.1:{place.port}", "--passive-ports", f"{place.low}-{place.high}",
            "--max-sessions", "20k", "--log-level", "warn", *write, *self.without, place.tree,
        ]


def leaving_out(technique):
    """loopftpd without one of its optimizations, to measure its effect."""

    class Without(Loopftpd):
        name = f"without-{technique}"
        is_usual = False
        without = ["--without", technique]

    return Without


class Unconfined(Loopftpd):
    """loopftpd without Landlock and seccomp, to measure what they cost."""

    name = "no-sandbox"
    is_usual = False
    without = ["--no-sandbox"]


class Limit(Server):
    """The bare limit: the system calls with fixed replies, on blocking threads. See limits.rs."""

    name = "limit"
    is_peer = False
    sessions_at_once = 0

    def find(self):
        program = target_directory(self.root) / "release/examples/limits"
        return program if program.exists() else None

    def version(self):
        return "tests/bench/limits.rs"

    def command(self, place):
        return [self.program, f"127.0.0.1:{place.port}", place.tree]


class Vsftpd(Daemon):
    name = binary = package = "vsftpd"

    def version(self):
        return self.said("-v").split()[-1]

    def command(self, place):
        empty = place.scratch / "empty"
        empty.mkdir(mode=0o755)
        yes_if_writes = "YES" if place.writes else "NO"
        configuration = place.scratch / "vsftpd.conf"
        configuration.write_text(
            f"""listen=YES
listen_address=127.0.0.1
listen_port={place.port}
background=NO
anonymous_enable=YES
local_enable=NO
anon_root={place.tree}
ftp_username=ftp
nopriv_user=nobody
secure_chroot_dir={empty}
pasv_min_port={place.low}
pasv_max_port={place.high}
max_clients=0
max_per_ip=0
tcp_wrappers=NO
xferlog_enable=NO
write_enable={yes_if_writes}
anon_upload_enable={yes_if_writes}
anon_other_write_enable={yes_if_writes}
# Its filter kills its own child on kernels newer than itself.
seccomp_sandbox=NO
"""
        )
        return [*seeing_users(place), self.program, configuration]


class PureFtpd(Daemon):
    name = binary = package = "pure-ftpd"
    login_for_uploads = ["--user", UPLOAD_USER, "--password", UPLOAD_PASSWORD]

    def version(self):
        return self.said("--help").split()[1].removeprefix("v")

    def command(self, place):
        return [
            *seeing_users(place), self.program, "--bind", f"127.0.0.1,{place.port}", "--ipv4only",
            "--passiveportrange", f"{place.low}:{place.high}", "--maxclientsnumber", "20000",
            "--dontresolve", "--syslogfacility", "none", "--limitrecursion", "1000000:8", "--minuid", "1",
            "--login", "unix", "--pidfile", place.scratch / "pid",
            *([] if place.writes else ["--anonymousonly", "--anonymouscantupload"]),
        ]


class Proftpd(Daemon):
    name = binary = "proftpd"
    package = "proftpd-core"

    def version(self):
        return self.said("-v").split()[-1]

    def command(self, place):
        configuration = place.scratch / "proftpd.conf"
        limit = "AllowAll" if place.writes else "DenyAll"
        configuration.write_text(
            f"""ServerName benchmark
ServerType standalone
DefaultAddress 127.0.0.1
Port {place.port}
SocketBindTight on
UseIPv6 off
User nobody
Group nogroup
PidFile {place.scratch}/pid
ScoreboardFile {place.scratch}/scoreboard
AuthOrder mod_auth_unix.c
RequireValidShell off
PassivePorts {place.low} {place.high}
MaxInstances none
TCPBacklog 255
UseReverseDNS off
UseSendfile on
SystemLog none
TransferLog none
WtmpLog off
TimesGMT on
AllowOverwrite on
<IfModule mod_delay.c>
  DelayEngine off
  DelayTable none
</IfModule>
<Anonymous {place.tree}>
  User nobody
  Group nogroup
  UserAlias anonymous nobody
  <Limit WRITE>
    {limit}
  </Limit>
</Anonymous>
"""
        )
        return [self.program, "--nodaemon", "--config", configuration]


class Pyftpdlib(Server):
    name = "pyftpdlib"

    def find(self):
        own = self.peers / self.name / "bin/python"
        for interpreter in (own, Path(sys.executable)):
            if interpreter.exists() and self.run(interpreter, "import pyftpdlib").returncode == 0:
                return interpreter
        return None

    @staticmethod
    def run(interpreter, program):
        return subprocess.run([interpreter, "-c", program], capture_output=True, text=True, check=False)

    def version(self):
        program = "import pyftpdlib, sys; print(pyftpdlib.__ver__, 'on Python', sys.version.split()[0])"
        return self.run(self.program, program).stdout.strip()

    def command(self, place):
        permissions = "elrw" if place.writes else "elr"
        script = HERE / "pyftpdlib_server.py"
        return [self.program, script, str(place.port), str(place.low), str(place.high), place.tree, permissions]


TECHNIQUES = ("cork", "nodelay", "busy-poll")
def seeing_users(place):
    """What goes before a server that looks for a user called ftp and serves that user's home. Not every machine has
    one, so the server sees a list of users of its own, in a mount namespace of its own."""
    users = place.scratch / "passwd"
    users.write_text(
        f"root:x:0:0::/root:/bin/sh\n"
        f"nobody:*:65534:65534::{place.tree}:/bin/sh\n"
        f"ftp:*:65534:65534::{place.tree}:/bin/sh\n"
        f"{UPLOAD_USER}:{UPLOAD_PASSWORD_HASH}:65534:65534::{place.tree}:/bin/sh\n"
    )
    return ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/passwd && exec "$@"', users]


ALL = (Loopftpd, Vsftpd, PureFtpd, Proftpd, Pyftpdlib, Limit, Unconfined, *map(leaving_out, TECHNIQUES))


def output_of(command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def target_directory(root):
    return Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))


class Running:
    """A running server: `with Running(server, tree, writes, core) as running`."""

    def __init__(self, server, tree, writes, core):
        self.server = server
        self.scratch = tempfile.TemporaryDirectory(prefix="peer-")
        # Servers that change their user still read their own files there.
        os.chmod(self.scratch.name, 0o755)
        port = free_ports(1 + PASSIVE_PORTS)
        self.port = port
        place = Place(tree, Path(self.scratch.name), port, port + 1, port + PASSIVE_PORTS, writes)
        self.command = ["taskset", "--cpu-list", str(core), *map(str, server.command(place))]
        self.log = open(place.scratch / "log", "w+")
        self.process = None

    def __enter__(self):
        # vsftpd prints errors to its standard input.
        self.process = subprocess.Popen(
            self.command, stdin=self.log, stdout=self.log, stderr=self.log, env=self.server.environment()
        )
        try:
            self.await_greeting()
        except BaseException:
            self.end()
            raise
        return self

    def await_greeting(self):
        deadline = time.monotonic() + READY_WITHIN
        while not greets(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.log.seek(0)
                said = self.log.read().strip() or "it said nothing"
                raise NotStarted(f"{self.server.name} does not greet anybody: {said}")
            time.sleep(0.02)

    def __exit__(self, *_):
        self.end()

    @property
    def pid(self):
        return self.process.pid

    def end(self):
        """Ends the process and its children, each by its id."""
        descendants = descendants_of(self.process.pid)
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(ENDED_WITHIN)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid, born in descendants:
            if birth(pid) == born:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        self.log.close()
        self.scratch.cleanup()


def greets(port):
    """Whether a server greets with 220 at the port."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=READY_WITHIN) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False


def free_ports(count):
    """The first of `count` consecutive free ports."""
    for _ in range(1000):
        first = random.randrange(LOWEST_PORT, HIGHEST_PORT - count)
        if all(is_free(port) for port in range(first, first + count)):
            return first
    raise NotStarted(f"no {count} free ports in a row between {LOWEST_PORT} and {HIGHEST_PORT}")


def is_free(port):
    with socket.socket() as probe:
        # Connections of an earlier server that linger do not matter to the next.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def birth(pid):
    """The start time of a process, so that a reused id is not mistaken for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return None


def descendants_of(pid):
    """Process ids, each with its start time."""
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        for children in glob.glob(f"/proc/{parent}/task/*/children"):
            try:
                ids = [int(child) for child in Path(children).read_text().split()]
            except OSError:
                continue
            found += [(child, birth(child)) for child in ids]
            waiting += ids
    return found
