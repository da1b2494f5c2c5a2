"""What a guest can see of the platform below it: DMI strings, virtualisation, clock sources.

DMI strings as the platforms set them: VMware and QEMU by their firmware, AHV "Nutanix"/"AHV"
(Nutanix documentation; systemd's src/basic/virt.c knows the first two and sees KVM's CPUID
signature on AHV).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Platform:
    """One hypervisor as seen from inside."""

    name: str
    vendor: str
    product: str
    virt: str  # what systemd-detect-virt prints
    clocksource: str
    clocksources: tuple[str, ...]
    ptp: str | None = None  # name of the PTP clock the platform gives without asking


VMWARE = Platform("vmware", "VMware, Inc.", "VMware20,1", "vmware", "tsc", ("tsc", "hpet", "acpi_pm"))
AHV = Platform("ahv", "Nutanix", "AHV", "kvm", "kvm-clock", ("kvm-clock", "tsc", "acpi_pm"))
QEMU = Platform(
    "kvm",
    "QEMU",
    "Standard PC (Q35 + ICH9, 2009)",
    "kvm",
    "kvm-clock",
    ("kvm-clock", "tsc", "hpet", "acpi_pm"),
)
HYPERV = Platform(
    "hyperv",
    "Microsoft Corporation",
    "Virtual Machine",
    "microsoft",
    "hyperv_clocksource_tsc_page",
    ("hyperv_clocksource_tsc_page", "hyperv_clocksource_msr", "acpi_pm"),
    "hyperv",
)
AZURE = replace(HYPERV, name="azure")
XEN = Platform("xen", "Xen", "HVM domU", "xen", "xen", ("xen", "tsc", "hpet", "acpi_pm"))
AWS = Platform("aws", "Amazon EC2", "m6i.large", "amazon", "kvm-clock", ("kvm-clock", "tsc", "acpi_pm"))
GCP = Platform(
    "gcp", "Google", "Google Compute Engine", "google", "kvm-clock", ("kvm-clock", "tsc", "acpi_pm")
)
PHYSICAL = Platform("physical", "Dell Inc.", "PowerEdge R650", "none", "tsc", ("tsc", "hpet", "acpi_pm"))

PLATFORMS: Mapping[str, Platform] = {
    one.name: one for one in (VMWARE, AHV, QEMU, HYPERV, AZURE, XEN, AWS, GCP, PHYSICAL)
}
"""By the word a runbook uses."""
