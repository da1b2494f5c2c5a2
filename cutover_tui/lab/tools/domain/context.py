"""What every Kerberos tool starts from: the library as its environment configures it, and the cache it names."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from cutover_tui.lab.kerberos.encoding import Cache, Damaged, read_cache
from cutover_tui.lab.kerberos.library import Config, KerberosError, Library, configured
from cutover_tui.lab.kerberos.member import store
from cutover_tui.lab.tools.call import Call, Event, Out, Wait

Steps = Generator[Event, str | None, int]


@dataclass(slots=True)
class Context:
    """The library in one process; `ccache` is TYPE:RESIDUAL."""

    call: Call
    library: Library
    ccache: str

    @classmethod
    def of(cls, call: Call, ccache: str | None = None) -> Context:
        """`ccache`: the name a tool was given."""
        config: Config = configured(call.guest, call.env)
        env = call.env if ccache is None else {"KRB5CCNAME": ccache}
        library = Library(call.world, call.guest, config, call.now)
        return cls(call, library, config.cache_of(call.user.uid, env))

    @property
    def path(self) -> str:
        """The file of the cache."""
        return self.call.path(self.ccache.partition(":")[2])

    def cache(self) -> Cache:
        """The cache.

        Raises:
            KerberosError: there is none, it is none, or it may not be read.
        """
        kind, _, rest = self.ccache.partition(":")
        if kind != "FILE":
            raise KerberosError(f"Unknown credential cache type while resolving {self.ccache}" if not rest else
                                f"Credentials cache '{self.ccache}' not found")  # fmt: skip
        found = self.call.read(self.path, self.call.guest.files)
        if found == 13:
            raise KerberosError(f"Credentials cache permissions incorrect (filename: {self.path})")
        if isinstance(found, int):
            raise KerberosError(f"No credentials cache found (filename: {self.path})")
        try:
            return read_cache(found)
        except Damaged:
            raise KerberosError(
                f"Unsupported credentials cache format version number (filename: {self.path})"
            ) from None

    def store(self, cache: Cache) -> None:
        """Write it back."""
        guest = self.call.guest
        store(guest, self.path, cache, self.call.user.name, guest.utc(self.call.now))

    def lasted(self) -> Generator[Event, str | None, None]:
        """Let the time pass that the library took."""
        if self.library.waited_ns:
            yield Wait(self.library.waited_ns)
            self.library.waited_ns = 0

    def says(self, text: str, rc: int) -> Steps:
        """End with a complaint, after the time it took."""
        yield from self.lasted()
        yield Out(2, text)
        return rc
