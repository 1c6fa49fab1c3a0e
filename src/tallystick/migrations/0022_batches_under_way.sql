-- A batch of the staging table is told when it begins, and its row settled when it ends.
GRANT UPDATE (processed_records, duplicate_records, error_records, status, completed_at,
              error_details) ON staging_process_log TO tallystick_writer;

-- Few are under way at any time: whoever looks for those whose process died finds them at once.
CREATE INDEX staging_process_log_under_way ON staging_process_log (started_at)
    WHERE status = 'processing';
