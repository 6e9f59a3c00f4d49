-- Goes without what failed: the objects of the failed tasks are not migrated, and that is the
-- operator's decision.
--
-- :project  the project's id
-- :step     the step's name            (e.g. 'STRUCT_TRANSFER')
--
-- before: oms_step FAILED, oms_task FAILED
-- after:  oms_task SKIPPED; the step runs again without them, and the project goes on.
UPDATE oms_task SET task_status = 'SKIPPED'
 WHERE task_status = 'FAILED'
   AND task_group = (SELECT id FROM oms_step WHERE project_id = :project AND step_name = :step);
