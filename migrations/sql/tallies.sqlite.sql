CREATE TRIGGER recovery_tally_insert AFTER INSERT ON recovery
BEGIN
    INSERT INTO recovery_tally (account_id, currency, cohort, status, closed_as,
        recoveries, amount, recovered_amount)
    VALUES (new.account_id, new.currency, strftime('%Y-%m', new.started_at),
        new.status, coalesce(new.closed_as, ''),
        1, new.amount, new.recovered_amount)
    ON CONFLICT (account_id, currency, cohort, status, closed_as) DO UPDATE SET
        recoveries = recoveries + 1,
        amount = amount + excluded.amount,
        recovered_amount = recovered_amount + excluded.recovered_amount;
END
--next
CREATE TRIGGER recovery_tally_delete AFTER DELETE ON recovery
BEGIN
    UPDATE recovery_tally SET
        recoveries = recoveries - 1,
        amount = amount - old.amount,
        recovered_amount = recovered_amount - old.recovered_amount
    WHERE account_id = old.account_id AND currency = old.currency
        AND cohort = strftime('%Y-%m', old.started_at)
        AND status = old.status AND closed_as = coalesce(old.closed_as, '');
END
--next
CREATE TRIGGER recovery_tally_update
AFTER UPDATE OF account_id, currency, started_at, status, closed_as, amount,
    recovered_amount ON recovery
WHEN (old.account_id, old.currency, old.started_at, old.status,
    coalesce(old.closed_as, ''), old.amount, old.recovered_amount)
    <> (new.account_id, new.currency, new.started_at, new.status,
    coalesce(new.closed_as, ''), new.amount, new.recovered_amount)
BEGIN
    UPDATE recovery_tally SET
        recoveries = recoveries - 1,
        amount = amount - old.amount,
        recovered_amount = recovered_amount - old.recovered_amount
    WHERE account_id = old.account_id AND currency = old.currency
        AND cohort = strftime('%Y-%m', old.started_at)
        AND status = old.status AND closed_as = coalesce(old.closed_as, '');
    INSERT INTO recovery_tally (account_id, currency, cohort, status, closed_as,
        recoveries, amount, recovered_amount)
    VALUES (new.account_id, new.currency, strftime('%Y-%m', new.started_at),
        new.status, coalesce(new.closed_as, ''),
        1, new.amount, new.recovered_amount)
    ON CONFLICT (account_id, currency, cohort, status, closed_as) DO UPDATE SET
        recoveries = recoveries + 1,
        amount = amount + excluded.amount,
        recovered_amount = recovered_amount + excluded.recovered_amount;
END
--next
CREATE TRIGGER decline_tally_insert AFTER INSERT ON decline
BEGIN
    INSERT INTO decline_tally (account_id, month, kind, decline_code, declines)
    VALUES (new.account_id, strftime('%Y-%m', new.occurred_at), new.kind,
        coalesce(new.decline_code, ''), 1)
    ON CONFLICT (account_id, month, kind, decline_code)
        DO UPDATE SET declines = declines + 1;
END
--next
CREATE TRIGGER attempt_tally_insert AFTER INSERT ON retry_attempt
WHEN new.status IN ('succeeded', 'declined')
BEGIN
    INSERT INTO attempt_tally (account_id, number, weekday, hour, status, attempts)
    VALUES (new.account_id, new.number,
        CAST(strftime('%w', coalesce(new.started_at, new.due_at)) AS INTEGER),
        CAST(strftime('%H', coalesce(new.started_at, new.due_at)) AS INTEGER),
        new.status, 1)
    ON CONFLICT (account_id, number, weekday, hour, status)
        DO UPDATE SET attempts = attempts + 1;
END
--next
CREATE TRIGGER attempt_tally_update AFTER UPDATE OF status ON retry_attempt
WHEN new.status IN ('succeeded', 'declined') AND old.status <> new.status
BEGIN
    INSERT INTO attempt_tally (account_id, number, weekday, hour, status, attempts)
    VALUES (new.account_id, new.number,
        CAST(strftime('%w', coalesce(new.started_at, new.due_at)) AS INTEGER),
        CAST(strftime('%H', coalesce(new.started_at, new.due_at)) AS INTEGER),
        new.status, 1)
    ON CONFLICT (account_id, number, weekday, hour, status)
        DO UPDATE SET attempts = attempts + 1;
END
