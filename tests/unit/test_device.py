"""Hints, screen and user agent -> device class, browser, operating system."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.adapters.device import PHONE_WIDTH, DeviceParser
from app.events.enriched import Device
from app.events.vocabulary import DeviceClass
from app.events.wire import ClientHints

BLINK = "AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {BLINK} Chrome/138.0.0.0 Safari/537.36"
MAC = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {BLINK} Chrome/138.0.0.0 Safari/537.36"
ANDROID = f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Chrome/138.0.0.0 Mobile Safari/537.36"
ANDROID_TABLET = f"Mozilla/5.0 (Linux; Android 10; K) {BLINK} Chrome/138.0.0.0 Safari/537.36"
LINUX = f"Mozilla/5.0 (X11; Linux x86_64) {BLINK} Chrome/138.0.0.0 Safari/537.36"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)
IPAD = IPHONE.replace("iPhone; CPU iPhone OS", "iPad; CPU OS")
SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Safari/605.1.15"
)
PARSER = DeviceParser()


def parse(user_agent, *, screen_width=0, **hints):
    return PARSER.parse(user_agent, hints=ClientHints(**hints), screen_width=screen_width)


@pytest.mark.parametrize(
    ("user_agent", "device_class", "browser", "os"),
    [
        (WINDOWS, "desktop", ("Chrome", "138"), ("Windows", "10")),
        (f"{WINDOWS} Edg/138.0.0.0", "desktop", ("Edge", "138"), ("Windows", "10")),
        (f"{WINDOWS} OPR/120.0.0.0", "desktop", ("Opera", "120"), ("Windows", "10")),
        (MAC, "desktop", ("Chrome", "138"), ("Mac OS X", "10")),
        (SAFARI, "desktop", ("Safari", "18"), ("Mac OS X", "10")),
        (LINUX, "desktop", ("Chrome", "138"), ("Linux", "")),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "desktop",
            ("Firefox", "140"),
            ("Ubuntu", ""),
        ),
        (
            f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {BLINK} Chrome/138.0.0.0 Safari/537.36",
            "desktop",
            ("Chrome", "138"),
            ("Chrome OS", "14541"),
        ),
        (
            "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.1; Trident/4.0; Tablet PC 2.0)",
            "desktop",
            ("IE", "8"),
            ("Windows", "7"),
        ),
        (ANDROID, "mobile", ("Chrome Mobile", "138"), ("Android", "10")),
        (IPHONE, "mobile", ("Mobile Safari", "18"), ("iOS", "18")),
        (
            "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0",
            "mobile",
            ("Firefox Mobile", "140"),
            ("Android", "15"),
        ),
        (
            "Mozilla/5.0 (Mobile; rv:48.0; A405DL) Gecko/48.0 Firefox/48.0 KAIOS/2.5",
            "mobile",
            ("Firefox Mobile", "48"),
            ("KaiOS", "2"),
        ),
        (ANDROID_TABLET, "tablet", ("Chrome", "138"), ("Android", "10")),
        (IPAD, "tablet", ("Mobile Safari", "18"), ("iOS", "18")),
        (
            "Mozilla/5.0 (Android 15; Tablet; rv:140.0) Gecko/140.0 Firefox/140.0",
            "tablet",
            ("Firefox Mobile", "140"),
            ("Android", "15"),
        ),
        (
            f"Mozilla/5.0 (Linux; Android 11; KFTRWI) {BLINK} Silk/120.1 like Chrome/120 Safari/537.36",
            "tablet",
            ("Amazon Silk", "120"),
            ("Android", "11"),
        ),
        (
            f"Mozilla/5.0 (Linux; Android 9; AFTMM) {BLINK} Silk/120.1 like Chrome/120 Safari/537.36",
            "tv",
            ("Amazon Silk", "120"),
            ("Android", "9"),
        ),
        # apps: they say "Mobile" on no phone
        ("Dalvik/2.1.0 (Linux; U; Android 13; SM-G991B)", "unknown", ("Android", "13"), ("Android", "13")),
        ("MAXX_MAUI WAP Browser", "mobile", ("", ""), ("", "")),
        ("", "unknown", ("", ""), ("", "")),
        ("Mozilla/4.0 (compatible;)", "unknown", ("", ""), ("", "")),
        ("no browser at all", "unknown", ("", ""), ("", "")),
    ],
)
def test_by_the_user_agent_alone(user_agent, device_class, browser, os):
    assert parse(user_agent) == Device(
        device_class=DeviceClass(device_class),
        browser=browser[0],
        browser_version=browser[1],
        os=os[0],
        os_version=os[1],
    )


@pytest.mark.parametrize(
    "user_agent",
    [
        f"Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) {BLINK} 94.0.4606.31/7.0 TV Safari/537.36",
        f"Mozilla/5.0 (Web0S; Linux/SmartTV) {BLINK} Chrome/94.0.4606.128 Safari/537.36 WebAppManager",
        f"Mozilla/5.0 (Linux; Android 12; BRAVIA 4K VH2) {BLINK} Chrome/138.0.0.0 Safari/537.36",
        f"Mozilla/5.0 (X11; Linux armv7l) {BLINK} Chrome/90.0 Safari/537.36 CrKey/1.54",
        "Roku/DVP-12.0 (12.0.0.4182-88)",
        "AppleTV11,1/11.1",
        f"Mozilla/5.0 (PlayStation; PlayStation 5/9.00) {BLINK} Version/17.0 Safari/605.1.15",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; Xbox; Xbox One) AppleWebKit/537.36 Edge/44.18363",
    ],
)
def test_what_stands_under_a_television(user_agent):
    assert parse(user_agent, screen_width=1920).device_class is DeviceClass.TV


@pytest.mark.parametrize("word", ["after", "draft", "Aft", "MTV", "tvos-less", "Kindled", "Smartphone"])
def test_words_that_only_look_like_a_device(word):
    assert parse(f"{WINDOWS} {word}").device_class is DeviceClass.DESKTOP


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        ("19.0.0", "11"),
        ("15.0.0", "11"),
        ("13.0.0", "11"),
        ("12.9.9", "10"),
        ("10.0.0", "10"),
        ("1.0.0", "10"),
        ("0.3.0", "8"),
        ("0.2.0", "8"),
        ("0.1.0", "7"),
        ("0.0.0", "10"),
        ("", "10"),
        ("thirteen", "10"),
        ("١٣", "10"),
    ],
)
def test_windows_11_is_told_by_the_platform_version(version, shown):
    device = parse(WINDOWS, platform="Windows", platform_version=version)
    assert (device.os, device.os_version) == ("Windows", shown)


@pytest.mark.parametrize(
    ("user_agent", "hints", "os"),
    [
        (MAC, {"platform": "macOS", "platform_version": "15.5.0"}, ("Mac OS X", "15")),
        (ANDROID, {"platform": "Android", "platform_version": "16.0.0"}, ("Android", "16")),
        (LINUX, {"platform": "Linux"}, ("Linux", "")),
        (LINUX, {"platform": "Chromium OS", "platform_version": "16.1"}, ("Chrome OS", "16")),
        (WINDOWS, {"platform": "Linux", "platform_version": ""}, ("Linux", "")),
        (WINDOWS, {"platform": "Unknown", "platform_version": "3"}, ("Windows", "10")),
        (WINDOWS, {"platform": "", "platform_version": "15"}, ("Windows", "10")),
        (WINDOWS, {"platform": "a name of the sender's", "platform_version": "15"}, ("Windows", "10")),
    ],
)
def test_hints_have_the_real_operating_system(user_agent, hints, os):
    device = parse(user_agent, **hints)
    assert (device.os, device.os_version) == os


@pytest.mark.parametrize(
    ("user_agent", "brands", "browser"),
    [
        (WINDOWS, '"Chromium";v="138", "Google Chrome";v="138", "Not?A_Brand";v="8"', ("Chrome", "138")),
        (WINDOWS, '"Brave";v="139", "Chromium";v="138", "Not)A;Brand";v="8"', ("Brave", "139")),
        (WINDOWS, '"Not(A:Brand";v="24", "Vivaldi";v="7.5", "Chromium";v="138"', ("Vivaldi", "7")),
        (f"{WINDOWS} Edg/138.0.0.0", '"Microsoft Edge";v="138", "Chromium";v="138"', ("Edge", "138")),
        (WINDOWS, "", ("Chrome", "138")),
        (WINDOWS, "no brands; v=1", ("Chrome", "138")),
        (SAFARI, '"Brave";v="1"', ("Safari", "18")),
    ],
)
def test_hints_name_the_browser_that_calls_itself_chrome(user_agent, brands, browser):
    device = parse(user_agent, brands=brands)
    assert (device.browser, device.browser_version) == browser


@pytest.mark.parametrize(
    ("user_agent", "hints", "screen_width", "device_class"),
    [
        (ANDROID, {"mobile": True}, 412, "mobile"),
        (ANDROID_TABLET, {"mobile": False, "platform": "Android"}, 800, "tablet"),
        (ANDROID_TABLET, {"mobile": True, "platform": "Android"}, 800, "mobile"),
        (ANDROID, {"mobile": False, "platform": "Android"}, 800, "tablet"),
        (WINDOWS, {"mobile": False}, 1920, "desktop"),
        (LINUX, {"mobile": False}, PHONE_WIDTH - 1, "mobile"),
        (LINUX, {"mobile": False}, PHONE_WIDTH, "desktop"),
        (SAFARI, {}, 390, "mobile"),
        (SAFARI, {}, 1440, "desktop"),
        (SAFARI, {}, 0, "desktop"),
        ("", {}, 390, "mobile"),
        ("", {}, 1440, "unknown"),
    ],
)
def test_hints_and_screen_come_before_the_user_agent(user_agent, hints, screen_width, device_class):
    assert parse(user_agent, screen_width=screen_width, **hints).device_class == device_class


@given(st.text(max_size=1024), st.text(max_size=64), st.text(max_size=64), st.text(max_size=256))
def test_any_text_gives_a_device_of_bounded_size(user_agent, platform, version, brands):
    for agent in (user_agent, WINDOWS):
        device = parse(agent, platform=platform, platform_version=version, brands=brands)
        assert len(device.browser) <= 64
        assert len(device.os) <= 64
