-- Slows Incr-Sync down to 500 rows a second (0: no limit), while it works. `full_import` in place of
-- `incr_sync` does the same to the copy, `throttle_iops` limits bytes.
--
-- :project  the project's id
--
-- before: any
-- after:  within a second or two the component goes by it.
UPDATE oms_project SET config = JSON_SET(config, '$.options.incr_sync.throttle_rps', 500)
 WHERE id = :project;
