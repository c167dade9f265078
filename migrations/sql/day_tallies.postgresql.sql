CREATE FUNCTION beginning_tally_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (old.account_id, old.currency, old.started_at, old.status,
        old.closed_as, old.amount, old.recovered_amount)
        IS NOT DISTINCT FROM (new.account_id, new.currency, new.started_at, new.status,
        new.closed_as, new.amount, new.recovered_amount)
    THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        UPDATE beginning_tally SET
            recoveries = recoveries - 1,
            amount = amount - old.amount,
            recovered_amount = recovered_amount - old.recovered_amount
        WHERE account_id = old.account_id AND currency = old.currency
            AND day = to_char(old.started_at, 'YYYY-MM-DD')
            AND status = old.status AND closed_as = coalesce(old.closed_as, '');
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO beginning_tally AS kept (account_id, currency, day, status,
            closed_as, recoveries, amount, recovered_amount)
        VALUES (new.account_id, new.currency, to_char(new.started_at, 'YYYY-MM-DD'),
            new.status, coalesce(new.closed_as, ''),
            1, new.amount, new.recovered_amount)
        ON CONFLICT (account_id, currency, day, status, closed_as) DO UPDATE SET
            recoveries = kept.recoveries + 1,
            amount = kept.amount + excluded.amount,
            recovered_amount = kept.recovered_amount + excluded.recovered_amount;
    END IF;
    RETURN NULL;
END $$
--next
CREATE TRIGGER beginning_tally AFTER INSERT OR UPDATE OR DELETE ON recovery
FOR EACH ROW EXECUTE FUNCTION beginning_tally_keep()
--next
CREATE FUNCTION ending_tally_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (old.account_id, old.currency, old.ended_at, old.status,
        old.closed_as, old.retries, old.amount, old.recovered_amount)
        IS NOT DISTINCT FROM (new.account_id, new.currency, new.ended_at, new.status,
        new.closed_as, new.retries, new.amount, new.recovered_amount)
    THEN
        RETURN NULL;
    END IF;
    IF TG_OP <> 'INSERT' AND old.ended_at IS NOT NULL THEN
        UPDATE ending_tally SET
            recoveries = recoveries - 1,
            amount = amount - old.amount,
            recovered_amount = recovered_amount - old.recovered_amount
        WHERE account_id = old.account_id AND currency = old.currency
            AND day = to_char(old.ended_at, 'YYYY-MM-DD')
            AND status = old.status AND closed_as = coalesce(old.closed_as, '')
            AND retries = old.retries;
    END IF;
    IF TG_OP <> 'DELETE' AND new.ended_at IS NOT NULL THEN
        INSERT INTO ending_tally AS kept (account_id, currency, day, status,
            closed_as, retries, recoveries, amount, recovered_amount)
        VALUES (new.account_id, new.currency, to_char(new.ended_at, 'YYYY-MM-DD'),
            new.status, coalesce(new.closed_as, ''), new.retries,
            1, new.amount, new.recovered_amount)
        ON CONFLICT (account_id, currency, day, status, closed_as, retries)
            DO UPDATE SET
            recoveries = kept.recoveries + 1,
            amount = kept.amount + excluded.amount,
            recovered_amount = kept.recovered_amount + excluded.recovered_amount;
    END IF;
    RETURN NULL;
END $$
--next
CREATE TRIGGER ending_tally AFTER INSERT OR UPDATE OR DELETE ON recovery
FOR EACH ROW EXECUTE FUNCTION ending_tally_keep()
--next
CREATE FUNCTION decline_day_tally_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO decline_day_tally AS kept
        (account_id, day, kind, decline_code, declines)
    VALUES (new.account_id, to_char(new.occurred_at, 'YYYY-MM-DD'), new.kind,
        coalesce(new.decline_code, ''), 1)
    ON CONFLICT (account_id, day, kind, decline_code)
        DO UPDATE SET declines = kept.declines + 1;
    RETURN NULL;
END $$
--next
CREATE TRIGGER decline_day_tally AFTER INSERT ON decline
FOR EACH ROW EXECUTE FUNCTION decline_day_tally_keep()
