"""One Kerberos exchange from the jump host *towards a guest*, with the engineer's own credentials.

Whether a peer can use the guest's service is decided by the guest's own clock, and no tool on
the guest shows it: the guest's `kinit` is corrected by the KDC (kdc_timesync), what it accepts
is not. So each attempt takes a fresh service ticket and presents it.

- `service`: what is asked of whom. `kept`: what an attempt saw, and the pure parser to facts.
- `worker`: a process of its own, the one module here that touches gssapi and krb5. libkrb5 takes
  its configuration from the environment and waits 27 s for a silent KDC whatever it is told; a
  thread can be neither given an environment nor ended.
- `initiator`: starts workers, few at a time, ends those that take too long, and is careful with
  passwords.
"""

from probes.exchange.initiator import Cache, Credential, Initiator, Login
from probes.exchange.kept import NAME, READER, parse
from probes.exchange.service import OverHttp, OverLdap, OverSmb, OverSsh, Service

__all__ = [
    "NAME",
    "READER",
    "Cache",
    "Credential",
    "Initiator",
    "Login",
    "OverHttp",
    "OverLdap",
    "OverSmb",
    "OverSsh",
    "Service",
    "parse",
]
