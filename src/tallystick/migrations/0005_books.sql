-- Not written yet.
DO $$ BEGIN END $$;
