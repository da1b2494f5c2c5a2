"""What a guest can see of the platform below it: DMI strings, virtualisation, clock sources.

DMI strings as the platforms set them: VMware and QEMU by their firmware, AHV "Nutanix"/"AHV"
(Nutanix documentation; systemd's src/basic/virt.c knows the first two and sees KVM's CPUID
signature on AHV).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Platform:
    """One hypervisor as seen from inside."""

    name: str
    vendor: str
    product: str
    virt: str  # what systemd-detect-virt prints
    clocksource: str
    clocksources: tuple[str, ...]


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
