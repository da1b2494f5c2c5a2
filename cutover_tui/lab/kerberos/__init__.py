"""Kerberos in the simulated world: the domain's accounts, its KDCs, key tables, credential caches, and a client's library."""
