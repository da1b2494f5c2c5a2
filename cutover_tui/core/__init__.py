"""The pure core: runbook, checks, gate. No sockets, no asyncio, no clock of its own."""
