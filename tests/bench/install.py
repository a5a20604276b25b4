"""Unpacks the peers into a directory of their own, where they cannot conflict with each other or with the system.

The daemons are Debian packages that exclude each other, so each is downloaded with the libraries it lacks and unpacked,
not installed: `apt-get download`, `dpkg --extract`. pyftpdlib goes into a virtual environment.
"""
import subprocess
import sys
import tempfile
from pathlib import Path

from servers import Daemon, Pyftpdlib

EXPLANATION = """how to get the peers:
  --install does it: it unpacks the Debian packages and makes a virtual environment beneath --peers-dir.
  By hand: `apt-get install vsftpd` (or pure-ftpd, or proftpd-core; they exclude each other), or for the others
      apt-get download pure-ftpd && dpkg --extract pure-ftpd_*.deb PEERS-DIR/pure-ftpd
  and `python3 -m venv PEERS-DIR/pyftpdlib && PEERS-DIR/pyftpdlib/bin/pip install pyftpdlib`.
"""


def install(servers):
    """Installs the servers that are missing."""
    for server in servers:
        if server.program is not None:
            continue
        destination = server.peers / server.name
        if isinstance(server, Daemon):
            unpack(server.package, destination)
        elif isinstance(server, Pyftpdlib):
            run([sys.executable, "-m", "venv", destination])
            run([destination / "bin/pip", "install", "--quiet", "pyftpdlib"])
        server.program = server.find()


def unpack(package, destination):
    """The package, and its dependencies that this system lacks."""
    plan = run(["apt-get", "--simulate", "--no-install-recommends", "install", package], capture=True)
    # "Inst NAME (VERSION …)"; a peer that is installed would be removed ("Remv"), but nothing is done here.
    packages = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    destination.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="packages-") as downloads:
        # apt-get downloads as its own user if that can write there.
        Path(downloads).chmod(0o777)
        run(["apt-get", "--quiet", "download", *packages], directory=downloads)
        for archive in sorted(Path(downloads).glob("*.deb")):
            run(["dpkg", "--extract", archive, destination])


def run(words, directory=None, capture=False):
    words = [str(word) for word in words]
    print("$", *words, file=sys.stderr, flush=True)
    output = subprocess.PIPE if capture else sys.stderr
    return subprocess.run(words, cwd=directory, check=True, text=True, stdout=output).stdout
