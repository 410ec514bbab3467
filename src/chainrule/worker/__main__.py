"""`python -m chainrule.worker FD NAME…`: the zygote, controlled over the socket FD, with these libraries warm."""

import os
import socket
import sys

from chainrule.worker.zygote import main

if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
    os._exit(0)  # taking all the libraries down again would take most of a second
