-- What AI programs took from a page beside what AI assistants gave it, over a period of a site's own days; the pages
-- with most of it first.
-- metric crawled: page views by AI crawlers, which gather for training and search. metric fetched: page views by AI
-- fetchers, which open a page because a person asked for something. metric referred: sessions of people that came from
-- an AI assistant and whose first page view is of the page.
CREATE OR REPLACE VIEW {db}.ai_pages {on_cluster} AS
SELECT
    path,
    sum(p.crawled) AS crawled,
    sum(p.fetched) AS fetched,
    sum(p.referred) AS referred
FROM (
    SELECT
        path,
        toInt64(countIf(bot_kind = 'ai_crawler')) AS crawled,
        toInt64(countIf(bot_kind = 'ai_fetcher')) AS fetched,
        toInt64(0) AS referred
    FROM {db}.page_views_silver
    WHERE site_id = {site:String}
        AND local_date >= {since:Date} AND local_date < {until:Date}
        AND bot_kind IN ('ai_crawler', 'ai_fetcher')
    GROUP BY path
    UNION ALL
    SELECT
        entry_path AS path,
        toInt64(0) AS crawled,
        toInt64(0) AS fetched,
        sum(sign) AS referred
    FROM {db}.sessions_silver
    WHERE site_id = {site:String}
        AND local_date >= {since:Date} AND local_date < {until:Date}
        AND channel = 'AI Assistants' AND is_bot = 0 AND page_views > 0
    GROUP BY entry_path
) AS p
GROUP BY path
HAVING crawled + fetched + referred > 0
ORDER BY crawled + fetched + referred DESC, path
LIMIT {limit:UInt32};
