"""Verifying a session by someone who trusts nobody."""

from cutover_tui.record.audit.remark import Answer, Remark
from cutover_tui.record.audit.session import Audit, Session, audit, encode, match_head, unreadable
from cutover_tui.record.audit.tapes import Parsers

__all__ = ["Answer", "Audit", "Parsers", "Remark", "Session", "audit", "encode", "match_head", "unreadable"]
