"""OpenLDAP's server on a guest, inside TLS, for whoever comes with a ticket: by the guest's own keytab."""

from __future__ import annotations

import datetime
import socket
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.system.nodes.node import Node, NodeError

PORT = 636
_UP_WITHIN_S = 20.0
_CONFIG = """\
sasl-host {fqdn}
sasl-secprops {secprops}
sasl-cbinding tls-endpoint
TLSCertificateFile /etc/ldap/own.pem
TLSCertificateKeyFile /etc/ldap/own.key
"""


def serve(node: Node, fqdn: str, *, port: int = PORT, secprops: str = "none", extra: str = "") -> str:
    """Start one. The guest's keytab must hold `ldap/fqdn`. Returns the guest's certificate, PEM, its own CA.

    Args:
        secprops: Cyrus SASL's demands, such as `minssf=56` for logins that sign or are inside TLS.
        extra: further lines of its configuration.

    Raises:
        NodeError: it does not listen; carries what it printed.
    """
    if not node.path("/etc/ldap/own.pem").exists():
        certificate, key = _own_certificate(fqdn)
        node.write("/etc/ldap/own.pem", certificate)
        node.write("/etc/ldap/own.key", key, mode=0o600)
    node.write("/etc/ldap/sasl2/slapd.conf", "mech_list: GSSAPI\nkeytab: /etc/krb5.keytab\n")
    node.write(f"/etc/ldap/lab-{port}.conf", _CONFIG.format(fqdn=fqdn, secprops=secprops) + extra)
    argv = ("slapd", "-d", "stats", "-h", f"ldaps://0.0.0.0:{port}/", "-f", f"/etc/ldap/lab-{port}.conf")
    with node.path(f"/var/log/slapd-{port}").open("wb") as said:
        server = node.popen(*argv, stdout=said.fileno())
    until = time.monotonic() + _UP_WITHIN_S
    with node.in_network():
        while True:
            try:
                socket.create_connection((node.address, port), timeout=1).close()
            except OSError:
                if server.poll() is not None or time.monotonic() > until:
                    said_text = node.read(f"/var/log/slapd-{port}")[-2000:]
                    raise NodeError(f"{node.name}: slapd does not listen: {said_text}") from None
                time.sleep(0.1)  # polled: the kernel tells nobody when somebody starts to listen
            else:
                return node.read("/etc/ldap/own.pem")


def _own_certificate(fqdn: str) -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, fqdn)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(fqdn)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    return (
        made.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
    )
