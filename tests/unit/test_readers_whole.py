"""Every fact of a reader, as a person reads it from the text: no value here was asked of a parser.

The cases of the corpus name the facts a state was set for; damage is held against the undamaged parse. Both leave
columns free that nobody named. For most readers one text stands here with all that follows from it.
"""

from __future__ import annotations

import pytest

from probes.linux import READERS
from tests.unit import corpus

S = 1_000_000_000
US = 1_000

NOT_INSTALLED = {"package": None, "running": False}
WHOLE: dict[str, dict[str, object]] = {
    # ntp/control.h, RFC 5905: 0xeeb22a17 - 2,208,988,800 s; the fractions are 0xc97baabf and 0x553dc3f1 of 2^32.
    # ntpq shows the server less the guest, in ms; `-` with the newest bit of reach set is this second.
    "ntpq/ntpsec-1.2.2/guest-behind": {
        "type": "ntpd", "running": True, "version": "ntpd ntpsec-1.2.2", "leap": "unsynchronised", "stratum": 3,
        "refid": "192.0.2.1", "ref_time_ns": 1_795_664_791 * S + 787_043_258,
        "guest_utc_ns": 1_795_664_794 * S + 332_973_715, "system_offset_ns": 0, "frequency_ppb": 0,
        "root_delay_ns": 4_150 * US, "root_dispersion_ns": 939_607 * US,
        "peers": [
            {"state": "falseticker", "name": "192.0.2.1", "refid": "10.0.0.1", "stratum": 2, "kind": "u",
             "last_rx_s": 0, "poll_s": 8, "reach": 1, "offset_ns": -62 * US, "jitter_ns": 263_600},
            {"state": "falseticker", "name": "192.0.2.2", "refid": "10.0.0.1", "stratum": 2, "kind": "u",
             "last_rx_s": 1, "poll_s": 8, "reach": 1, "offset_ns": -250_060_300, "jitter_ns": 10_095 * US},
        ],
    },
    # chronyc(1), `tracking` in CSV: NTP time less the system's, seconds; ppm that the clock gains.
    "chrony/4.3/synchronised": {
        "type": "chrony", "running": True, "version": "4.3", "refid": "7F000001", "source": "127.0.0.1", "stratum": 3,
        "ref_time_ns": 1_795_690_495 * S + 628_360_978, "guest_utc_ns": 1_795_690_496 * S, "system_offset_ns": -24_465,
        "last_offset_ns": -6_176, "rms_offset_ns": 33_691, "frequency_ppb": 1_404, "skew_ppb": 13_417,
        "root_delay_ns": 4_070_138, "root_dispersion_ns": 2_057_205, "update_interval_ns": S, "leap": "normal",
        "sources": [
            {"mode": "server", "state": "selected", "name": "127.0.0.1", "stratum": 2, "poll": 0, "reach": 0o377,
             "last_rx_s": 1, "offset_ns": -69_669, "bound_ns": 4_133_878},
        ],
        "makestep": "1.0 3", "conf_visible": True, "local_reference": False, "controls": False, "offline": 0,
    },
    # The four stamps of the NTPMessage: (250,181 + 249,982) / 2 us; half of 3,997 us and 1,998 us from the root.
    "timesyncd/252/answered": {
        "type": "timesyncd", "running": True, "server_name": "127.0.0.1", "server_address": "127.0.0.1",
        "poll_interval_ns": 16 * S, "packet_count": 1, "stratum": 2, "leap": "normal", "root_distance_ns": 3_996 * US,
        "offset_ns": 250_081_500, "frequency_ppb": 0, "last_answer_utc_ns": 1_795_390_967 * S + 993_270 * US,
        "guest_utc_ns": 1_795_390_972 * S, "ntp_synchronized": None, "ignored": False,
    },
    "vmtools/documented/periodic-enabled": {
        "type": "vmtools", "package": "open-vm-tools 2:12.2.0-1+deb12u2", "running": True, "periodic": True,
        "disable_all": False, "disable_periodic": False, "conf_visible": True, "steps_seen": None,
    },
    "platform/documented/vmware": {
        "type": "platform", "os_id": "rocky", "os_version": "9.4", "os_name": "Rocky Linux 9.4 (Blue Onyx)",
        "kernel": "5.14.0-427.el9.x86_64", "hostname": "app01.corp.example",
        "machine_id": "4c4c4544003559108054b4c04f4d3732", "dmi_vendor": "VMware, Inc.", "dmi_product": "VMware7,1",
        "virt": "vmware", "platform": "vmware", "clocksource": "tsc",
        "clocksources": ["tsc", "hyperv_clocksource_tsc_page", "acpi_pm"], "host_keys": [], "privileged": False,
    },
    "agents/documented/rpm": {
        "type": "agents", "package_tool": "rpm",
        "agents": [
            {"name": "open-vm-tools", **NOT_INSTALLED},
            {"name": "vmware-tools", **NOT_INSTALLED},
            {"name": "qemu-guest-agent", "package": "8.2.0-11.el9_4", "running": True},
            {"name": "nutanix-guest-tools", **NOT_INSTALLED},
        ],
    },
    "rtc/documented/local-in-summer": {
        "type": "rtc", "present": True, "shown_ns": 1_795_669_679 * S, "before_utc_ns": 1_795_662_479 * S,
        "after_utc_ns": 1_795_662_480 * S, "local": True, "zone": "Europe/Berlin", "utc_offset_ns": 2 * 3600 * S,
    },
    # Stamps of the journal are microseconds; a witness names nobody, and says no amount.
    "steps/systemd-252/set": {
        "type": "steps",
        "sets": [
            {"by": "ntpd", "mono_ns": 12_406_093_587 * US, "utc_ns": 1_795_674_198_057_020 * US, "amount_ns": 3 * S // 10},
            {"by": None, "mono_ns": 12_406_085_769 * US, "utc_ns": 1_795_674_198_049_202 * US, "amount_ns": None},
            {"by": "ntpdate", "mono_ns": 12_406_082_318 * US, "utc_ns": 1_795_674_198_045_751 * US, "amount_ns": 5 * S // 2},
            {"by": None, "mono_ns": 12_406_068_554 * US, "utc_ns": 1_795_674_198_031_987 * US, "amount_ns": None},
            {"by": "chronyd", "mono_ns": 12_406_056_878 * US, "utc_ns": 1_795_674_198_020_311 * US, "amount_ns": -1_900_123 * US},
        ],
        "more": False, "up_ns": 12_406_120 * 1_000_000, "skipped": 0,
    },
    # The header's field 1 is an offset: 0xfffffecf s, two's complement; 10:12:47 UTC and ten hours later.
    "caches/mit-1.20.1/taken-while-ahead": {
        "type": "caches",
        "files": [
            {"path": "/tmp/krb5cc_0", "owner": "root", "written_ns": 1_795_687_967 * S, "offset_ns": -305 * S,
             "principal": "APP01$@CORP.EXAMPLE", "tickets": 1, "newest_ns": 1_795_687_967 * S,
             "end_ns": 1_795_723_967 * S},
            {"path": "/var/lib/sss/db/ccache_CORP.EXAMPLE", "owner": "root", "written_ns": 1_795_687_967 * S,
             "offset_ns": 0, "principal": "APP01$@CORP.EXAMPLE", "tickets": 2, "newest_ns": 1_795_687_967 * S,
             "end_ns": 1_795_723_967 * S},
        ],
        "elsewhere": [],
    },
    "services/documented/openrc": {
        "type": "services", "init": "other",
        "units": [
            {"name": name, "load": "loaded", "active": None, "enabled": enabled, "condition": None, "pulled_by": None,
             "triggered_by": None}
            for name, enabled in (("chronyd.service", "enabled"), ("qemu-guest-agent.service", "disabled"))
        ],
        "processes": ["chronyd", "init", "ps"],
    },
    "time-config/debian-12/nothing": {
        "type": "time-config", "sources": [], "hidden": [], "following": None, "unresolved": None,
    },
}  # fmt: skip
NAMED_WHOLE = frozenset({"boot", "cron", "kernel-clock", "keytab", "ptp", "timedatectl"})
"""Of these a case of the corpus names every fact (`keytab` of one that is absent)."""


@pytest.mark.parametrize("name", WHOLE)
def test_every_fact_is_what_the_text_says(name: str) -> None:
    facts = corpus.read(corpus.CORPUS, name).parse()
    assert corpus.plain(facts) == WHOLE[name]  # type: ignore[arg-type]  # a failure is no dict and differs


def leaves(value: object, path: str = "") -> set[str]:
    """The dotted paths of all values; a list without structs is one value."""
    if isinstance(value, dict):
        return {leaf for key, inner in value.items() for leaf in leaves(inner, f"{path}{key}.")}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {leaf for n, inner in enumerate(value) for leaf in leaves(inner, f"{path}{n}.")}
    return {path.rstrip(".")}


def test_every_reader_has_a_text_that_is_read_whole() -> None:
    named = set()
    for case in corpus.load():
        if case.facts is not None:
            every = leaves(corpus.plain(case.parse())) - {"type"}  # type: ignore[arg-type]  # it has facts
            if all(any(leaf == d or leaf.startswith(f"{d}.") for d in case.facts) for leaf in every):
                named.add(case.reader.name)
    assert named >= NAMED_WHOLE
    assert {name.split("/")[0] for name in WHOLE} | NAMED_WHOLE == {reader.name for reader in READERS}
