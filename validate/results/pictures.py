"""Pictures that a user names: their formats, and a drawing as the content of a file."""

import io
from pathlib import Path
from typing import Any

from validate.errors import ConfigError

FORMATS = (".png", ".pdf", ".svg")


def check_picture(path: Path | None) -> None:
    """Refuse a picture in a format that is not drawn, before anything is computed for it."""
    if path is not None and path.suffix not in FORMATS:
        raise ConfigError(f"a picture must end in one of {list(FORMATS)}; got {path}.")


def painted(figure: Any, form: str) -> bytes:
    """A figure as the file of a picture, in one of `FORMATS`."""
    content = io.BytesIO()
    figure.savefig(content, format=form.removeprefix("."))
    return content.getvalue()
