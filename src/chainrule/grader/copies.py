"""Copies of a process by forking it, on orders that come over a socket."""

from __future__ import annotations

import os
import signal
import socket

LONGEST_ORDER = 65536


def copies(control: socket.socket) -> socket.socket | None:
    """Fork on every order until the other side hangs up, then return None. A copy returns the socket it is to serve.

    An order (one packet of a SOCK_SEQPACKET socket) is the folder to work in, with the copy's socket and the file for
    what it prints. The copy's first words on its socket are its process id (4 bytes) with a handle of it (pidfd).
    Raises `RuntimeError` in a process with threads: what they held would stay locked in the copies.
    """
    if len(os.listdir("/proc/self/task")) > 1:
        raise RuntimeError("The grader files start threads when they are imported: this process cannot be copied.")
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel reaps the copies
    control.send(b"\0")
    while True:
        place, descriptors, _, _ = socket.recv_fds(control, LONGEST_ORDER, 2)
        if not place:
            return None
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, before)
            return _arrived(os.fsdecode(place), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _arrived(place: str, sock: int, log: int) -> socket.socket:
    os.setsid()
    os.chdir(place)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    served = socket.socket(fileno=sock)
    handle = os.pidfd_open(os.getpid())
    socket.send_fds(served, [os.getpid().to_bytes(4, "little")], [handle])
    os.close(handle)
    return served
