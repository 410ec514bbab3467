"""`python -m chainrule.worker FD`: serve one notebook on the connected socket FD."""

import socket
import sys

from chainrule.worker.serve import Server
from chainrule.worker.shell import make_shell

if __name__ == "__main__":
    Server(socket.socket(fileno=int(sys.argv[1])), make_shell()).serve()
