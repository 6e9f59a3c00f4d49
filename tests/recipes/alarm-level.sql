-- Says how much a project's trouble matters: HIGH, MEDIUM, LOW or IGNORE.
--
-- :project  the project's id
--
-- before: any
-- after:  HIGH
UPDATE oms_project SET alarm_level = 'HIGH' WHERE id = :project;
