"""`python -m chainrule.worker FD WHEN NAME…`: the zygote, controlled over the socket FD, with these libraries warm.

WHEN says whether it moves into a bubblewrap first: see `worker.jail.bubblewrap.stand`.
"""

import os
import socket
import sys

from chainrule.worker.jail import bubblewrap

if __name__ == "__main__":
    descriptor, when, *names = sys.argv[1:]
    standing = bubblewrap.stand(when, int(descriptor), names)  # before any library is imported: it may start us anew

    from chainrule.worker.zygote import main

    main(socket.socket(fileno=int(descriptor)), names, standing)
    os._exit(0)  # taking all the libraries down again would take most of a second
