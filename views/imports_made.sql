-- The imports from other analytics tools that are whole: of the sites given, or of all where none is; latest first.
CREATE OR REPLACE VIEW {db}.imports_made {on_cluster} AS
SELECT
    i.site_id AS site_id,
    toString(i.import_id) AS import_id,
    i.tool AS tool,
    i.file AS file,
    i.first_date AS first_date,
    i.last_date AS last_date,
    i.taken AS taken,
    i.bad AS bad,
    i.skipped AS skipped,
    i.imported_at AS imported_at
FROM {db}.imports AS i FINAL
WHERE empty({sites:Array(String)}) OR has({sites:Array(String)}, i.site_id)
ORDER BY imported_at DESC, import_id;
