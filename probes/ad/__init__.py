"""Active Directory as the jump host sees it: what is asked of controllers, and pure parsers of what they said.

Nothing here imports ldap3 or a resolver: records are read again without either.
"""
