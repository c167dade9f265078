CREATE FUNCTION recovery_tally_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (old.account_id, old.currency, old.started_at, old.status,
        old.closed_as, old.amount, old.recovered_amount)
        IS NOT DISTINCT FROM (new.account_id, new.currency, new.started_at, new.status,
        new.closed_as, new.amount, new.recovered_amount)
    THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        UPDATE recovery_tally SET
            recoveries = recoveries - 1,
            amount = amount - old.amount,
            recovered_amount = recovered_amount - old.recovered_amount
        WHERE account_id = old.account_id AND currency = old.currency
            AND cohort = to_char(old.started_at, 'YYYY-MM')
            AND status = old.status AND closed_as = coalesce(old.closed_as, '');
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO recovery_tally AS kept (account_id, currency, cohort, status,
            closed_as, recoveries, amount, recovered_amount)
        VALUES (new.account_id, new.currency, to_char(new.started_at, 'YYYY-MM'),
            new.status, coalesce(new.closed_as, ''),
            1, new.amount, new.recovered_amount)
        ON CONFLICT (account_id, currency, cohort, status, closed_as) DO UPDATE SET
            recoveries = kept.recoveries + 1,
            amount = kept.amount + excluded.amount,
            recovered_amount = kept.recovered_amount + excluded.recovered_amount;
    END IF;
    RETURN NULL;
END $$
--next
CREATE TRIGGER recovery_tally AFTER INSERT OR UPDATE OR DELETE ON recovery
FOR EACH ROW EXECUTE FUNCTION recovery_tally_keep()
--next
CREATE FUNCTION decline_tally_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO decline_tally AS kept (account_id, month, kind, decline_code, declines)
    VALUES (new.account_id, to_char(new.occurred_at, 'YYYY-MM'), new.kind,
        coalesce(new.decline_code, ''), 1)
    ON CONFLICT (account_id, month, kind, decline_code)
        DO UPDATE SET declines = kept.declines + 1;
    RETURN NULL;
END $$
--next
CREATE TRIGGER decline_tally AFTER INSERT ON decline
FOR EACH ROW EXECUTE FUNCTION decline_tally_keep()
--next
CREATE FUNCTION attempt_tally_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND old.status = new.status THEN
        RETURN NULL;
    END IF;
    IF new.status NOT IN ('succeeded', 'declined') THEN
        RETURN NULL;
    END IF;
    INSERT INTO attempt_tally AS kept
        (account_id, number, weekday, hour, status, attempts)
    VALUES (new.account_id, new.number,
        extract(dow FROM coalesce(new.started_at, new.due_at))::integer,
        extract(hour FROM coalesce(new.started_at, new.due_at))::integer,
        new.status, 1)
    ON CONFLICT (account_id, number, weekday, hour, status)
        DO UPDATE SET attempts = kept.attempts + 1;
    RETURN NULL;
END $$
--next
CREATE TRIGGER attempt_tally AFTER INSERT OR UPDATE OF status ON retry_attempt
FOR EACH ROW EXECUTE FUNCTION attempt_tally_keep()
