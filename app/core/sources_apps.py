"""Facts about Android apps that visitors come from: source name -> packages."""

from __future__ import annotations

from app.events.vocabulary import SourceKind

#: Kind -> source -> packages of Android apps, in lower case, as ``android-app://`` names them.
APPS: dict[SourceKind, dict[str, str]] = {
    SourceKind.SEARCH: {
        "google": "com.google.android.googlequicksearchbox com.google.android.apps.searchlite",
        "bing": "com.microsoft.bing",
        "duckduckgo": "com.duckduckgo.mobile.android",
        "yandex": "ru.yandex.searchplugin",
        "naver": "com.nhn.android.search",
        "ecosia": "com.ecosia.android",
        "qwant": "com.qwant.liberty",
    },
    SourceKind.AI_ASSISTANT: {
        "chatgpt": "com.openai.chatgpt",
        "claude": "com.anthropic.claude",
        "perplexity": "ai.perplexity.app.android",
        "gemini": "com.google.android.apps.bard",
        "copilot": "com.microsoft.copilot",
        "deepseek": "com.deepseek.chat",
        "grok": "ai.x.grok",
        "mistral": "ai.mistral.chat",
    },
    SourceKind.SOCIAL: {
        "facebook": "com.facebook.katana com.facebook.lite com.facebook.orca",
        "instagram": "com.instagram.android",
        "threads": "com.instagram.barcelona",
        "twitter": "com.twitter.android",
        "linkedin": "com.linkedin.android",
        "reddit": "com.reddit.frontpage",
        "pinterest": "com.pinterest",
        "tiktok": "com.zhiliaoapp.musically com.ss.android.ugc.trill",
        "snapchat": "com.snapchat.android",
        "whatsapp": "com.whatsapp",
        "telegram": "org.telegram.messenger org.telegram.plus",
        "discord": "com.discord",
        "quora": "com.quora.android",
        "tumblr": "com.tumblr",
        "vk": "com.vkontakte.android",
        "weibo": "com.sina.weibo",
        "line": "jp.naver.line.android",
        "kakao": "com.kakao.talk",
        "bluesky": "xyz.blueskyweb.app",
        "mastodon": "org.joinmastodon.android",
    },
    SourceKind.EMAIL: {
        "gmail": "com.google.android.gm com.google.android.gm.lite",
        "outlook": "com.microsoft.office.outlook",
        "yahoo_mail": "com.yahoo.mobile.client.android.mail",
        "proton_mail": "ch.protonmail.android",
        "samsung_email": "com.samsung.android.email.provider",
        "k9_mail": "com.fsck.k9",
        "thunderbird": "net.thunderbird.android",
        "gmx": "de.gmx.mobile.android.mail",
        "web.de": "de.web.mobile.android.mail",
    },
    SourceKind.VIDEO: {
        "youtube": "com.google.android.youtube com.google.android.apps.youtube.music",
        "vimeo": "com.vimeo.android.videoapp",
        "twitch": "tv.twitch.android.app",
    },
    SourceKind.SHOPPING: {
        "amazon": "com.amazon.mshop.android.shopping",
        "ebay": "com.ebay.mobile",
        "etsy": "com.etsy.android",
        "aliexpress": "com.alibaba.aliexpresshd",
    },
    SourceKind.NEWS: {
        "google_news": "com.google.android.apps.magazines",
        "flipboard": "flipboard.app",
        "feedly": "com.devhd.feedly",
        "pocket": "com.ideashower.readitlater.pro",
        "smartnews": "jp.gocro.smartnews.android",
    },
}
