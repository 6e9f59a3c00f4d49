-- Incr-Sync does not start, or applies no more: it is made anew, when the Store works.
--
-- :project  the project's id
--
-- before: INCR_TRANSFER in any state
-- after:  a new Incr-Sync goes on from what the target has; INCR_TRANSFER is MONITORING.
UPDATE oms_step SET step_status = 'FAILED', step_info = '{}'
 WHERE project_id = :project AND step_name = 'INCR_TRANSFER';
