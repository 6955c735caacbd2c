-- What browsers measured of a site's pages over a period of its own days: a row for each measure of each event, with
-- the event. CLS is counted in 1/10,000; it can be 0, and is not measured where the report does not name it.
-- metric value: ms, or CLS times 10,000. Of lcp, inp, cls, fcp and ttfb as $web_vitals reports them, of ttfb and load
-- as page views do. A time of 0 was not measured.
CREATE OR REPLACE VIEW {db}.vitals {on_cluster} AS
SELECT
    e.*,
    e.path_hash AS path_hash,
    measured.1 AS vital,
    measured.2 AS value
FROM {db}.user_behavior_silver AS e
ARRAY JOIN arrayFilter(
    one -> one.3,
    [
        ('lcp', e.lcp_ms, e.lcp_ms > 0),
        ('inp', e.inp_ms, e.inp_ms > 0),
        ('cls', e.cls_10000, e.name = '$web_vitals' AND JSONType(e.properties, 'cls') != 'Null'),
        ('fcp', e.fcp_ms, e.fcp_ms > 0),
        ('ttfb', e.ttfb_ms, e.ttfb_ms > 0),
        ('load', e.load_ms, e.load_ms > 0)
    ]
) AS measured
WHERE e.site_id = {site:String}
    AND e.local_date >= {since:Date} AND e.local_date < {until:Date}
    AND has({bots:Array(UInt8)}, e.is_bot)
    AND (e.name = '$web_vitals' OR e.event_type = 'page_view');
