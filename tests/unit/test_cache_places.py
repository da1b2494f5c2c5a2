"""Places for caches that configuration names: those that are looked at are no news, every other is said."""

from __future__ import annotations

import pytest

from probes.facts_kerberos import CachesFacts
from probes.linux import CACHES
from probes.linux.domain.cache_places import elsewhere
from probes.observation import Failure, FailureKind, Raw


@pytest.mark.parametrize(
    "line",
    [
        "",
        "default_ccache_name = FILE:/tmp/krb5cc_%{uid}",
        "default_ccache_name=/tmp/krb5cc_%{username}",  # a path without a kind is a file
        "default_ccache_name = DIR:/run/user/%{uid}/krb5cc",
        "default_ccache_name = FILE:%{TEMP}/krb5cc_%{uid}",
        "krb5_ccname_template = FILE:%d/krb5cc_%U_XXXXXX",
        "# krb5_ccname_template = KEYRING:persistent:%U",
        "; default_ccache_name = KCM:",
        "Environment=KRB5CCNAME=FILE:/run/sync/krb5cc",
        'Environment="LANG=C" "KRB5CCNAME=/var/lib/sync/clients/krb5cc_0"',
        "Environment=KRB5CCNAME=FILE:%t/sync/krb5cc",
        "export KRB5CCNAME=/tmp/krb5cc_sync; exec sync",
        "#Environment=KRB5CCNAME=KEYRING:session:sync",
        "PassEnvironment=KRB5CCNAME",
        "UnsetEnvironment=KRB5CCNAME=",
        "MYKRB5CCNAME=KCM:",
    ],
)
def test_what_is_looked_at_is_nowhere_else(line: str) -> None:
    assert elsewhere([line], ()) == ()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["default_ccache_name = KCM:"], ("KCM",)),
        (["default_ccache_name = kcm:"], ("KCM",)),
        (["krb5_ccname_template = KEYRING:persistent:%U"], ("KEYRING",)),
        (["default_ccache_name = FILE:/srv/krb5cc_%{uid}"], ("FILE:/srv/krb5cc_%{uid}",)),
        (
            ["default_ccache_name = FILE:/tmp/tickets_%{uid}"],
            ("FILE:/tmp/tickets_%{uid}",),
        ),  # no name of ours
        (["default_ccache_name = FILE:/tmp/a/b/c/d/krb5cc_1"], ("FILE:/tmp/a/b/c/d/krb5cc_1",)),  # too deep
        (["default_ccache_name = FILE:/tmp/../srv/krb5cc_1"], ("FILE:/tmp/../srv/krb5cc_1",)),
        (["krb5_ccname_template = FILE:%h/.krb5cc"], ("FILE:%h/.krb5cc",)),
        (["krb5_ccname_template = DIR:/home/cc/%U"], ("DIR:/home/cc/%U",)),
        (["krb5_ccachedir = /home/cc"], ("FILE:/home/cc/krb5cc_%U_XXXXXX",)),  # sssd's own name within it
        (["Environment=KRB5CCNAME=KEYRING:session:sync"], ("KEYRING",)),
        (["Environment='KRB5CCNAME=MEMORY:sync'"], ("MEMORY",)),
        (["KRB5CCNAME=FILE:/opt/sync/krb5cc"], ("FILE:/opt/sync/krb5cc",)),
        (["KRB5CCNAME=/run/sync/tickets"], ("FILE:/run/sync/tickets",)),  # no name of ours
        (["Environment=A=b KRB5CCNAME=DIR:%h/cc"], ("DIR:%h/cc",)),
        (["KRB5CCNAME=${STATE_DIRECTORY}/krb5cc"], ("FILE:${STATE_DIRECTORY}/krb5cc",)),
        (
            ["krb5_ccname_template = FILE:%d/krb5cc_%U", "krb5_ccachedir = /home/cc"],
            ("FILE:/home/cc/krb5cc_%U",),
        ),
    ],
)
def test_every_other_place_and_kind_is_said(lines: list[str], said: tuple[str, ...]) -> None:
    assert elsewhere(lines, ()) == said


def test_what_may_not_be_read_may_name_more() -> None:
    assert elsewhere((), ["/etc/sssd/sssd.conf"]) == ("what /etc/sssd/sssd.conf names (it may not be read)",)


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("od: /tmp/krb5cc_1: Permission denied", False),
        ("od: /tmp/krb5cc_1: Input/output error", False),
        ("od: /tmp/krb5cc_1: No such file or directory", True),  # gone since find came by it
        ("find: '/run/user/1000/doc': Permission denied", True),
    ],
)
def test_a_cache_whose_header_nobody_saw_is_none_without_an_offset(said: str, seen: bool) -> None:
    find, grep = CACHES.commands
    found = Raw(
        find.argv, 0, "cache /tmp/krb5cc_1 1795688756 root\nend\n", f"{said}\nklist: … /tmp/krb5cc_1\n"
    )
    read = CACHES.parse((found, Raw(grep.argv, 0, "/proc/sys/kernel/ostype:Linux\n")))
    assert isinstance(read, CachesFacts if seen else Failure), read
    if isinstance(read, Failure):
        assert read.kind is FailureKind.DENIED
