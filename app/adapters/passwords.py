"""Passwords -> argon2id hashes (RFC 9106), and whether one fits."""

from __future__ import annotations

import asyncio
import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

#: Each takes 64 MB.
AT_ONCE = 2

_HASHER = PasswordHasher()


def hashed(password: str) -> str:
    """The hash, with its salt and cost."""
    return _HASHER.hash(_same(password))


def fits(password_hash: str, password: str) -> bool:
    """Whether the password is that of the hash."""
    try:
        return _HASHER.verify(password_hash, _same(password))
    except (VerificationError, InvalidHashError):
        return False


class Passwords:
    """Hashes and compares in threads; where there is no hash it takes as long to say no."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._nobodys = ""

    async def hashed(self, password: str) -> str:
        """The hash."""
        async with self._turns:
            return await asyncio.to_thread(hashed, password)

    async def fits(self, password_hash: str, password: str) -> bool:
        """Whether the password is that of the hash; an empty hash has none."""
        async with self._turns:
            if not self._nobodys:
                self._nobodys = await asyncio.to_thread(hashed, secrets.token_hex())
            found = await asyncio.to_thread(fits, password_hash or self._nobodys, password)
            return found and bool(password_hash)


def _same(password: str) -> str:
    """As any keyboard writes it."""
    return unicodedata.normalize("NFKC", password)
