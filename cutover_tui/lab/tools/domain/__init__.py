"""Tools of a domain's members: MIT's Kerberos 1.20, OpenLDAP 2.5, adcli, Samba's net, realmd, sssd's sssctl."""
