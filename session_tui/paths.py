"""Where our own files live; the platform's conventions, overridden by options and variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

APP = "session-tui"


@dataclass(frozen=True, slots=True)
class Places:
    """Our own places. The cache may be deleted at any time; the data may not."""

    config_file: Path
    data_dir: Path
    cache_dir: Path
    log_file: Path

    @property
    def themes_dir(self) -> Path:
        """Where a person drops themes of their own."""
        return self.config_file.parent / "themes"


def places(environ: Mapping[str, str], *, config: Path | None = None, data_dir: Path | None = None) -> Places:
    """Our places: ``config`` and ``data_dir`` where given, else ``SESSION_TUI_CONFIG`` and
    ``SESSION_TUI_DATA_DIR``, else the platform's (``XDG_*`` variables are honoured)."""
    import platformdirs

    def chosen(given: Path | None, variable: str, default: Path) -> Path:
        return (given or (Path(environ[variable]) if environ.get(variable) else default)).expanduser()

    return Places(
        config_file=chosen(config, "SESSION_TUI_CONFIG", platformdirs.user_config_path(APP) / "config.yaml"),
        data_dir=chosen(data_dir, "SESSION_TUI_DATA_DIR", platformdirs.user_data_path(APP)),
        cache_dir=platformdirs.user_cache_path(APP),
        log_file=platformdirs.user_state_path(APP) / f"{APP}.log",
    )


def below(folder: Path) -> Places:
    """All our places below one folder, as the demo uses them."""
    return Places(
        config_file=folder / "config" / "config.yaml",
        data_dir=folder / "data",
        cache_dir=folder / "cache",
        log_file=folder / "state" / f"{APP}.log",
    )
