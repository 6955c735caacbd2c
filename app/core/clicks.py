"""Parameter that an ad network adds to a link -> the network, and what it says about the click. Facts only.

The parameter says who sent the visitor; its value says who the visitor is, and is not kept.
"""

from __future__ import annotations

import msgspec


class Click(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A click id: its network, the sources it sells advertisements on, and the medium of such a click.

    ``medium`` is empty where the network adds the parameter to every link, paid or not.
    """

    network: str
    medium: str = ""
    sold_on: frozenset[str]


def _click(network: str, medium: str = "", *, also_on: str = "") -> Click:
    return Click(network=network, medium=medium, sold_on=frozenset({network, *also_on.split()}))


_GOOGLE = _click("google", "cpc", also_on="youtube gmail google_shopping google_news ask startpage")
_META = "instagram threads whatsapp"

#: Those of advertisements come first: they say more.
CLICKS = {
    "gclid": _GOOGLE,
    "gbraid": _GOOGLE,
    "wbraid": _GOOGLE,
    "dclid": _click("google", "display"),
    "msclkid": _click("bing", "cpc", also_on="msn yahoo duckduckgo ecosia aol qwant outlook"),
    "yclid": _click("yandex", "cpc"),
    "ttclid": _click("tiktok", "cpc"),
    "twclid": _click("twitter", "cpc"),
    "li_fat_id": _click("linkedin", "cpc"),
    "rdt_cid": _click("reddit", "cpc"),
    "sccid": _click("snapchat", "cpc"),
    "qclid": _click("quora", "cpc"),
    "tblci": _click("taboola", "cpc"),
    "dicbo": _click("outbrain", "cpc"),
    "awc": _click("awin", "affiliate"),
    "cjevent": _click("cj", "affiliate"),
    "irclickid": _click("impact", "affiliate"),
    "fbclid": _click("facebook", also_on=_META),
    "igshid": _click("instagram"),
    "igsh": _click("instagram"),
    "epik": _click("pinterest"),
    "ysclid": _click("yandex"),
}
