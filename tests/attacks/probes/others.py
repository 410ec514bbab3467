"""Reaching others: processes, their memory and signals; services of the machine; the network."""

import ctypes
import os
import signal
import socket
import subprocess

from tests.attacks.prelude import Nothing, call, found, in_child, libc
from tests.attacks.probe import probe


@probe(48)
def signal_a_process_of_the_grader(t):
    return os.kill(t.victim, 0)


@probe(48)
def stop_a_process_of_the_grader(t):
    os.kill(t.victim, signal.SIGSTOP)
    os.kill(t.victim, signal.SIGCONT)
    return "stopped for a moment"


@probe(48, effect="signals")
def signal_everybody(t):
    """kill(-1) says that it worked, whomever it reached."""
    return os.kill(-1, signal.SIGURG)


@probe(48)
def signal_a_thread_of_another_process(t):
    return call(234, 131, t.victim, t.victim, 0)


@probe(48)
def signal_by_a_number_only(t):
    return call(200, 130, t.victim, 0)


@probe(48)
def signal_with_a_value(t):
    return call(129, 138, t.victim, 0, ctypes.create_string_buffer(b"\0" * 8 + b"\xff\xff\xff\xff" + b"\0" * 120))


@probe(48)
def signal_by_a_handle(t):
    return call(424, 424, os.pidfd_open(t.victim), 0, None, 0)


@probe(48, effect="signals")
def have_a_signal_sent_by_a_file(t):
    """The owner of a file gets a signal when something arrives."""
    import fcntl

    ours, theirs = socket.socketpair()
    fcntl.fcntl(ours, fcntl.F_SETOWN, t.victim)
    if fcntl.fcntl(ours, fcntl.F_GETOWN) != t.victim:
        raise PermissionError(1, "not owned")
    fcntl.fcntl(ours, 10, signal.SIGURG)  # F_SETSIG
    fcntl.fcntl(ours, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    return theirs.send(b"x")


@probe(48)
def slow_another_process_down(t):
    return os.setpriority(os.PRIO_PROCESS, t.victim, os.getpriority(os.PRIO_PROCESS, t.victim))


@probe(48, effect="nice")
def slow_all_processes_of_the_user_down(t):
    """Who 0 of PRIO_USER: everybody with this uid. Those that are slower already are refused, the others slowed."""
    try:
        return os.setpriority(os.PRIO_USER, 0, os.getpriority(os.PRIO_PROCESS, 0) + 1)
    except PermissionError as error:
        return error


@probe(48, effect="io")
def give_all_processes_of_the_user_no_disk(t):
    """ioprio_set for a user (IOPRIO_WHO_USER; 0 would be root there): the ordinary class and its last place."""
    return call(251, 30, 3, os.getuid(), (2 << 13) | 7)


@probe(48)
def move_another_process_to_one_core(t):
    return os.sched_setaffinity(t.victim, os.sched_getaffinity(t.victim))


@probe(48)
def limit_another_process(t):
    import resource

    return resource.prlimit(t.victim, resource.RLIMIT_CORE, (0, 0))


@probe(9, by="Nothing")
def see_other_processes(t):
    names = [name for name in os.listdir("/proc") if name.isdigit()]
    if str(t.victim) not in names:
        raise Nothing(str(names))
    return names


@probe(10)
def open_the_memory_of_another_process(t):
    return os.close(os.open(f"/proc/{t.victim}/mem", os.O_RDWR))


@probe(10)
def open_the_memory_of_the_parent(t):
    return os.close(os.open(f"/proc/{os.getppid()}/mem", os.O_RDWR))


@probe(10)
def look_into_the_open_files_of_the_parent(t):
    names = os.listdir(f"/proc/{os.getppid()}/fd")
    return [os.readlink(f"/proc/{os.getppid()}/fd/{name}") for name in names]


@probe(11)
def trace_another_process(t):
    call(101, 117, 0x4206, t.victim, 0, 0)  # SEIZE: without stopping it
    call(101, 117, 0x4207, t.victim, 0, 0)  # INTERRUPT
    os.waitpid(t.victim, 0x40000000)
    return call(101, 117, 17, t.victim, 0, 0)  # DETACH


@probe(11)
def read_the_memory_of_another_process(t):
    buffer = ctypes.create_string_buffer(8)
    here = (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 8)
    there = (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 8)
    try:
        return call(310, 270, t.victim, here, 1, there, 1, 0)
    except OSError as error:
        if error.errno == 14:  # EFAULT: it looked, and nothing was mapped at that address
            return "allowed"
        raise


@probe(11)
def take_an_open_file_of_another_process(t):
    return call(438, 438, os.pidfd_open(t.victim), 1, 0)


@probe(11)
def compare_open_files_with_another_process(t):
    return call(312, 272, os.getpid(), t.victim, 0, 0, 0)


@probe(52)
def connect_to_a_service_by_its_path(t):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(t.service)
        return found(sock.recv(100))


@probe(52, by="ECONNREFUSED")
def connect_to_a_service_without_a_path(t):
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(t.abstract)
        return found(sock.recv(100))


@probe(52)
def send_a_datagram_to_a_service(t):
    """To the system's log, say. A pair of sockets will do where no socket can be made."""
    ours, _theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return ours.sendto(b"from a student", t.datagrams)


@probe(52, by="ECONNREFUSED")
def send_a_datagram_without_a_path(t):
    ours, _theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return ours.sendto(b"from a student", t.abstract_datagrams)


@probe(52)
def reconnect_a_pair_of_sockets(t):
    ours, _theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.connect(t.datagrams)
    return ours.send(b"from a student")


@probe(51)
def connect_to_this_machine(t):
    with socket.create_connection(("127.0.0.1", t.tcp), 2) as sock:
        return found(sock.recv(100))


@probe(51)
def send_a_packet(t):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return sock.sendto(b"from a student", ("127.0.0.1", t.udp))


@probe(51)
def send_over_ipv6(t):
    return socket.socket(socket.AF_INET6, socket.SOCK_STREAM).close()


@probe(51)
def listen_for_connections(t):
    return socket.create_server(("127.0.0.1", 0)).close()


@probe(51, by="Nothing")
def use_the_network_from_another_program(t):
    code = f"import socket; print(socket.create_connection(('127.0.0.1', {t.tcp}), 2).recv(100).decode())"
    import sys

    return found(subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, timeout=20).stdout)


@probe(54)
def talk_to_the_hypervisor(t):
    return socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()


@probe(51)
def talk_to_the_kernel_by_netlink(t):
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close()


@probe(53, no_control="not in every kernel")
def use_the_kernels_ciphers(t):
    return socket.socket(38, socket.SOCK_SEQPACKET, 0).close()


@probe(51, no_control="only root may")
def see_all_packets(t):
    return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()


@probe(13, 52, by="EINVAL EIDRM")
def read_shared_memory_of_another_program(t):
    """A segment is found by its number: those are small."""
    libc.shmat.restype = ctypes.c_long
    address = libc.shmat(t.segment, None, 0)
    if address == -1:
        raise OSError(ctypes.get_errno(), "shmat")
    return hex(address)


@probe(48, by="EINVAL EIDRM")
def ask_about_shared_memory_of_another_program(t):
    """Who may ask may remove it, too."""
    if libc.shmctl(t.segment, 2, ctypes.create_string_buffer(256)) < 0:
        raise OSError(ctypes.get_errno(), "shmctl")
    return "asked"


@probe(48, by="EINVAL EIDRM")
def write_into_a_queue_of_another_program(t):
    message = ctypes.create_string_buffer(b"\1\0\0\0\0\0\0\0text")
    if libc.msgsnd(t.queue, message, 4, 0o4000) < 0:
        raise OSError(ctypes.get_errno(), "msgsnd")
    if libc.msgrcv(t.queue, message, 4, 0, 0o4000) < 0:
        raise OSError(ctypes.get_errno(), "msgrcv")
    return "written"


@probe(55, by="killed Nothing")
def stop_the_first_process(t):
    """Of a namespace: it takes no signals from inside. It goes on to reap, so a child can be awaited."""
    if os.getppid() != 1 or os.path.exists(f"/proc/{t.victim}"):
        os.kill(t.victim, signal.SIGSTOP)
        os.kill(t.victim, signal.SIGCONT)
        return "stopped another one"
    os.kill(1, signal.SIGSTOP)
    in_child(lambda: None)
    with open("/proc/1/stat") as file:
        state = file.read().rpartition(")")[2].split()[0]
    if state == "T":
        return "stopped"
    raise Nothing(f"it is {state}")
