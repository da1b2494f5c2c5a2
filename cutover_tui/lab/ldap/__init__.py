"""A controller's LDAP, without sockets: filters, messages, and what a connection may see."""
