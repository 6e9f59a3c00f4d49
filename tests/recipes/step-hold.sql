-- Holds one step; the project stays as it is.
--
-- :project  the project's id
-- :step     the step's name            (e.g. 'INCR_TRANSFER')
--
-- before: the step RUNNING or MONITORING
-- after:  SUSPEND; its component is PAUSED, and stays so until step-go-on.sql, whatever becomes of
--         the project meanwhile.
UPDATE oms_step SET step_status = 'SUSPEND' WHERE project_id = :project AND step_name = :step;
