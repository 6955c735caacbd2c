"""``wua keys new``: a secret, and what the settings take of it."""

import yaml

from app.cli import main
from app.commands.demo import keyed
from app.core.keys import digest_of, is_among
from app.settings import Settings
from app.web_settings import WebSettings


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


def test_the_demo_makes_a_key_where_questions_need_one_and_none_is_set():
    assert keyed(WebSettings()) == WebSettings()
    given = WebSettings(host="0.0.0.0", admin_key="0123456789abcdef")
    assert keyed(given) == given
    made = keyed(WebSettings(api_auth="required")).admin_key.get_secret_value()
    assert len(made) > 40
    assert made != keyed(WebSettings(api_auth="required")).admin_key.get_secret_value()
