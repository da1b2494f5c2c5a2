"""The checks of a guest in its directory, and of its paths there."""

from __future__ import annotations

from cutover_tui.core.checks.check import Check
from cutover_tui.core.checks.directory import ad_dns, ad_object, ad_trust, net_ad_paths
from cutover_tui.core.checks.entries.bounds import FRESH, SLOW
from cutover_tui.core.checks.spec import CheckSpec, Param
from probes.observation import Family

CHECKS = (
    Check(
        spec=CheckSpec(
            id="ad.trust",
            version=3,
            family=Family.DIRECTORY,
            max_age=FRESH,
        ),
        judge=ad_trust.run,
        criterion=ad_trust.criterion,
        readers=("trust",),
        proofs=("exchange",),
        naive='`net ads testjoin` says "Join is OK"; a domain user can log in (from the cache)',
    ),
    Check(
        spec=CheckSpec(
            id="ad.object",
            version=3,
            family=Family.DIRECTORY,
            max_age=SLOW,
            params={
                "password": Param(
                    "choice",
                    ad_object.NOT_OLDER,
                    choices=(ad_object.NOT_OLDER, ad_object.UNCHANGED),
                    doc="what the machine's password may have become since the mark; `unchanged` while the "
                    "source VM may have to come back",
                ),
                "keytab": Param(
                    "bool", True, doc="compare the guest's keytab too, which root alone may read"
                ),
            },
        ),
        judge=ad_object.run,
        criterion=ad_object.criterion,
        readers=("account", "addresses", "keytab"),
        compares=("account",),
        naive="the computer account is there",
    ),
    Check(
        spec=CheckSpec(
            id="ad.dns",
            version=3,
            family=Family.DIRECTORY,
            max_age=SLOW,
            params={"ptr": Param("bool", True, doc="ask for the PTR record too")},
        ),
        judge=ad_dns.run,
        criterion=ad_dns.criterion,
        readers=("dns", "addresses"),
        jump_readers=("cldap",),
        naive="`ping NAME` works, from the guest itself",
    ),
    Check(
        spec=CheckSpec(
            id="net.ad-paths",
            version=5,
            family=Family.NETWORK,
            max_age=SLOW,
        ),
        judge=net_ad_paths.run,
        criterion=net_ad_paths.criterion,
        readers=("ad-paths", "keytab", "trust"),
        compares=("ad-paths",),
        naive="a controller answers a ping",
    ),
)
