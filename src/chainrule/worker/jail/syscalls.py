"""The table of system calls that a student's process is refused, with their numbers on each machine."""

from __future__ import annotations

from dataclasses import dataclass

MACHINES = ("x86_64", "aarch64")
AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
LAST_REVIEWED = 462
"""Later system calls do not exist for a student: nobody has looked at them."""


@dataclass(frozen=True)
class Call:
    """Numbers on x86_64 and aarch64; None: the machine has no such call."""

    x86_64: int | None
    aarch64: int | None

    def on(self, machine: str) -> int | None:
        return self.x86_64 if machine == "x86_64" else self.aarch64


# Refused always. Looking into other processes:
_PROCESSES = """
ptrace 101 117; process_vm_readv 310 270; process_vm_writev 311 271; process_madvise 440 440; process_mrelease 448 448;
kcmp 312 272; pidfd_open 434 434; pidfd_getfd 438 438; pidfd_send_signal 424 424; perf_event_open 298 241
"""
# … another view of the file system, more namespaces:
_VIEW = """
mount 165 40; umount2 166 39; pivot_root 155 41; chroot 161 51; move_mount 429 429; open_tree 428 428; fsopen 430 430;
fsconfig 431 431; fsmount 432 432; fspick 433 433; mount_setattr 442 442; setns 308 268; mknod 133 -; mknodat 259 33;
open_by_handle_at 304 265; name_to_handle_at 303 264; fanotify_init 300 262; fanotify_mark 301 263; quotactl 179 60;
quotactl_fd 443 443; acct 163 89; swapon 167 224; swapoff 168 225
"""
# … parts of the kernel with a long list of faults, and what is for administrators:
_KERNEL = """
bpf 321 280; userfaultfd 323 282; io_uring_setup 425 425; io_uring_enter 426 426; io_uring_register 427 427;
keyctl 250 219; add_key 248 217; request_key 249 218; kexec_load 246 104; kexec_file_load 320 294; init_module 175 105;
finit_module 313 273; delete_module 176 106; reboot 169 142; sethostname 170 161; setdomainname 171 162; iopl 172 -;
ioperm 173 -; modify_ldt 154 -; uselib 134 -; _sysctl 156 -; settimeofday 164 170; clock_settime 227 112;
clock_adjtime 305 266; adjtimex 159 171; syslog 103 116; vhangup 153 58; nfsservctl 180 42; lookup_dcookie 212 18;
personality 135 92; seccomp 317 277; execveat 322 281; vmsplice 278 75
"""
# … memory that no limit counts, and what other programs have of it (it is found by its number):
_MEMORY = """
memfd_create 319 279; memfd_secret 447 447; shmget 29 194; msgget 68 186; semget 64 190; mq_open 240 180;
shmat 30 196; shmctl 31 195; msgctl 71 187; msgsnd 69 189; msgrcv 70 188; semop 65 193; semctl 66 191;
semtimedop 220 192; mq_unlink 241 181;
migrate_pages 256 238; move_pages 279 239; mbind 237 235; set_mempolicy 238 237; set_mempolicy_home_node 450 450
"""
# Refused where there is no PID namespace: leaving the process group (by which the tree is killed), reaching others.
# And where the host's files are there: Landlock asks at the opening of a file, not at a change of its attributes, and
# not before it tells of what others do in a folder.
_TOGETHER = """
setsid 112 157; setpgid 109 154; tkill 200 130; rt_sigqueueinfo 129 138; rt_tgsigqueueinfo 297 240;
inotify_init 253 -; inotify_init1 294 26; inotify_add_watch 254 27; setxattr 188 5; lsetxattr 189 6; fsetxattr 190 7;
removexattr 197 14; lremovexattr 198 15; fremovexattr 199 16
"""
# … and these are said to be done, and are not: ordinary programs take a refusal badly (`shutil.copy`).
_PRETENDED = """
chmod 90 -; fchmod 91 52; fchmodat 268 53; fchmodat2 452 452; chown 92 -; lchown 94 -; fchown 93 55; fchownat 260 54;
utime 132 -; utimes 235 -; futimesat 261 -; utimensat 280 88
"""

# Decided by an argument: see `seccomp`.
_ARGUED = """
clone 56 220; clone3 435 435; socket 41 198; socketpair 53 199; ioctl 16 29; prctl 157 167; unshare 272 97;
prlimit64 302 261; kill 62 129; tgkill 234 131; fcntl 72 25; setpriority 141 140; ioprio_set 251 30;
sched_setaffinity 203 122; sched_setscheduler 144 119; sched_setparam 142 118; sched_setattr 314 274;
truncate 76 45
"""


def _parse(text: str) -> dict[str, Call]:
    table = {}
    for row in text.split(";"):
        name, *numbers = row.split()
        x86_64, aarch64 = (None if number == "-" else int(number) for number in numbers)
        table[name] = Call(x86_64, aarch64)
    return table


REFUSED = {**_parse(_PROCESSES), **_parse(_VIEW), **_parse(_KERNEL), **_parse(_MEMORY)}
REFUSED_TOGETHER = _parse(_TOGETHER)
PRETENDED_TOGETHER = _parse(_PRETENDED)
CALLS = {**REFUSED, **REFUSED_TOGETHER, **PRETENDED_TOGETHER, **_parse(_ARGUED)}
