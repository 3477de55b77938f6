"""Settings: what a town sets for its service, by environment (``VB_…``) or by the command line."""

from datetime import time
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from broadcaster.model.schedule import QuietHours


class Settings(BaseSettings):
    """The service's settings.

    Attributes:
        home: where the book, the keys and the recordings live.
        town: the area that this service speaks for; its villages come from the places in the package.
        voice: kokoro, or tone: beeps for tests, refused unless `is_test` is set.
        public_origin: ``https://host`` as browsers see it, where a proxy stands before the service.
        poll_seconds: the net under the bell; never what one waits for.
    """

    model_config = SettingsConfigDict(env_prefix="VB_")

    home: Path = Path("var")
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    town: str = "620723103"
    quiet_start: time = time(22, 0)
    quiet_end: time = time(6, 0)
    undo_seconds: float = Field(default=10, ge=0)
    voice: str = Field(default="kokoro", pattern="^(kokoro|tone)$")
    is_test: bool = False
    public_origin: str = ""
    secure_cookies: bool = False
    poll_seconds: float = Field(default=1.0, gt=0)

    @property
    def quiet(self) -> QuietHours:
        """Return the town's quiet hours."""
        return QuietHours(self.quiet_start, self.quiet_end)

    @property
    def book(self) -> Path:
        """Return where the book stands."""
        return self.home / "book.sqlite"

    @property
    def shelf(self) -> Path:
        """Return where recordings stand."""
        return self.home / "recordings"

    @property
    def keys(self) -> Path:
        """Return the signer's key file."""
        return self.home / "signer" / "keys.json"

    @property
    def limits(self) -> Path:
        """Return the signer's own limits file."""
        return self.home / "signer" / "limits.toml"

    @property
    def socket(self) -> Path:
        """Return the signer's socket."""
        return self.home / "signer" / "signer.sock"
