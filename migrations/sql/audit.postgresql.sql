CREATE FUNCTION audit_entry_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The one change there is: a seal, once, and nothing else with it.
    IF TG_OP = 'UPDATE' THEN
        IF old.position IS NULL AND old.seal IS NULL
            AND new.position IS NOT NULL AND new.seal IS NOT NULL
            AND (new.id, new.at, new.user_id, new.account_id, new.recovery_id,
                new.action, new.detail)
                IS NOT DISTINCT FROM (old.id, old.at, old.user_id, old.account_id,
                old.recovery_id, old.action, old.detail)
        THEN
            RETURN new;
        END IF;
    END IF;
    RAISE EXCEPTION 'the audit trail is only ever added to';
END $$
--next
CREATE TRIGGER audit_entry_unchanged BEFORE UPDATE OR DELETE ON audit_entry
FOR EACH ROW EXECUTE FUNCTION audit_entry_refuse()
--next
CREATE TRIGGER audit_entry_kept BEFORE TRUNCATE ON audit_entry
FOR EACH STATEMENT EXECUTE FUNCTION audit_entry_refuse()
--next
CREATE FUNCTION retry_attempt_audit() RETURNS trigger LANGUAGE plpgsql AS $$
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
    RETURN NULL;
END $$
--next
CREATE TRIGGER retry_attempt_audited AFTER UPDATE OF status ON retry_attempt
FOR EACH ROW WHEN (
    new.status IN ('succeeded', 'declined', 'processing', 'unknown')
    AND old.status <> new.status
)
EXECUTE FUNCTION retry_attempt_audit()
