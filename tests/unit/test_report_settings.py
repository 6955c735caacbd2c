"""Settings of reports that cannot be meant, and what is said of secrets."""

from __future__ import annotations

import pytest

from app.errors import SettingsError
from app.settings import load


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"smtp_host": "mail.test"}, "mail_from"),
        ({"mail_from": "ann"}, "mail_from"),
        ({"mail_from": "a@b.test\nBcc: c@d.test"}, "mail_from"),
        (
            {
                "smtp_host": "mail.test",
                "mail_from": "a@b.test",
                "smtp_user": "ann",
                "smtp_security": "none",
            },
            "in the clear",
        ),
        ({"keep_days": 31}, "keep_days"),
        ({"at_once": 0}, "at_once"),
    ],
)
def test_what_cannot_be_meant_is_refused(values, told):
    with pytest.raises(SettingsError, match=told):
        load(files=(), overrides={f"reports.{name}": value for name, value in values.items()})


@pytest.mark.parametrize("name", ["smtp_password", "webhook_secret"])
def test_a_secret_is_shown_by_no_message(name):
    with pytest.raises(SettingsError) as caught:
        load(files=(), overrides={f"reports.{name}": ["hidden"]})
    assert name in str(caught.value)
    assert "hidden" not in str(caught.value).replace("(hidden)", "")
    kept = load(files=(), overrides={f"reports.{name}": "not to be seen"})
    assert "not to be seen" not in repr(kept)
