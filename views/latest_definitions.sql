-- The latest version of each definition of a kind of a site, by id; deleted ones too: their versions go on.
CREATE OR REPLACE VIEW {db}.latest_definitions {on_cluster} AS
SELECT
    d.id AS id,
    max(d.version) AS version,
    argMax(d.body, d.version) AS body,
    argMax(d.is_deleted, d.version) AS is_deleted,
    argMax(d.changed_at, d.version) AS changed_at
FROM {db}.definitions AS d
WHERE d.site_id = {site:String} AND d.kind = {kind:String} AND ({id:String} = '' OR d.id = {id:String})
GROUP BY d.id
ORDER BY d.id;
