-- The finished files of reports, in base64; of every report where none are named.
CREATE OR REPLACE VIEW {db}.report_file_contents {on_cluster} AS
SELECT job_id, attempt, kept_at, bytes, data
FROM {db}.report_files
WHERE empty({jobs:Array(String)}) OR has({jobs:Array(String)}, job_id);
