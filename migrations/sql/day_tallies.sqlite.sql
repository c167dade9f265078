CREATE TRIGGER beginning_tally_insert AFTER INSERT ON recovery
BEGIN
    INSERT INTO beginning_tally (account_id, currency, day, status, closed_as,
        recoveries, amount, recovered_amount)
    VALUES (new.account_id, new.currency, date(new.started_at), new.status,
        coalesce(new.closed_as, ''), 1, new.amount, new.recovered_amount)
    ON CONFLICT (account_id, currency, day, status, closed_as) DO UPDATE SET
        recoveries = recoveries + 1,
        amount = amount + excluded.amount,
        recovered_amount = recovered_amount + excluded.recovered_amount;
END
--next
CREATE TRIGGER beginning_tally_delete AFTER DELETE ON recovery
BEGIN
    UPDATE beginning_tally SET
        recoveries = recoveries - 1,
        amount = amount - old.amount,
        recovered_amount = recovered_amount - old.recovered_amount
    WHERE account_id = old.account_id AND currency = old.currency
        AND day = date(old.started_at)
        AND status = old.status AND closed_as = coalesce(old.closed_as, '');
END
--next
CREATE TRIGGER beginning_tally_update
AFTER UPDATE OF account_id, currency, started_at, status, closed_as, amount,
    recovered_amount ON recovery
WHEN (old.account_id, old.currency, old.started_at, old.status,
    coalesce(old.closed_as, ''), old.amount, old.recovered_amount)
    <> (new.account_id, new.currency, new.started_at, new.status,
    coalesce(new.closed_as, ''), new.amount, new.recovered_amount)
BEGIN
    UPDATE beginning_tally SET
        recoveries = recoveries - 1,
        amount = amount - old.amount,
        recovered_amount = recovered_amount - old.recovered_amount
    WHERE account_id = old.account_id AND currency = old.currency
        AND day = date(old.started_at)
        AND status = old.status AND closed_as = coalesce(old.closed_as, '');
    INSERT INTO beginning_tally (account_id, currency, day, status, closed_as,
        recoveries, amount, recovered_amount)
    VALUES (new.account_id, new.currency, date(new.started_at), new.status,
        coalesce(new.closed_as, ''), 1, new.amount, new.recovered_amount)
    ON CONFLICT (account_id, currency, day, status, closed_as) DO UPDATE SET
        recoveries = recoveries + 1,
        amount = amount + excluded.amount,
        recovered_amount = recovered_amount + excluded.recovered_amount;
END
--next
CREATE TRIGGER ending_tally_insert AFTER INSERT ON recovery
WHEN new.ended_at IS NOT NULL
BEGIN
    INSERT INTO ending_tally (account_id, currency, day, status, closed_as, retries,
        recoveries, amount, recovered_amount)
    SELECT new.account_id, new.currency, date(new.ended_at), new.status,
        coalesce(new.closed_as, ''), new.retries, 1, new.amount, new.recovered_amount
    WHERE new.ended_at IS NOT NULL
    ON CONFLICT (account_id, currency, day, status, closed_as, retries) DO UPDATE SET
        recoveries = recoveries + 1,
        amount = amount + excluded.amount,
        recovered_amount = recovered_amount + excluded.recovered_amount;
END
--next
CREATE TRIGGER ending_tally_delete AFTER DELETE ON recovery
WHEN old.ended_at IS NOT NULL
BEGIN
    UPDATE ending_tally SET
        recoveries = recoveries - 1,
        amount = amount - old.amount,
        recovered_amount = recovered_amount - old.recovered_amount
    WHERE account_id = old.account_id AND currency = old.currency
        AND day = date(old.ended_at)
        AND status = old.status AND closed_as = coalesce(old.closed_as, '')
        AND retries = old.retries;
END
--next
CREATE TRIGGER ending_tally_update
AFTER UPDATE OF account_id, currency, ended_at, status, closed_as, retries,
    amount, recovered_amount ON recovery
WHEN (old.ended_at IS NOT NULL OR new.ended_at IS NOT NULL) AND (old.account_id,
    old.currency, coalesce(old.ended_at, ''), old.status, coalesce(old.closed_as, ''),
    old.retries, old.amount, old.recovered_amount)
    <> (new.account_id, new.currency, coalesce(new.ended_at, ''), new.status,
    coalesce(new.closed_as, ''), new.retries, new.amount, new.recovered_amount)
BEGIN
    UPDATE ending_tally SET
        recoveries = recoveries - 1,
        amount = amount - old.amount,
        recovered_amount = recovered_amount - old.recovered_amount
    WHERE account_id = old.account_id AND currency = old.currency
        AND day = date(old.ended_at)
        AND status = old.status AND closed_as = coalesce(old.closed_as, '')
        AND retries = old.retries;
    INSERT INTO ending_tally (account_id, currency, day, status, closed_as, retries,
        recoveries, amount, recovered_amount)
    SELECT new.account_id, new.currency, date(new.ended_at), new.status,
        coalesce(new.closed_as, ''), new.retries, 1, new.amount, new.recovered_amount
    WHERE new.ended_at IS NOT NULL
    ON CONFLICT (account_id, currency, day, status, closed_as, retries) DO UPDATE SET
        recoveries = recoveries + 1,
        amount = amount + excluded.amount,
        recovered_amount = recovered_amount + excluded.recovered_amount;
END
--next
CREATE TRIGGER decline_day_tally_insert AFTER INSERT ON decline
BEGIN
    INSERT INTO decline_day_tally (account_id, day, kind, decline_code, declines)
    VALUES (new.account_id, date(new.occurred_at), new.kind,
        coalesce(new.decline_code, ''), 1)
    ON CONFLICT (account_id, day, kind, decline_code)
        DO UPDATE SET declines = declines + 1;
END
