-- Lets a step go on that was held, that failed, or that is done: with the component that it has.
--
-- :project  the project's id
-- :step     the step's name            (e.g. 'INCR_TRANSFER')
--
-- before: the step SUSPEND, FAILED or FINISHED
-- after:  RUNNING, and then as its component gets on.
UPDATE oms_step SET step_status = 'RUNNING' WHERE project_id = :project AND step_name = :step;
