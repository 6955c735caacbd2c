"""Facts about search engines, and the domains of sites that have many. The notation is that of sources.py."""

from __future__ import annotations

#: Country domains of sites that have many.
DOMAINS = {
    "google": """
        com ad ae com.af com.ag com.ai al am co.ao com.ar as at com.au az ba com.bd be bf bg com.bh bi bj
        com.bn com.bo com.br bs bt co.bw by com.bz ca cat cd cf cg ch ci co.ck cl cm cn com.co co.cr
        com.cu cv com.cy cz de dj dk dm com.do dz com.ec ee com.eg es com.et fi com.fj fm fr ga ge gg
        com.gh com.gi gl gm gr com.gt gy com.hk hn hr ht hu co.id ie co.il im co.in iq is it je com.jm jo
        co.jp co.ke com.kh ki kg co.kr com.kw kz la com.lb li lk co.ls lt lu lv com.ly co.ma md me mg mk
        ml com.mm mn com.mt mu mv mw com.mx com.my co.mz com.na com.ng com.ni ne nl no com.np nr nu co.nz
        com.om com.pa com.pe com.pg com.ph com.pk pl pn com.pr ps pt com.py com.qa ro rs ru rw com.sa
        com.sb sc se com.sg sh si sk com.sl sm sn so sr st com.sv td tg co.th com.tj tl tm tn to com.tr tt
        com.tw co.tz com.ua co.ug co.uk com.uy co.uz com.vc co.ve co.vi com.vn vu ws co.za co.zm co.zw""",
    "yahoo": """
        com co.jp co.uk de fr es it ca com.br com.mx com.ar com.au com.hk com.tw com.sg com.ph com.vn
        co.in in co.id co.nz co.kr com.cn ie gr at ch nl be dk no se fi pl ro""",
    "yandex": "ru com by kz ua uz az tj tm md ge ee lt lv eu fr com.tr com.am com.ge com.ua co.il",
    "amazon": """
        com ca com.mx com.br co.uk de fr it es nl se pl ie com.be com.tr ae sa eg in co.jp cn com.au sg
        co.za""",
    "ebay": "com co.uk de fr it es at ch ie pl nl be ca in ph cn com.au com.hk com.sg com.my com.tw",
    "pinterest": """
        com at ca ch cl co.kr co.uk com.au com.mx de dk es fi fr ie it jp nl nz ph pt ru se""",
    "idealo": "de at co.uk fr it es",
    "zalando": "com de at ch fr it es nl be pl se dk fi no co.uk cz",
    "mercadolibre": "com com.ar com.mx com.co com.uy com.pe com.ve com.ec cl",
    "shopee": "com sg ph vn tw co.id co.th com.my com.br",
    "lazada": "com sg co.id co.th com.my com.ph vn",
    "tripadvisor": "com co.uk de fr it es ca com.au in ie nl com.br",
}

#: Search engine -> hosts, and the query parameters that may carry the search term.
SEARCH = {
    "google": ("=google.* =images.google.* encrypted.google.com cse.google.com lens.google.com", "q"),
    "bing": ("bing.com", "q"),
    "yahoo": ("=yahoo.* search.yahoo.* =uk.yahoo.com =de.yahoo.com =fr.yahoo.com =es.yahoo.com", "p"),
    "yandex": ("=yandex.* images.yandex.* search.yandex.* ya.ru", "text"),
    "duckduckgo": ("duckduckgo.com ddg.gg", "q"),
    "baidu": ("=baidu.com image.baidu.com wap.baidu.com", "wd word"),
    "ecosia": ("ecosia.org", "q"),
    "qwant": ("qwant.com", "q"),
    "startpage": ("startpage.com ixquick.com", "query q"),
    "brave": ("search.brave.com", "q"),
    "kagi": ("kagi.com", "q"),
    "mojeek": ("mojeek.com mojeek.co.uk", "q"),
    "swisscows": ("swisscows.com", "query"),
    "metager": ("metager.org metager.de", "eingabe"),
    "sogou": ("sogou.com", "query keyword"),
    "so.com": ("=so.com 360.cn haosou.com", "q"),
    "shenma": ("sm.cn", "q"),
    "naver": ("=naver.com search.naver.com", "query"),
    "daum": ("=daum.net search.daum.net", "q"),
    "seznam": ("=seznam.cz search.seznam.cz", "q"),
    "go.mail.ru": ("go.mail.ru", "q"),
    "rambler": ("=rambler.ru nova.rambler.ru", "query"),
    "msn": ("=msn.com ntp.msn.com", "q"),
    "aol": ("=aol.com search.aol.com search.aol.co.uk suche.aol.de recherche.aol.fr", "q query"),
    "ask": ("ask.com", "q"),
    "lycos": ("lycos.com lycos.de", "q query"),
    "onet": ("=onet.pl szukaj.onet.pl", "qt q"),
    "coccoc": ("coccoc.com", "query"),
    "dogpile": ("dogpile.com", "q"),
    "webcrawler": ("webcrawler.com", "q"),
    "info.com": ("info.com", "q"),
    "excite": ("excite.com", "q"),
    "presearch": ("presearch.com presearch.org", "q"),
    "yep": ("yep.com", "q"),
    "petalsearch": ("petalsearch.com", "query"),
    "gibiru": ("gibiru.com", "q"),
    "ekoru": ("ekoru.org", "q"),
    "lilo": ("search.lilo.org", "q"),
    "avg": ("isearch.avg.com", "q"),
    "babylon": ("search.babylon.com", "q"),
    "conduit": ("search.conduit.com", "q"),
    "search.ukr.net": ("search.ukr.net", "q"),
    "virgilio": ("ricerca.virgilio.it search.virgilio.it", "qs q"),
    "marginalia": ("marginalia.nu marginalia-search.com", "query"),
}
