"""Nodes for the system tier: network namespaces with real OpenSSH and chronyd, and clocks of their own.

Everything lives in namespaces and in one tmpfs that only they see; nothing of the machine is
written, and all of it ends with the process that made it. `lab.SystemLab` is the way in.
"""
