-- The Store does not start, or pulls no more: it is made anew. First this, then incr-sync-anew.sql.
--
-- :project  the project's id
--
-- before: TRANSFER_INCR_LOG_PULL in any state
-- after:  a new Store works, TRANSFER_INCR_LOG_PULL is FINISHED.
UPDATE oms_step SET step_status = 'FAILED', step_info = '{}'
 WHERE project_id = :project AND step_name = 'TRANSFER_INCR_LOG_PULL';
