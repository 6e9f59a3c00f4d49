-- As throttle.sql, where rm is on PostgreSQL: slows Incr-Sync down to 500 rows a second (0: no limit),
-- while it works.
--
-- :project  the project's id
--
-- before: any
-- after:  within a second or two the component goes by it.
UPDATE oms_project
   SET config = CAST(jsonb_set(CAST(config AS jsonb), '{options,incr_sync,throttle_rps}', '500') AS text)
 WHERE id = :project;
