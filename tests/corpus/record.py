"""Record what real tools print in states that were set, or compare it with what was recorded.

    sudo python -m tests.corpus.record [CASE…]            write into the corpus
    sudo python -m tests.corpus.record --check [CASE…]    write elsewhere, compare, say what differs

A case runs in namespaces of its own (mount, network, pid) with private /run, /etc/chrony and
/var/lib/systemd; chronyd runs with -x and timesyncd without CAP_SYS_TIME, so that the clock of
this machine is never touched. The NTP servers are a few lines of `recorder.py`, because their
offset, stratum and leap must be what the case says. Needs Debian 12's chrony, systemd, dbus,
busybox, procps, openssh-client; timesyncd, open-vm-tools, adjtimex and ntpsec (with python3-ntp)
are unpacked from their packages (they need not be installed) into the directories named by
TIMESYNCD_ROOT, OPEN_VM_TOOLS_ROOT, ADJTIMEX_ROOT and NTPSEC_ROOT. ntpd runs without CAP_SYS_TIME.
Cases of a domain share one that is made for them meanwhile (`record_kerberos`).
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.corpus import (  # noqa: F401 - they register themselves
    cases_chrony,
    cases_clock,
    cases_config,
    cases_guest,
    cases_kerberos,
    cases_systemd,
    record_kerberos,
)
from tests.corpus.compare import differences
from tests.corpus.record_kerberos import OF_A_DOMAIN
from tests.corpus.recorder import CASES
from tests.unit.corpus import CORPUS, read

ROOTS = {
    "timesyncd/252/": "TIMESYNCD_ROOT",
    "vmtools/12.2.0/": "OPEN_VM_TOOLS_ROOT",
    "kernel-clock/linux-6.18/adjtimex": "ADJTIMEX_ROOT",
    "ntpq/ntpsec-1.2.2/": "NTPSEC_ROOT",
}
"""Cases by their beginning → the variable that names their unpacked package."""

DOCUMENTED = {
    "agents/documented/apk": "Alpine",
    "agents/documented/rpm": "Red Hat, SUSE",
    "kernel-clock/documented/container": "a container that hides most of the kernel",
    "kernel-clock/documented/kvm-clock": "a guest on KVM",
    "kernel-clock/documented/tsc-given-up": "a machine whose TSC was given up",
    "ntpq/documented/ntpd-4.2.8": "the reference implementation's ntpd",
    "ntpq/documented/ntpd-4.2.8-local": "the reference implementation's ntpd",
    "ntpq/documented/ntpd-4.2.8-not-running": "the reference implementation's ntpd",
    "ntpq/documented/ntpsec-synchronised": "a clock that may be set",
    "platform/documented/ahv": "a guest on AHV",
    "platform/documented/aws": "a guest on AWS",
    "platform/documented/contradiction": "DMI and CPUID that contradict each other",
    "platform/documented/gcp": "a guest on Google Cloud",
    "platform/documented/hyperv": "a guest on Hyper-V",
    "platform/documented/kvm": "a guest on KVM",
    "platform/documented/physical": "no guest at all",
    "platform/documented/vmware": "a guest on VMware",
    "ptp/documented/hyperv": "a guest on Hyper-V",
    "ptp/documented/kvm": "a guest on KVM",
    "ptp/documented/vmware": "a guest on VMware",
    "rtc/documented/alpine": "Alpine",
    "rtc/documented/container-without-sys": "a container without /sys",
    "rtc/documented/local-in-summer": "a machine with an RTC",
    "rtc/documented/unreadable": "a machine with an RTC",
    "rtc/documented/utc": "a machine with an RTC",
    "rtc/documented/west-and-five-hours-slow": "a machine with an RTC",
    "services/documented/openrc": "OpenRC",
    "timedatectl/documented/synchronised": "a kernel whose clock may be set",
    "vmtools/documented/all-disabled": "VMware Tools on VMware",
    "vmtools/documented/conf-unreadable": "VMware Tools on VMware",
    "vmtools/documented/periodic-disabled": "VMware Tools on VMware",
    "vmtools/documented/periodic-enabled": "VMware Tools on VMware",
    "vmtools/documented/vendor-installer": "VMware Tools on VMware",
}
"""Cases that cannot be recorded again, and what they would need."""

ALL = (*CASES, *OF_A_DOMAIN)
"""Every case that can be recorded."""

_LANES = 8
"""Cases at once: most of their time is waiting."""


def root_missing(case: str) -> str | None:
    """The variable this case needs and the environment does not have."""
    return next((v for start, v in ROOTS.items() if case.startswith(start) and v not in os.environ), None)


def record(cases: Iterable[str], into: Path) -> dict[str, str]:
    """Record each case below `into`; case → what went wrong, for those that could not be recorded."""

    def one(case: str) -> str:
        argv = ["unshare", "--mount", "--net", "--uts", "--pid", "--fork", "--kill-child"]
        argv += [sys.executable, "-m", "tests.corpus.record", "--inside", "--into", str(into), case]
        done = subprocess.run(argv, capture_output=True, text=True, cwd=CORPUS.parents[1])
        return (done.stderr.strip() or f"exit status {done.returncode}") if done.returncode else ""

    asked = list(cases)
    wanted = [case for case in asked if case in CASES]
    with ThreadPoolExecutor(_LANES) as lanes, ThreadPoolExecutor(1) as beside:
        of_a_domain = beside.submit(record_kerberos.record, [c for c in asked if c in OF_A_DOMAIN], into)
        wrong = {case: said for case, said in zip(wanted, lanes.map(one, wanted), strict=True) if said}
        return wrong | of_a_domain.result()


def inside(case: str, into: Path) -> None:
    """In the namespaces: private directories, then the case."""
    into.mkdir(parents=True, exist_ok=True)
    kept = os.open(into, os.O_PATH)  # below /tmp or /run it is covered in a moment
    for command in (
        "ip link set lo up", "hostname guest", "mount -t tmpfs none /run", "mount -t tmpfs none /var/lib/systemd",
        "mount -t tmpfs none /etc/chrony", "mkdir -p /etc/chrony/conf.d /run/chrony /run/over/top /run/over/aside /run/ssh/top /run/ssh/aside",
        "chmod 750 /run/chrony", "mount -t overlay -o lowerdir=/etc/systemd/system,upperdir=/run/over/top,workdir=/run/over/aside none /etc/systemd/system",
        "mount -t overlay -o lowerdir=/etc/ssh,upperdir=/run/ssh/top,workdir=/run/ssh/aside none /etc/ssh",
        "mount -t proc proc /proc", "cp /bin/sleep /run/qemu-ga",
    ):  # fmt: skip
        subprocess.run(shlex.split(command), check=True)
    if Path("/sys/class/dmi").exists():  # a machine with DMI is hidden: the cases are of one without
        subprocess.run(["mount", "-t", "tmpfs", "none", "/sys/class/dmi"], check=True)
    CASES[case](Path(f"/proc/self/fd/{kept}") / case)


def main(arguments: list[str]) -> int:
    """0: recorded, or nothing differs; 1: something could not be recorded or differs."""
    parser = argparse.ArgumentParser(prog="tests.corpus.record")
    parser.add_argument("--check", action="store_true", help="compare with the corpus and leave it alone")
    parser.add_argument("--into", type=Path, default=CORPUS, help="another directory than the corpus")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="TOOL/VERSION/CASE or its beginning")
    asked = parser.parse_args(arguments)
    if asked.inside:
        inside(asked.cases[0], asked.into)
        return 0
    wanted = [c for c in ALL if not asked.cases or any(c.startswith(w) for w in asked.cases)]
    without = {case: f"{missing} is not set" for case in wanted if (missing := root_missing(case))}
    with tempfile.TemporaryDirectory() as aside:
        into = Path(aside) if asked.check else asked.into
        wrong = without | record([case for case in wanted if case not in without], into)
        for case in wanted:
            if case not in wrong and asked.check:
                found = differences(read(CORPUS, case), read(into, case))
                wrong |= {case: "\n".join(found)} if found else {}
            print(f"{case}: {wrong.get(case, 'the same' if asked.check else 'recorded')}")
    if asked.check and not asked.cases:
        for case, needs in DOCUMENTED.items():
            print(f"{case}: documented, not recorded: needs {needs}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
