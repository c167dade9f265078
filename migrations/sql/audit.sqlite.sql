CREATE TRIGGER audit_entry_unchanged BEFORE UPDATE ON audit_entry
WHEN NOT (
    -- The one change there is: a seal, once, and nothing else with it.
    old.position IS NULL AND old.seal IS NULL
    AND new.position IS NOT NULL AND new.seal IS NOT NULL
    AND new.id = old.id AND new.at = old.at AND new.user_id IS old.user_id
    AND new.account_id IS old.account_id AND new.recovery_id IS old.recovery_id
    AND new.action = old.action AND new.detail = old.detail
)
BEGIN
    SELECT raise(ABORT, 'the audit trail is only ever added to');
END
--next
CREATE TRIGGER audit_entry_kept BEFORE DELETE ON audit_entry
BEGIN
    SELECT raise(ABORT, 'the audit trail is only ever added to');
END
--next
CREATE TRIGGER retry_attempt_audited AFTER UPDATE OF status ON retry_attempt
WHEN new.status IN ('succeeded', 'declined', 'processing', 'unknown')
    AND old.status <> new.status
BEGIN
    INSERT INTO audit_entry (at, account_id, recovery_id, action, detail)
    VALUES (
        coalesce(new.finished_at, new.started_at, new.due_at),
        new.account_id,
        new.recovery_id,
        'charge ' || new.status,
        'attempt ' || new.id || ', number ' || new.number
            || ', key ' || new.idempotency_key
            || coalesce(', ' || new.decline_code, '')
            || coalesce(', charge ' || new.stripe_charge_id, '')
            || coalesce(', collected ' || new.amount, '')
    );
END
