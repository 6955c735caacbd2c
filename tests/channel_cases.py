"""What is tagged, referred or clicked how -> the channel that it is: facts, and look-alikes. Tables."""

from app.events.vocabulary import Channel

BY_TAGS = {
    Channel.CROSS_NETWORK: """
        google / cpc / cross-network
        google / cpc / 2026 Cross-Network spring
        anything / email / x-cross-network-y
        - / - / cross-network""",
    Channel.PAID_SHOPPING: """
        amazon / cpc
        amazon.de / ppc
        ebay.co.uk / paid
        google_shopping / cpc
        shopping.google.com / cpc
        etsy / retargeting
        google / cpc / shopping
        google / cpc / spring-shop
        google / cpc / eshop sale
        google / cpc / e-shop
        google / cpc / Windowshopping
        newsletter / cpc / shop""",
    Channel.PAID_SEARCH: """
        google / cpc
        Google / CPC
        google / ppc
        google / paid
        google / paidsearch
        google / paid_search
        google / cpm
        google / retargeting
        google.de / cpc
        www.google.co.uk / cpc
        google ads / cpc
        googleads / cpc
        adwords / cpc
        bing / cpc
        bing_ads / cpc
        yahoo / cpc
        search.yahoo.com / cpc
        duckduckgo / cpc
        yandex / cpc
        baidu / cpc
        ecosia.org / cpc
        google / cpc / workshop
        google / cpc / bishop-offer
        google / cpc / photoshop""",
    Channel.PAID_SOCIAL: """
        facebook / cpc
        facebook / paid_social
        facebook / paid-social
        facebook.com / paid
        m.facebook.com / ppc
        fb / cpc
        meta / paid
        facebook_ads / cpc
        ig / paidsocial
        instagram / cpm
        linkedin / cpc
        twitter / cpc
        x / paid
        x.com / paid
        tiktok / cpc
        pinterest / cpc
        pinterest.de / cpc
        reddit / cpc
        snapchat / cpc
        threads / cpc""",
    Channel.PAID_VIDEO: """
        youtube / cpc
        youtube.com / paid
        youtube / paid_video
        yt / cpv-cpc
        vimeo / paid
        twitch.tv / cpm""",
    Channel.DISPLAY: """
        dv360 / display
        partner / banner
        partner / expandable
        partner / interstitial
        partner / cpm
        partner / Display
        google / display
        facebook / banner""",
    Channel.PAID_OTHER: """
        partner / cpc
        partner / ppc
        partner / paid
        partner / paid-anything
        partner / retargeting
        partner / cpa
        partner / cpv
        newsletter / paid
        taboola / cpc
        chatgpt / cpc
        gmail / cpc
        - / cpc
        microsoft.com / cpc
        dropbox.com / cpc
        notgoogle.com / cpc
        partner / paid_social""",
    Channel.ORGANIC_SHOPPING: """
        amazon / referral
        ebay / -
        etsy.com / social
        partner / email / summer shop
        google / organic / shopping-free-listings""",
    Channel.ORGANIC_SOCIAL: """
        facebook / -
        facebook / referral
        facebook / email
        fb / post
        twitter / social
        partner / social
        partner / social-network
        partner / social-media
        partner / social network
        partner / social media
        partner / sm
        partner / SM
        t.co / -
        linkedin / organic
        bsky / -
        tiktok / video""",
    Channel.ORGANIC_VIDEO: """
        youtube / -
        youtube.com / referral
        vimeo / email
        partner / video
        partner / instream-video
        partner / videos""",
    Channel.AI_ASSISTANTS: """
        chatgpt.com / -
        chatgpt / -
        openai / referral
        perplexity / -
        perplexity.ai / referral
        claude / organic
        claude.ai / -
        gemini / -
        copilot.com / -""",
    Channel.ORGANIC_SEARCH: """
        google / organic
        google / -
        bing / referral
        partner / organic
        Partner / Organic
        gmb / organic
        google / email
        duckduckgo.com / -""",
    Channel.EMAIL: """
        newsletter / email
        newsletter / e-mail
        newsletter / e_mail
        newsletter / e mail
        newsletter / EMAIL
        email / -
        e-mail / spring
        gmail / -
        mail.google.com / -
        partner / newsletter
        partner / email / workshop
        outlook / -""",
    Channel.AFFILIATES: """
        partner / affiliate
        partner / affiliates
        awin / Affiliate""",
    Channel.AUDIO: """
        podcast / audio
        spotify / Audio""",
    Channel.SMS: """
        sms / -
        sms / text
        partner / sms""",
    Channel.MOBILE_PUSH: """
        app / push
        app / web-push
        app / webpush
        app / mobile
        app / mobile_app
        app / mobile-notification
        app / notification
        app / pushnotification
        firebase / -
        firebase / campaign""",
    Channel.REFERRAL: """
        partner / referral
        partner / app
        partner / link
        partner / -
        partner / whatever
        partner / unpaid
        partner / ppcx
        partner / non-retargeting
        partner / organically
        partner / emails-and-more
        partner / audiobook
        partner / automobile
        partner / displayed
        partner / bannerless
        partner / smartlink
        partner / socialist
        partner / affiliated
        partner / pushy
        smsgateway / x
        myfirebase / x
        partner / - / workshop
        partner / - / photoshop
        googlechrome / -
        notfacebook / -
        threadstories / -
        docs.google.com / -
        metasearch / -
        - / link
        - / - / spring""",
    Channel.DIRECT: """
        (direct) / (none)
        (direct) / (not set)
        (Direct) / (None)
        - / -""",
}

BY_REFERRER = {
    Channel.ORGANIC_SEARCH: """
        google.com/ www.google.com/ www.google.de/ www.google.co.uk/ www.google.com.br/ google.com.au/
        google.cat/ images.google.com/ www.google.co.jp/search?q=x www.google.com.hk/ bing.com/
        www.bing.com/ cn.bing.com/ duckduckgo.com/ r.duckduckgo.com/ yahoo.com/ search.yahoo.com/
        r.search.yahoo.com/ fr.search.yahoo.com/ search.yahoo.co.jp/ www.yahoo.co.jp/ yandex.ru/
        www.yandex.com/ yandex.com.tr/ yandex.kz/ images.yandex.ru/ ya.ru/ www.baidu.com/ m.baidu.com/
        image.baidu.com/ search.naver.com/ www.ecosia.org/ www.qwant.com/ search.brave.com/
        www.startpage.com/ kagi.com/ search.seznam.cz/ go.mail.ru/ www.so.com/ www.sogou.com/
        search.daum.net/ www.ask.com/ search.aol.com/
        android-app://com.google.android.googlequicksearchbox/https/www.google.com""",
    Channel.ORGANIC_SOCIAL: """
        www.facebook.com/ l.facebook.com/ lm.facebook.com/l.php m.facebook.com/ l.instagram.com/
        t.co/abc x.com/ twitter.com/ mobile.twitter.com/ www.linkedin.com/feed lnkd.in/x out.reddit.com/
        old.reddit.com/ www.pinterest.co.uk/ de.pinterest.com/ www.tiktok.com/ news.ycombinator.com/
        bsky.app/ www.threads.net/ stackoverflow.com/ unix.stackexchange.com/ mastodon.social/
        web.telegram.org/ web.whatsapp.com/ vk.com/ weibo.com/ www.quora.com/ tieba.baidu.com/
        android-app://com.linkedin.android/ android-app://com.twitter.android
        android-app://com.facebook.katana/""",
    Channel.AI_ASSISTANTS: """
        chatgpt.com/ chat.openai.com/c/1 www.perplexity.ai/ perplexity.ai/ claude.ai/chat
        gemini.google.com/app copilot.microsoft.com/ edgeservices.bing.com/ chat.deepseek.com/ grok.com/
        www.meta.ai/ poe.com/ you.com/ chat.mistral.ai/ duck.ai/ notebooklm.google.com/
        android-app://com.openai.chatgpt/""",
    Channel.EMAIL: """
        mail.google.com/mail/u/0 mail.yahoo.com/ us-mg6.mail.yahoo.com/ mail.yahoo.co.jp/
        outlook.live.com/ outlook.office.com/ outlook.office365.com/ mail.proton.me/ mail.yandex.ru/
        e.mail.ru/ mail.aol.com/ deref-gmx.net/ mail.qq.com/ android-app://com.google.android.gm/""",
    Channel.ORGANIC_VIDEO: """
        www.youtube.com/watch m.youtube.com/ youtu.be/x vimeo.com/1 player.vimeo.com/ www.twitch.tv/
        www.dailymotion.com/ www.bilibili.com/ android-app://com.google.android.youtube/""",
    Channel.ORGANIC_SHOPPING: """
        www.amazon.com/ www.amazon.co.uk/ amazon.de/ smile.amazon.com/ www.ebay.de/ rover.ebay.com/
        etsy.com/ shopping.google.com/ shopping.yahoo.co.jp/ market.yandex.ru/ www.idealo.de/""",
    # Look-alikes first: parts of words, other people's domains, and what else a search engine's owner has.
    Channel.REFERRAL: """
        notwikipedia.org/ en.wikipedia.org/ microsoft.com/ dropbox.com/ netflix.co/ notgoogle.com/
        mygoogle.de/ google.evil.example/ google.com.evil.example/ www.google.com-evil.example/
        google.xyz/ google.com.com/ yahoo.evil.example/ notyahoo.com/ bing.com.evil.example/
        notbing.com/ facebook.com.evil.example/ notfacebook.com/ face.book.com/ phoenix.com/ contact.me/
        budget.me/ next.co/ fix.com/ ebay.com.evil.example/ amazonia.com/ myamazon.com/
        amazon.evil.example/ chatgpt.com.evil.example/ notchatgpt.com/ claude.ai.example/
        openai.com/blog docs.google.com/ drive.google.com/ sites.google.com/ maps.google.com/
        support.google.com/ colab.research.google.com/ translate.google.com/ developers.google.com/
        cloud.google.com/ play.google.com/ finance.yahoo.com/ disk.yandex.ru/ aws.amazon.com/
        developer.amazon.com/ pan.baidu.com/ www.microsoft.com/ learn.microsoft.com/
        teams.microsoft.com/ search.example/ news.google.com/ news.yahoo.com/ apple.news/ flipboard.com/
        blog.example/ localhost:3000/ 192.0.2.1/ [2001:db8::1]/ notshop.example/ shop.example.org/
        evil-shop.example/ notpaypal.com/ paypal.com.evil.example/ paypal.me.example/ stripe.com/
        docs.stripe.com/ www.klarna.com/ adyen.com/ pay.google.com.evil.example/ mypay.google.example/
        android-app://com.example.reader/ android-app://com.linkedin.android.evil/""",
    # Own pages, payment providers that send a buyer back, and what is no referrer at all.
    Channel.DIRECT: """
        shop.example/ www.shop.example/ shop.example:8443/cart blog.shop.example/ SHOP.EXAMPLE/
        shop.example./ www.paypal.com/checkoutnow paypal.com/ checkout.stripe.com/c/pay buy.stripe.com/x
        pay.klarna.com/ checkout.klarna.com/ pay.google.com/ pay.amazon.com/ live.adyen.com/
        checkoutshopper-live.adyen.com/ www.sofort.com/ api.razorpay.com/ pay.mollie.com/ about:blank://
        android-app:// javascript://x ftp://www.google.com/ https://
        https://bad..host/ https://www.google.com:port/ file:///home/x https://\\xe4\\xe5.\\xf0/""",
}

CLICKS = [
    # a paid click id without more is its network's
    ("gclid=1", "", Channel.PAID_SEARCH),
    ("gbraid=1", "", Channel.PAID_SEARCH),
    ("wbraid=1", "", Channel.PAID_SEARCH),
    ("GCLID=1", "", Channel.PAID_SEARCH),
    ("msclkid=1", "", Channel.PAID_SEARCH),
    ("yclid=1", "", Channel.PAID_SEARCH),
    ("dclid=1", "", Channel.DISPLAY),
    ("ttclid=1", "", Channel.PAID_SOCIAL),
    ("twclid=1", "", Channel.PAID_SOCIAL),
    ("li_fat_id=1", "", Channel.PAID_SOCIAL),
    ("rdt_cid=1", "", Channel.PAID_SOCIAL),
    ("ScCid=1", "", Channel.PAID_SOCIAL),
    ("tblci=1", "", Channel.PAID_OTHER),
    ("awc=1", "", Channel.AFFILIATES),
    ("gclid=1", "shop.example/", Channel.PAID_SEARCH),
    ("gclid=1", "www.google.de/", Channel.PAID_SEARCH),
    ("gclid=1", "www.youtube.com/", Channel.PAID_VIDEO),
    ("gclid=1", "googleads.g.doubleclick.net/", Channel.PAID_SEARCH),
    ("gclid=1", "publisher.example/", Channel.PAID_SEARCH),
    ("msclkid=1", "duckduckgo.com/", Channel.PAID_SEARCH),
    ("msclkid=1", "www.bing.com/", Channel.PAID_SEARCH),
    # those that come with every link are not paid for
    ("fbclid=1", "", Channel.ORGANIC_SOCIAL),
    ("fbclid=1", "l.facebook.com/", Channel.ORGANIC_SOCIAL),
    ("fbclid=1", "l.instagram.com/", Channel.ORGANIC_SOCIAL),
    ("igshid=1", "", Channel.ORGANIC_SOCIAL),
    ("epik=1", "", Channel.ORGANIC_SOCIAL),
    ("ysclid=1", "", Channel.ORGANIC_SEARCH),
    ("fbclid=1&utm_source=facebook&utm_medium=cpc", "", Channel.PAID_SOCIAL),
    # a click id needs its network: these links were copied
    ("gclid=1", "www.bing.com/", Channel.ORGANIC_SEARCH),
    ("gclid=1", "www.facebook.com/", Channel.ORGANIC_SOCIAL),
    ("gclid=1", "mail.google.com/", Channel.PAID_OTHER),
    ("gclid=1", "chatgpt.com/", Channel.AI_ASSISTANTS),
    ("gclid=1&utm_source=newsletter&utm_medium=email", "", Channel.EMAIL),
    ("gclid=1&utm_source=partner", "", Channel.REFERRAL),
    ("gclid=1&utm_source=bing", "", Channel.ORGANIC_SEARCH),
    ("msclkid=1&utm_source=google", "", Channel.ORGANIC_SEARCH),
    ("fbclid=1", "www.google.com/", Channel.ORGANIC_SEARCH),
    ("fbclid=1", "blog.example/", Channel.REFERRAL),
    # with its network a click id makes up for a medium that says nothing
    ("gclid=1&utm_source=google", "", Channel.PAID_SEARCH),
    ("gclid=1&utm_source=google&utm_medium=organic", "", Channel.PAID_SEARCH),
    ("gclid=1&utm_source=adwords&utm_medium=search", "", Channel.PAID_SEARCH),
    ("gclid=1&fbclid=2&utm_source=facebook", "", Channel.ORGANIC_SOCIAL),
    ("gclid=1&utm_campaign=shopping", "", Channel.PAID_SHOPPING),
    # no click ids
    ("gclid=", "", Channel.DIRECT),
    ("gclid", "", Channel.DIRECT),
    ("xgclid=1", "", Channel.DIRECT),
    ("gclids=1", "", Channel.DIRECT),
    ("q=gclid", "", Channel.DIRECT),
    # tags come before the referrer; a medium alone takes its source from there
    ("utm_source=newsletter&utm_medium=email", "www.google.com/", Channel.EMAIL),
    ("utm_source=partner", "www.facebook.com/", Channel.REFERRAL),
    ("utm_medium=cpc", "www.google.com/", Channel.PAID_SEARCH),
    ("utm_medium=email", "blog.example/", Channel.EMAIL),
    ("utm_campaign=spring", "www.google.com/", Channel.ORGANIC_SEARCH),
    ("utm_term=x", "", Channel.DIRECT),
]

#: A site's own rules, and (tags, referrer, channel) under them.
OWN_RULES = [
    {"channel": "Email", "source": "crm-*"},
    {"channel": "Affiliates", "medium": "partner", "campaign": "*spring*"},
    {"channel": "Paid Search", "source": "google", "campaign": "brand*"},
    {"channel": "Organic Social", "referrer": "forum.example"},
    {"channel": "Audio", "referrer": "google.com"},
    {"channel": "Display", "source": "*", "medium": "cpc", "campaign": "remarketing"},
    {"channel": "Display", "source": "what?", "medium": "[x]"},
]
BY_OWN_RULES = [
    ("crm-april / -", "", Channel.EMAIL),
    ("CRM-april / cpc", "", Channel.EMAIL),
    ("crm / -", "", Channel.REFERRAL),
    ("mycrm-april / -", "", Channel.REFERRAL),
    ("acme / partner / early spring sale", "", Channel.AFFILIATES),
    ("acme / partner / Spring", "", Channel.AFFILIATES),
    ("acme / partner / autumn", "", Channel.REFERRAL),
    ("acme / partners / spring", "", Channel.REFERRAL),
    ("google / cpc / brand-de", "", Channel.PAID_SEARCH),
    ("google / organic / brand-de", "", Channel.PAID_SEARCH),
    ("bing / organic / brand-de", "", Channel.ORGANIC_SEARCH),
    ("google / organic / mybrand", "", Channel.ORGANIC_SEARCH),
    ("- / -", "forum.example/t/1", Channel.ORGANIC_SOCIAL),
    ("- / -", "de.forum.example:8080/", Channel.ORGANIC_SOCIAL),
    ("- / -", "notforum.example/", Channel.REFERRAL),
    ("- / -", "forum.example.org/", Channel.REFERRAL),
    ("- / -", "www.google.com/", Channel.AUDIO),
    ("- / -", "mail.google.com/", Channel.AUDIO),
    ("- / -", "www.google.de/", Channel.ORGANIC_SEARCH),
    ("newsletter / email", "www.google.com/", Channel.AUDIO),
    ("facebook / cpc / remarketing", "", Channel.DISPLAY),
    ("facebook / cpc / cross-network", "", Channel.CROSS_NETWORK),
    # only * is special
    ("what? / [x] / -", "", Channel.DISPLAY),
    ("whats / [x] / -", "", Channel.REFERRAL),
    ("what? / x / -", "", Channel.REFERRAL),
    # the first that holds
    ("crm-x / partner / spring", "", Channel.EMAIL),
    ("google / cpc / remarketing", "", Channel.DISPLAY),
    # own pages and payment providers are no referrers for these rules either
    ("- / -", "shop.example/", Channel.DIRECT),
    ("- / -", "", Channel.DIRECT),
]
