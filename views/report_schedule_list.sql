-- The schedules of reports, of every site where none are named.
CREATE OR REPLACE VIEW {db}.report_schedule_list {on_cluster} AS
SELECT *
FROM {db}.report_schedules
WHERE empty({sites:Array(String)}) OR has({sites:Array(String)}, site_id)
ORDER BY created_at, schedule_id
LIMIT 1 BY schedule_id;
