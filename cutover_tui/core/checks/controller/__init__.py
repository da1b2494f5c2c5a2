"""`dc.*`: a domain controller that is moved still is the one its partners know, and gives out nothing twice."""
