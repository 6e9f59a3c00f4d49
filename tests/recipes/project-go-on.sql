-- Lets a project go on that was paused, or that failed: its failed steps run again with the
-- components that they have.
--
-- :project  the project's id
--
-- before: the project SUSPEND or FAILED
-- after:  RUNNING; its steps go on from where they were.
UPDATE oms_project SET project_status = 'RUNNING' WHERE id = :project;
