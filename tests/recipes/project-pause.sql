-- Pauses a project.
--
-- :project  the project's id
--
-- before: the project RUNNING
-- after:  SUSPEND; its steps SUSPEND, its components PAUSED.
UPDATE oms_project SET project_status = 'SUSPEND' WHERE id = :project;
