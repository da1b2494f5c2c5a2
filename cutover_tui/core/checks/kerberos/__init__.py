"""`kdc.*` and `kerberos.*`: whose clock, whose tickets, and who refuses whom."""
