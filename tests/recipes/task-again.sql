-- A step failed over some of its tasks, and what stood in their way is mended.
--
-- :project  the project's id           (SELECT project_id, project_name FROM oms_v_projects)
-- :step     the step's name            (e.g. 'STRUCT_TRANSFER')
--
-- before: oms_step FAILED, oms_task FAILED
-- after:  the scheduler runs the tasks again; oms_task FINISHED, the step and the project go on.
--
-- A task whose retry_count is above its max_retry_count is not taken: hence the 0.
UPDATE oms_task SET task_status = 'PENDING', retry_count = 0
 WHERE task_status = 'FAILED'
   AND task_group = (SELECT id FROM oms_step WHERE project_id = :project AND step_name = :step);
