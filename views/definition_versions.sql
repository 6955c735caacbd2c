-- Every version of the definitions of a kind of a site, deleted ones too: the one of an id, or of all (id empty).
CREATE OR REPLACE VIEW {db}.definition_versions {on_cluster} AS
SELECT d.id AS id, d.version AS version, d.body AS body, d.is_deleted AS is_deleted, d.changed_at AS changed_at
FROM {db}.definitions AS d
WHERE d.site_id = {site:String} AND d.kind = {kind:String} AND ({id:String} = '' OR d.id = {id:String});
