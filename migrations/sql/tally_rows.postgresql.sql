ALTER TABLE recovery_tally DROP CONSTRAINT pk_recovery_tally
--next
ALTER TABLE decline_tally DROP CONSTRAINT pk_decline_tally
--next
ALTER TABLE attempt_tally DROP CONSTRAINT pk_attempt_tally
--next
ALTER TABLE beginning_tally DROP CONSTRAINT pk_beginning_tally
--next
ALTER TABLE ending_tally DROP CONSTRAINT pk_ending_tally
--next
ALTER TABLE decline_day_tally DROP CONSTRAINT pk_decline_day_tally
--next
CREATE OR REPLACE FUNCTION recovery_tally_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (old.account_id, old.currency, old.started_at, old.status,
        old.closed_as, old.amount, old.recovered_amount)
        IS NOT DISTINCT FROM (new.account_id, new.currency, new.started_at, new.status,
        new.closed_as, new.amount, new.recovered_amount)
    THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO recovery_tally (account_id, currency, cohort, status,
            closed_as, recoveries, amount, recovered_amount)
        VALUES (old.account_id, old.currency, to_char(old.started_at, 'YYYY-MM'),
            old.status, coalesce(old.closed_as, ''),
            -1, -old.amount, -old.recovered_amount);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO recovery_tally (account_id, currency, cohort, status,
            closed_as, recoveries, amount, recovered_amount)
        VALUES (new.account_id, new.currency, to_char(new.started_at, 'YYYY-MM'),
            new.status, coalesce(new.closed_as, ''),
            1, new.amount, new.recovered_amount);
    END IF;
    RETURN NULL;
END $$
--next
CREATE OR REPLACE FUNCTION decline_tally_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO decline_tally (account_id, month, kind, decline_code, declines)
    VALUES (new.account_id, to_char(new.occurred_at, 'YYYY-MM'), new.kind,
        coalesce(new.decline_code, ''), 1);
    RETURN NULL;
END $$
--next
CREATE OR REPLACE FUNCTION attempt_tally_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND old.status = new.status THEN
        RETURN NULL;
    END IF;
    IF new.status NOT IN ('succeeded', 'declined') THEN
        RETURN NULL;
    END IF;
    INSERT INTO attempt_tally (account_id, number, weekday, hour, status, attempts)
    VALUES (new.account_id, new.number,
        extract(dow FROM coalesce(new.started_at, new.due_at))::integer,
        extract(hour FROM coalesce(new.started_at, new.due_at))::integer,
        new.status, 1);
    RETURN NULL;
END $$
--next
CREATE OR REPLACE FUNCTION beginning_tally_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (old.account_id, old.currency, old.started_at, old.status,
        old.closed_as, old.amount, old.recovered_amount)
        IS NOT DISTINCT FROM (new.account_id, new.currency, new.started_at, new.status,
        new.closed_as, new.amount, new.recovered_amount)
    THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        INSERT INTO beginning_tally (account_id, currency, day, status,
            closed_as, recoveries, amount, recovered_amount)
        VALUES (old.account_id, old.currency, to_char(old.started_at, 'YYYY-MM-DD'),
            old.status, coalesce(old.closed_as, ''),
            -1, -old.amount, -old.recovered_amount);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO beginning_tally (account_id, currency, day, status,
            closed_as, recoveries, amount, recovered_amount)
        VALUES (new.account_id, new.currency, to_char(new.started_at, 'YYYY-MM-DD'),
            new.status, coalesce(new.closed_as, ''),
            1, new.amount, new.recovered_amount);
    END IF;
    RETURN NULL;
END $$
--next
CREATE OR REPLACE FUNCTION ending_tally_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (old.account_id, old.currency, old.ended_at, old.status,
        old.closed_as, old.retries, old.amount, old.recovered_amount)
        IS NOT DISTINCT FROM (new.account_id, new.currency, new.ended_at, new.status,
        new.closed_as, new.retries, new.amount, new.recovered_amount)
    THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' AND old.ended_at IS NOT NULL THEN
        INSERT INTO ending_tally (account_id, currency, day, status,
            closed_as, retries, recoveries, amount, recovered_amount)
        VALUES (old.account_id, old.currency, to_char(old.ended_at, 'YYYY-MM-DD'),
            old.status, coalesce(old.closed_as, ''), old.retries,
            -1, -old.amount, -old.recovered_amount);
    END IF;
    IF TG_OP <> 'DELETE' AND new.ended_at IS NOT NULL THEN
        INSERT INTO ending_tally (account_id, currency, day, status,
            closed_as, retries, recoveries, amount, recovered_amount)
        VALUES (new.account_id, new.currency, to_char(new.ended_at, 'YYYY-MM-DD'),
            new.status, coalesce(new.closed_as, ''), new.retries,
            1, new.amount, new.recovered_amount);
    END IF;
    RETURN NULL;
END $$
--next
CREATE OR REPLACE FUNCTION decline_day_tally_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO decline_day_tally (account_id, day, kind, decline_code, declines)
    VALUES (new.account_id, to_char(new.occurred_at, 'YYYY-MM-DD'), new.kind,
        coalesce(new.decline_code, ''), 1);
    RETURN NULL;
END $$
