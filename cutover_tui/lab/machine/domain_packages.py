"""What a member of a domain has installed beside the rest: MIT's Kerberos, OpenLDAP's tools, sssd, adcli, Samba's `net`."""

from __future__ import annotations

from cutover_tui.lab.machine.packages import Package, UnitFile

_SSSD = UnitFile("sssd.service", "System Security Services Daemon", "sssd", "notify")
_KRB5 = ("kinit", "klist", "kvno", "kdestroy")
_LDAP = ("ldapsearch",)

DEBIAN: tuple[Package, ...] = (
    Package("krb5-user", "1.20.1-2+deb12u5", tools=_KRB5, kilobytes=412),
    Package("ldap-utils", "2.5.13+dfsg-5", tools=_LDAP, kilobytes=762),
    Package("adcli", "0.9.1-2", tools=("adcli",), kilobytes=287),
    Package("sssd", "2.8.2-4+deb12u1", units=(_SSSD,), kilobytes=5_763),
    Package("sssd-tools", "2.8.2-4+deb12u1", tools=("sssctl",), kilobytes=348),
    Package("realmd", "0.17.1-1", tools=("realm",), kilobytes=1_287),
    Package("samba-common-bin", "2:4.17.12+dfsg-0+deb12u4", tools=("net",), kilobytes=4_439),
)
RHEL: tuple[Package, ...] = (
    Package("krb5-workstation", "1.21.1-4.el9_5", tools=_KRB5, kilobytes=1_800),
    Package("openldap-clients", "2.6.6-3.el9", tools=_LDAP, kilobytes=620),
    Package("adcli", "0.9.2-1.el9", tools=("adcli",), kilobytes=330),
    Package("sssd", "2.9.4-6.el9_4", units=(_SSSD,), kilobytes=40),
    Package("sssd-tools", "2.9.4-6.el9_4", tools=("sssctl",), kilobytes=600),
    Package("realmd", "0.17.1-2.el9", tools=("realm",), kilobytes=950),
    Package("samba-common-tools", "4.19.4-105.el9_4", tools=("net",), kilobytes=1_700),
)
