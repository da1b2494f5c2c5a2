"""The two ways into a world: in memory on a loop whose time jumps, and by real sockets on loopback."""
