"""The `ssh` transport: guests over one kept connection each (asyncssh)."""

from probes.ssh.guest import SshGuest
from probes.ssh.login import Login
from probes.ssh.target import Escalation, Method, SshTarget

__all__ = ["Escalation", "Login", "Method", "SshGuest", "SshTarget"]
