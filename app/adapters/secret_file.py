"""A random secret in a file, so that it is the same after a restart and in every process."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from app import log

SECRET_BYTES = 32
#: Ends the name of what a killed process left behind: another name of the secret whose stem it begins with.
DRAFT = ".draft"

_LOG = log.get("secrets")


def kept_secret(file: Path) -> bytes:
    """The secret in the file, made now where there is none; of two processes both get the same.

    Where it cannot be kept it is a new one each time, and a warning says so.
    """
    made = secrets.token_bytes(SECRET_BYTES)
    draft = file.with_name(f"{file.stem}.{secrets.token_hex(8)}{DRAFT}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.touch(mode=0o600)
            draft.write_bytes(made)
            with contextlib.suppress(FileExistsError):
                os.link(draft, file)
            kept = file.read_bytes()
            if len(kept) != SECRET_BYTES:
                draft.replace(file)
                kept = made
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        _LOG.warning("secret.not_kept", error=str(error), to_do="make app.data_dir writable")
        return made
    return kept
