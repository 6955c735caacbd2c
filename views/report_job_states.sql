-- How each report stands. Cancelled and removed hold for good; otherwise the latest attempt says, and of it what came
-- last. Of every report and site where none are named.
CREATE OR REPLACE VIEW {db}.report_job_states {on_cluster} AS
SELECT *
FROM {db}.report_jobs
WHERE (empty({jobs:Array(String)}) OR has({jobs:Array(String)}, job_id))
    AND (empty({sites:Array(String)}) OR has({sites:Array(String)}, site_id))
ORDER BY
    job_id,
    state = 'removed' DESC,
    state = 'cancelled' DESC,
    attempt DESC,
    indexOf(['queued', 'running', 'delivering', 'failed', 'done'], state) DESC,
    at DESC
LIMIT 1 BY job_id;
