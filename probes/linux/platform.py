"""Which machine this is and what it runs on: os-release, DMI, host keys, clocksource.

The word for the platform needs strong hints that do not contradict: the DMI vendor and
product pair, and what systemd-detect-virt (CPUID) says where it is there. A container's
answer is no hint. `physical` needs detect-virt's "none" *and* a vendor that is no hypervisor.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shlex

from probes.facts_identity import PlatformFacts
from probes.linux.text import Unparsed, broken, only_line, quoted, whole_lines
from probes.observation import Facts, Failure, FailureKind, Family, Raw
from probes.reader import Command, Reader

HOST_KEYS = tuple(f"/etc/ssh/ssh_host_{kind}_key.pub" for kind in ("ed25519", "ecdsa", "rsa"))
_CLOCKSOURCE = "/sys/devices/system/clocksource/clocksource0"
_DMI = "/sys/class/dmi/id"

_MACHINE_ID = re.compile(r"[0-9a-f]{32}\Z", re.ASCII)
_WORD = re.compile(r"[0-9A-Za-z._-]{1,64}\Z", re.ASCII)
_UID = re.compile(r"\d{1,10}\Z", re.ASCII)
_KERNEL = re.compile(r"\d+\.\d[0-9A-Za-z.+~_-]{0,60}\Z", re.ASCII)
_HOSTNAME = re.compile(r"[0-9A-Za-z._-]{1,253}\Z", re.ASCII)

# systemd's words (src/basic/virt.c): machines, then containers, which hide what is below them.
_MACHINES = {
    "none": "physical",
    "vmware": "vmware",
    "kvm": "kvm",
    "qemu": "kvm",
    "microsoft": "hyperv",
    "xen": "xen",
    "amazon": "aws",
    "google": "gcp",
}
_MACHINES_ELSEWHERE = frozenset(
    [
        "acrn",
        "apple",
        "bhyve",
        "bochs",
        "oracle",
        "parallels",
        "powervm",
        "qnx",
        "sre",
        "uml",
        "vm-other",
        "zvm",
    ]
)
_CONTAINERS = frozenset(
    [
        "container-other",
        "docker",
        "lxc",
        "lxc-libvirt",
        "openvz",
        "podman",
        "pouch",
        "proot",
        "rkt",
        "systemd-nspawn",
        "wsl",
    ]
)
# Words in a vendor or product that no physical machine carries, or that we do not place.
_VIRTUAL = re.compile(
    "vmware|qemu|nutanix|virtual|xen|amazon|google|red hat|ovirt|kvm|innotek|bochs|parallels|openstack|"
    "digitalocean|alibaba|proxmox|cloud",
)
# What CPUID may say on a platform that DMI names: AHV is KVM, AWS runs on Nitro (KVM) or Xen, and Google's is KVM.
_CPUID = {"ahv": ("kvm",), "aws": ("aws", "kvm", "xen"), "gcp": ("gcp", "kvm")}


def parse(raws: tuple[Raw, ...]) -> Facts | Failure:
    """Facts from the commands of READER; a value that may not be read is None."""
    failure = next((f for raw in raws if (f := broken(raw)) is not None), None)
    if failure is not None:
        return failure
    release, kernel, name, machine, vendor, product, virt, current, available, uid, *keys = raws
    try:
        system = _os_release(release.out) if release.rc == 0 else {}
        dmi_vendor, dmi_product = _line(vendor), _line(product)
        detected = _virt(virt)
        return PlatformFacts(
            os_id=system.get("ID"),
            os_version=system.get("VERSION_ID"),
            os_name=system.get("PRETTY_NAME"),
            kernel=_matching(_line(kernel), _KERNEL),
            hostname=_matching(_line(name), _HOSTNAME),
            machine_id=_matching(_line(machine) or None, _MACHINE_ID),
            dmi_vendor=dmi_vendor,
            dmi_product=dmi_product,
            virt=detected,
            platform=platform(dmi_vendor, dmi_product, detected),
            clocksource=_matching(_line(current), _WORD),
            clocksources=tuple(_words(available)),
            host_keys=tuple(sorted(_fingerprint(key.out) for key in keys if key.rc == 0)),
            privileged=_matching(_line(uid), _UID) == "0",
        )
    except Unparsed as error:
        return Failure(FailureKind.NOT_UNDERSTOOD, str(error))


def platform(vendor: str | None, product: str | None, virt: str | None) -> str:
    """The platform's word: vmware, kvm, ahv, hyperv, xen, aws, gcp, physical, or unknown in doubt."""
    by_dmi = _by_dmi(vendor or "", product or "")
    if virt is None or virt in _CONTAINERS:
        return by_dmi or "unknown"
    by_cpuid = _MACHINES.get(virt, "unknown")
    if vendor is None:
        # CPUID's kvm may be AHV or any other product on KVM; the others name themselves.
        return by_cpuid if by_cpuid in ("vmware", "hyperv", "aws", "gcp") else "unknown"
    if by_dmi is None:
        foreign = _VIRTUAL.search(f"{vendor} {product}".lower()) is not None
        return "physical" if by_cpuid == "physical" and not foreign else "unknown"
    return by_dmi if by_cpuid in _CPUID.get(by_dmi, (by_dmi,)) else "unknown"


def _by_dmi(vendor: str, product: str) -> str | None:
    if vendor == "VMware, Inc." and product.startswith("VMware"):
        return "vmware"
    if vendor == "Nutanix" and product == "AHV":
        return "ahv"
    if vendor == "QEMU" or (
        vendor in ("Red Hat", "KubeVirt", "oVirt") and product in ("KVM", "RHEL", "None", "oVirt Node")
    ):
        return "kvm"
    if vendor == "Microsoft Corporation" and product == "Virtual Machine":
        return "hyperv"
    if vendor == "Xen" and product == "HVM domU":
        return "xen"
    if vendor == "Amazon EC2":
        return "aws"
    if vendor == "Google" and product == "Google Compute Engine":
        return "gcp"
    return None


def _os_release(text: str) -> dict[str, str]:
    values = {}
    for line in whole_lines(text):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        key, equals, value = line.partition("=")
        try:
            words = shlex.split(value)
        except ValueError:
            raise Unparsed(f"os-release: {quoted(line)}") from None
        if not equals or not re.fullmatch(r"[A-Z][A-Z0-9_]*", key) or len(words) > 1:
            raise Unparsed(f"os-release: {quoted(line)}")
        values[key] = words[0] if words else ""
    return values


def _line(raw: Raw) -> str | None:
    return only_line(raw.out).strip() if raw.rc == 0 else None


def _words(raw: Raw) -> list[str]:
    return [word for word in (_line(raw) or "").split() if _matching(word, _WORD)]


def _matching(text: str | None, pattern: re.Pattern[str]) -> str | None:
    if text is not None and not pattern.match(text):
        raise Unparsed(f"not what was asked for: {quoted(text)}")
    return text


def _virt(raw: Raw) -> str | None:
    # "none" comes with exit status 1 (systemd-detect-virt(1)).
    if raw.rc not in (0, 1) or (raw.rc == 1 and raw.err and not raw.out):
        return None
    word = only_line(raw.out)
    known = _MACHINES.keys() | _MACHINES_ELSEWHERE | _CONTAINERS
    if word not in known or (word == "none") != (raw.rc == 1):
        raise Unparsed(f"systemd-detect-virt: {quoted(word)}")
    return word


def _fingerprint(text: str) -> str:
    """SHA256:… as ssh-keygen -l shows it, of a public key file (RFC 4253 6.6: the blob names its type)."""
    words = only_line(text).split()
    if len(words) < 2:
        raise Unparsed("not a public key")
    try:
        blob = base64.b64decode(words[1], validate=True)
    except ValueError:  # binascii.Error, and what is said of characters beyond ASCII
        raise Unparsed("not a public key") from None
    length = int.from_bytes(blob[:4], "big")
    if len(blob) < 36 or blob[4 : 4 + length] != words[0].encode(errors="replace") or not _whole(blob):
        raise Unparsed("not a public key")
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _whole(blob: bytes) -> bool:
    """Whether the length-prefixed strings of the blob fill it exactly (RFC 4251 section 5)."""
    at = 0
    while at + 4 <= len(blob):
        at += 4 + int.from_bytes(blob[at : at + 4], "big")
    return at == len(blob)


READER = Reader(
    name="platform",
    version=2,
    family=Family.IDENTITY,
    commands=(
        Command(("cat", "/etc/os-release")),
        Command(("uname", "-r")),
        Command(("uname", "-n")),
        Command(("cat", "/etc/machine-id")),
        Command(("cat", f"{_DMI}/sys_vendor")),
        Command(("cat", f"{_DMI}/product_name")),
        Command(("systemd-detect-virt",)),
        Command(("cat", f"{_CLOCKSOURCE}/current_clocksource")),
        Command(("cat", f"{_CLOCKSOURCE}/available_clocksource")),
        Command(("id", "-u")),
        *(Command(("cat", path)) for path in HOST_KEYS),
    ),
    parse=parse,
    interval_s=60.0,
)
