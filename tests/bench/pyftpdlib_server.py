"""pyftpdlib as a server for the benchmarks, run by its own interpreter: PORT LOW HIGH DIR PERMISSIONS."""
import logging
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler
from pyftpdlib.servers import FTPServer

port, low, high, directory, permissions = sys.argv[1:]
logging.basicConfig(level=logging.ERROR)
handler = FTPHandler
handler.authorizer = DummyAuthorizer()
handler.authorizer.add_anonymous(directory, perm=permissions)
handler.passive_ports = range(int(low), int(high) + 1)
server = FTPServer(("127.0.0.1", int(port)), handler, backlog=1024)
server.max_cons = 20_000
server.max_cons_per_ip = 0
server.serve_forever()
