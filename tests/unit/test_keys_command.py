"""``wua keys new``: a secret, and what the settings take of it."""

import yaml

from app.cli import main
from app.core.keys import digest_of, is_among
from app.settings import Settings


def made(capsys, *arguments):
    assert main(["keys", "new", *arguments]) == 0
    return yaml.safe_load(capsys.readouterr().out)


def test_a_secret_is_new_each_time_and_its_digest_is_what_the_settings_take(capsys):
    one, other = made(capsys), made(capsys)
    assert one["secret"] != other["secret"]
    assert len(one["secret"]) > 40
    site = Settings(sites={"shop": {"server_keys": one["server_keys"]}}).site("shop")
    assert is_among(digest_of(one["secret"]), site.server_keys)
    assert not is_among(digest_of(other["secret"]), site.server_keys)


def test_a_write_key_is_one_that_the_settings_take(capsys):
    keys = made(capsys, "--write")["write_keys"]
    assert Settings(sites={"shop": {"write_keys": keys}}).site("shop").write_keys == tuple(keys)
