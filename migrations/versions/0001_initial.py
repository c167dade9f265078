"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Triggers fire only when the searched text changes: keeping a sum costs nothing here.
SEARCH_ON_SQLITE = (
    """
    CREATE VIRTUAL TABLE subscription_search USING fts5(
        customer_name, customer_email,
        content='subscription', content_rowid='id', tokenize='trigram')
    """,
    """
    CREATE TRIGGER subscription_search_insert AFTER INSERT ON subscription BEGIN
        INSERT INTO subscription_search (rowid, customer_name, customer_email)
        VALUES (new.id, new.customer_name, new.customer_email);
    END
    """,
    """
    CREATE TRIGGER subscription_search_delete AFTER DELETE ON subscription BEGIN
        INSERT INTO subscription_search
            (subscription_search, rowid, customer_name, customer_email)
        VALUES ('delete', old.id, old.customer_name, old.customer_email);
    END
    """,
    """
    CREATE TRIGGER subscription_search_update
    AFTER UPDATE OF customer_name, customer_email ON subscription
    WHEN old.customer_name IS NOT new.customer_name
        OR old.customer_email IS NOT new.customer_email
    BEGIN
        INSERT INTO subscription_search
            (subscription_search, rowid, customer_name, customer_email)
        VALUES ('delete', old.id, old.customer_name, old.customer_email);
        INSERT INTO subscription_search (rowid, customer_name, customer_email)
        VALUES (new.id, new.customer_name, new.customer_email);
    END
    """,
    "CREATE INDEX ix_subscription_search_name ON subscription (customer_name)",
    "CREATE INDEX ix_subscription_search_email ON subscription (customer_email)",
)
# Where the extension may not be installed, searching works, only slower.
SEARCH_ON_POSTGRESQL = (
    """
    DO $$ BEGIN
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
        CREATE INDEX ix_subscription_search ON subscription
        USING gin (customer_name gin_trgm_ops, customer_email gin_trgm_ops);
    EXCEPTION
        WHEN insufficient_privilege OR undefined_file OR feature_not_supported
        THEN NULL;
    END $$
    """,
)


def upgrade() -> None:
    op.create_table(
        "one_time_link",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=24), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_one_time_link_token_hash")),
    )
    op.create_table(
        "stripe_account",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("stripe_account_id", sa.String(length=64), nullable=False),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("timezone", sa.String(length=64), nullable=True),
        sa.Column("connection_key", sa.String(length=64), nullable=False),
        sa.Column("sealed_api_key", sa.Text(), nullable=True),
        sa.Column("sealed_webhook_secret", sa.Text(), nullable=True),
        sa.Column("sealed_old_webhook_secret", sa.Text(), nullable=True),
        sa.Column("webhook_note", sa.Text(), nullable=True),
        sa.Column("bad_signature_at", sa.DateTime(), nullable=True),
        sa.Column("stripe_webhook_endpoint_id", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.Column("is_on", sa.Boolean(), nullable=False),
        sa.Column("switched_at", sa.DateTime(), nullable=False),
        sa.Column("connected_at", sa.DateTime(), nullable=False),
        sa.Column("disconnected_at", sa.DateTime(), nullable=True),
        sa.Column("last_event_at", sa.DateTime(), nullable=True),
        sa.Column("reconciled_at", sa.DateTime(), nullable=True),
        sa.Column("charges_from", sa.DateTime(), nullable=True),
        sa.Column("hold_until", sa.DateTime(), nullable=True),
        sa.Column("strategy", sa.String(length=64), nullable=False),
        sa.Column("with_first_invoices", sa.Boolean(), nullable=False),
        sa.Column("permissions", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stripe_account")),
        sa.UniqueConstraint(
            "connection_key", name=op.f("uq_stripe_account_connection_key")
        ),
    )
    with op.batch_alter_table("stripe_account", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_stripe_account_stripe_account_id"),
            ["stripe_account_id"],
            unique=False,
        )

    op.create_table(
        "user",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=24), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("sees_all_accounts", sa.Boolean(), nullable=False),
        sa.Column("session_epoch", sa.Integer(), nullable=False),
        sa.Column("removed_at", sa.DateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user")),
        sa.UniqueConstraint("email", name=op.f("uq_user_email")),
    )
    op.create_table(
        "account_access",
        sa.Column(
            "user_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["stripe_account.id"],
            name=op.f("fk_account_access_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_account_access_user_id")
        ),
        sa.PrimaryKeyConstraint(
            "user_id", "account_id", name=op.f("pk_account_access")
        ),
    )
    op.create_table(
        "import_item",
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("stripe_invoice_id", sa.String(length=64), nullable=False),
        sa.Column("done_at", sa.DateTime(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["stripe_account.id"],
            name=op.f("fk_import_item_account_id"),
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "stripe_invoice_id", name=op.f("pk_import_item")
        ),
    )
    with op.batch_alter_table("import_item", schema=None) as batch_op:
        batch_op.create_index(
            "ix_import_item_next", ["account_id", "done_at"], unique=False
        )

    op.create_table(
        "import_run",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("stage", sa.String(length=24), nullable=False),
        sa.Column("cursor", sa.String(length=64), nullable=True),
        sa.Column("declines_since", sa.DateTime(), nullable=False),
        sa.Column("declines_until", sa.DateTime(), nullable=False),
        sa.Column("declines", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("try_at", sa.DateTime(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["stripe_account.id"], name=op.f("fk_import_run_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_run")),
        sa.UniqueConstraint("account_id", name=op.f("uq_import_run_account_id")),
    )
    with op.batch_alter_table("import_run", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_import_run_try_at"), ["try_at"], unique=False
        )

    op.create_table(
        "oauth_state",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("nonce_hash", sa.String(length=64), nullable=False),
        sa.Column(
            "user_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.Column("used_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_oauth_state_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_oauth_state")),
        sa.UniqueConstraint("nonce_hash", name=op.f("uq_oauth_state_nonce_hash")),
    )
    op.create_table(
        "payment",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("stripe_charge_id", sa.String(length=64), nullable=False),
        sa.Column("stripe_customer_id", sa.String(length=64), nullable=True),
        sa.Column("occurred_at", sa.DateTime(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["stripe_account.id"], name=op.f("fk_payment_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint(
            "stripe_charge_id", name=op.f("uq_payment_stripe_charge_id")
        ),
    )
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.create_index(
            "ix_payment_card", ["fingerprint", "occurred_at"], unique=False
        )
        batch_op.create_index(
            "ix_payment_customer", ["stripe_customer_id", "occurred_at"], unique=False
        )

    op.create_table(
        "stripe_event",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("stripe_event_id", sa.String(length=255), nullable=False),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column("type", sa.String(length=128), nullable=False),
        sa.Column("object_id", sa.String(length=255), nullable=True),
        sa.Column("livemode", sa.Boolean(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("try_at", sa.DateTime(), nullable=False),
        sa.Column("handled_at", sa.DateTime(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["stripe_account.id"],
            name=op.f("fk_stripe_event_account_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stripe_event")),
        sa.UniqueConstraint(
            "stripe_event_id", name=op.f("uq_stripe_event_stripe_event_id")
        ),
    )
    with op.batch_alter_table("stripe_event", schema=None) as batch_op:
        batch_op.create_index(
            "ix_stripe_event_pending",
            ["account_id", "try_at"],
            unique=False,
            sqlite_where=sa.text("status = 'pending'"),
            postgresql_where=sa.text("status = 'pending'"),
        )
        batch_op.create_index("ix_stripe_event_received", ["received_at"], unique=False)

    op.create_table(
        "platform_webhook",
        sa.Column("client_id", sa.String(length=64), nullable=False),
        sa.Column("stripe_webhook_endpoint_id", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("sealed_secret", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_platform_webhook")),
    )
    op.create_table(
        "stripe_reads",
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["stripe_account.id"],
            name=op.f("fk_stripe_reads_account_id"),
        ),
        sa.PrimaryKeyConstraint("account_id", "day", name=op.f("pk_stripe_reads")),
    )
    op.create_table(
        "subscription",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("stripe_subscription_id", sa.String(length=64), nullable=False),
        sa.Column("stripe_customer_id", sa.String(length=64), nullable=False),
        sa.Column("customer_name", sa.Text(), nullable=False),
        sa.Column("customer_email", sa.Text(), nullable=False),
        sa.Column("customer_country", sa.String(length=2), nullable=True),
        sa.Column("customer_timezone", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("lifecycle", sa.String(length=24), nullable=True),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("interval", sa.String(length=8), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("current_period_end", sa.DateTime(), nullable=True),
        sa.Column("cancel_at", sa.DateTime(), nullable=True),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("cancellation_reason", sa.String(length=64), nullable=True),
        sa.Column("stripe_payment_method_id", sa.String(length=64), nullable=True),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("declines", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_retry_at", sa.DateTime(), nullable=True),
        sa.Column("recovered_amount", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["stripe_account.id"],
            name=op.f("fk_subscription_account_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription")),
        sa.UniqueConstraint(
            "stripe_subscription_id",
            name=op.f("uq_subscription_stripe_subscription_id"),
        ),
    )
    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.create_index("ix_subscription_created", ["created_at", "id"])
        batch_op.create_index(
            "ix_subscription_lifecycle", ["lifecycle", "created_at", "id"]
        )
        batch_op.create_index("ix_subscription_status", ["status", "created_at", "id"])
        batch_op.create_index(
            "ix_subscription_account", ["account_id", "created_at", "id"]
        )
        batch_op.create_index(
            batch_op.f("ix_subscription_stripe_customer_id"),
            ["stripe_customer_id"],
            unique=False,
        )
    statements = {"sqlite": SEARCH_ON_SQLITE, "postgresql": SEARCH_ON_POSTGRESQL}
    for statement in statements[op.get_bind().dialect.name]:
        op.execute(statement)

    op.create_table(
        "recovery",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "subscription_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column("stripe_invoice_id", sa.String(length=64), nullable=False),
        sa.Column("invoice_number", sa.String(length=64), nullable=True),
        sa.Column("stripe_payment_intent_id", sa.String(length=64), nullable=True),
        sa.Column("stripe_latest_charge_id", sa.String(length=64), nullable=True),
        sa.Column("stripe_customer_id", sa.String(length=64), nullable=False),
        sa.Column("hosted_invoice_url", sa.Text(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("status_reason", sa.Text(), nullable=False),
        sa.Column("closed_as", sa.String(length=24), nullable=True),
        sa.Column("paused_because", sa.String(length=24), nullable=True),
        sa.Column("strategy", sa.String(length=64), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("deadline_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("recovered_amount", sa.BigInteger(), nullable=False),
        sa.Column("charges", sa.Integer(), nullable=False),
        sa.Column("retries", sa.Integer(), nullable=False),
        sa.Column("stripe_retries_at", sa.DateTime(), nullable=True),
        sa.Column("stripe_payment_method_id", sa.String(length=64), nullable=True),
        sa.Column("card_set_on", sa.String(length=16), nullable=True),
        sa.Column("card_trap", sa.Boolean(), nullable=False),
        sa.Column("card_changed_at", sa.DateTime(), nullable=True),
        sa.Column("stripe_refused_at", sa.DateTime(), nullable=True),
        sa.Column("looked_at", sa.DateTime(), nullable=False),
        sa.Column("look_again", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["stripe_account.id"], name=op.f("fk_recovery_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["subscription_id"],
            ["subscription.id"],
            name=op.f("fk_recovery_subscription_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery")),
        sa.UniqueConstraint(
            "stripe_invoice_id", name=op.f("uq_recovery_stripe_invoice_id")
        ),
    )
    with op.batch_alter_table("recovery", schema=None) as batch_op:
        batch_op.create_index(
            "ix_recovery_open",
            ["account_id", "deadline_at"],
            unique=False,
            sqlite_where=sa.text(
                "status IN ('in_retry', 'waiting_for_customer', 'paused')"
            ),
            postgresql_where=sa.text(
                "status IN ('in_retry', 'waiting_for_customer', 'paused')"
            ),
        )
        batch_op.create_index(
            "ix_recovery_stripe_retries",
            ["stripe_retries_at"],
            unique=False,
            sqlite_where=sa.text("status = 'paused'"),
            postgresql_where=sa.text("status = 'paused'"),
        )
        batch_op.create_index(
            "ix_recovery_paused",
            ["paused_because", "looked_at"],
            unique=False,
            sqlite_where=sa.text("status = 'paused'"),
            postgresql_where=sa.text("status = 'paused'"),
        )
        batch_op.create_index(
            "ix_recovery_look_again",
            ["looked_at"],
            unique=False,
            sqlite_where=sa.text("look_again = 1"),
            postgresql_where=sa.text("look_again"),
        )
        batch_op.create_index(
            batch_op.f("ix_recovery_started_at"), ["started_at"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_recovery_status"), ["status"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_recovery_stripe_customer_id"),
            ["stripe_customer_id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_recovery_stripe_payment_intent_id"),
            ["stripe_payment_intent_id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_recovery_subscription_id"), ["subscription_id"], unique=False
        )

    op.create_table(
        "audit_entry",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column(
            "user_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "recovery_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["stripe_account.id"],
            name=op.f("fk_audit_entry_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["recovery_id"], ["recovery.id"], name=op.f("fk_audit_entry_recovery_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user.id"], name=op.f("fk_audit_entry_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_entry_at"), ["at"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_audit_entry_recovery_id"), ["recovery_id"], unique=False
        )

    op.create_table(
        "retry_attempt",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "recovery_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=24), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=False),
        sa.Column("planned_at", sa.DateTime(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=True),
        sa.Column("finished_at", sa.DateTime(), nullable=True),
        sa.Column("idempotency_key", sa.String(length=128), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("strategy", sa.String(length=64), nullable=False),
        sa.Column("strategy_version", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("alternatives", sa.JSON(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("propensity", sa.Double(), nullable=False),
        sa.Column(
            "requested_by_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("decline_code", sa.String(length=64), nullable=True),
        sa.Column("stripe_charge_id", sa.String(length=64), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"],
            ["stripe_account.id"],
            name=op.f("fk_retry_attempt_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["recovery_id"], ["recovery.id"], name=op.f("fk_retry_attempt_recovery_id")
        ),
        sa.ForeignKeyConstraint(
            ["requested_by_id"],
            ["user.id"],
            name=op.f("fk_retry_attempt_requested_by_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retry_attempt")),
        sa.UniqueConstraint(
            "idempotency_key", name=op.f("uq_retry_attempt_idempotency_key")
        ),
    )
    with op.batch_alter_table("retry_attempt", schema=None) as batch_op:
        batch_op.create_index(
            "ix_retry_attempt_due",
            ["account_id", "status", "due_at"],
            unique=False,
            sqlite_where=sa.text("status = 'scheduled'"),
            postgresql_where=sa.text("status = 'scheduled'"),
        )
        batch_op.create_index(
            "ix_retry_attempt_unfinished",
            ["started_at"],
            unique=False,
            sqlite_where=sa.text("status IN ('running', 'unknown', 'processing')"),
            postgresql_where=sa.text("status IN ('running', 'unknown', 'processing')"),
        )
        batch_op.create_index(
            "uq_retry_attempt_live",
            ["recovery_id"],
            unique=True,
            sqlite_where=sa.text(
                "status IN ('scheduled', 'running', 'unknown', 'processing')"
            ),
            postgresql_where=sa.text(
                "status IN ('scheduled', 'running', 'unknown', 'processing')"
            ),
        )
        batch_op.create_index(
            "uq_retry_attempt_number", ["recovery_id", "number"], unique=True
        )
        batch_op.create_index("ix_retry_attempt_history", ["due_at", "id"])
        batch_op.create_index("ix_retry_attempt_status", ["status", "due_at", "id"])
        batch_op.create_index(
            "ix_retry_attempt_account", ["account_id", "due_at", "id"]
        )

    op.create_table(
        "decline",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column(
            "account_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column(
            "recovery_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column(
            "attempt_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=True,
        ),
        sa.Column("stripe_charge_id", sa.String(length=64), nullable=False),
        sa.Column("stripe_customer_id", sa.String(length=64), nullable=True),
        sa.Column("occurred_at", sa.DateTime(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("decline_code", sa.String(length=64), nullable=True),
        sa.Column("advice_code", sa.String(length=32), nullable=True),
        sa.Column("network_decline_code", sa.String(length=8), nullable=True),
        sa.Column("network_advice_code", sa.String(length=8), nullable=True),
        sa.Column("outcome_type", sa.String(length=32), nullable=True),
        sa.Column("network_status", sa.String(length=32), nullable=True),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("code_is_known", sa.Boolean(), nullable=False),
        sa.Column("brand", sa.String(length=24), nullable=True),
        sa.Column("network", sa.String(length=24), nullable=True),
        sa.Column("funding", sa.String(length=16), nullable=True),
        sa.Column("country", sa.String(length=2), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("last4", sa.String(length=4), nullable=True),
        sa.Column("card_expiry", sa.String(length=7), nullable=True),
        sa.Column("stripe_payment_method_id", sa.String(length=64), nullable=True),
        sa.Column("made_by", sa.String(length=24), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["stripe_account.id"], name=op.f("fk_decline_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["retry_attempt.id"], name=op.f("fk_decline_attempt_id")
        ),
        sa.ForeignKeyConstraint(
            ["recovery_id"], ["recovery.id"], name=op.f("fk_decline_recovery_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decline")),
        sa.UniqueConstraint(
            "stripe_charge_id", name=op.f("uq_decline_stripe_charge_id")
        ),
    )
    with op.batch_alter_table("decline", schema=None) as batch_op:
        batch_op.create_index(
            "ix_decline_card", ["fingerprint", "occurred_at"], unique=False
        )
        batch_op.create_index("ix_decline_history", ["occurred_at", "id"])
        batch_op.create_index("ix_decline_code", ["decline_code", "occurred_at", "id"])
        batch_op.create_index("ix_decline_kind", ["kind", "occurred_at", "id"])
        batch_op.create_index("ix_decline_account", ["account_id", "occurred_at", "id"])
        batch_op.create_index(
            "ix_decline_customer", ["stripe_customer_id", "occurred_at", "id"]
        )
        batch_op.create_index(
            batch_op.f("ix_decline_recovery_id"), ["recovery_id"], unique=False
        )


def downgrade() -> None:
    with op.batch_alter_table("decline", schema=None) as batch_op:
        batch_op.drop_index("ix_decline_customer")
        batch_op.drop_index("ix_decline_account")
        batch_op.drop_index("ix_decline_kind")
        batch_op.drop_index("ix_decline_code")
        batch_op.drop_index(batch_op.f("ix_decline_recovery_id"))
        batch_op.drop_index("ix_decline_history")
        batch_op.drop_index("ix_decline_card")

    op.drop_table("decline")
    with op.batch_alter_table("retry_attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_retry_attempt_account")
        batch_op.drop_index("ix_retry_attempt_status")
        batch_op.drop_index("ix_retry_attempt_history")
        batch_op.drop_index("uq_retry_attempt_number")
        batch_op.drop_index(
            "uq_retry_attempt_live",
            sqlite_where=sa.text(
                "status IN ('scheduled', 'running', 'unknown', 'processing')"
            ),
            postgresql_where=sa.text(
                "status IN ('scheduled', 'running', 'unknown', 'processing')"
            ),
        )
        batch_op.drop_index(
            "ix_retry_attempt_unfinished",
            sqlite_where=sa.text("status IN ('running', 'unknown', 'processing')"),
            postgresql_where=sa.text("status IN ('running', 'unknown', 'processing')"),
        )
        batch_op.drop_index(
            "ix_retry_attempt_due",
            sqlite_where=sa.text("status = 'scheduled'"),
            postgresql_where=sa.text("status = 'scheduled'"),
        )

    op.drop_table("retry_attempt")
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_entry_recovery_id"))
        batch_op.drop_index(batch_op.f("ix_audit_entry_at"))

    op.drop_table("audit_entry")
    with op.batch_alter_table("recovery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_recovery_subscription_id"))
        batch_op.drop_index(batch_op.f("ix_recovery_stripe_payment_intent_id"))
        batch_op.drop_index(batch_op.f("ix_recovery_stripe_customer_id"))
        batch_op.drop_index(batch_op.f("ix_recovery_status"))
        batch_op.drop_index(batch_op.f("ix_recovery_started_at"))
        batch_op.drop_index(
            "ix_recovery_open",
            sqlite_where=sa.text(
                "status IN ('in_retry', 'waiting_for_customer', 'paused')"
            ),
            postgresql_where=sa.text(
                "status IN ('in_retry', 'waiting_for_customer', 'paused')"
            ),
        )

    op.drop_table("recovery")
    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_subscription_stripe_customer_id"))
        batch_op.drop_index("ix_subscription_account")
        batch_op.drop_index("ix_subscription_status")
        batch_op.drop_index("ix_subscription_lifecycle")
        batch_op.drop_index("ix_subscription_created")

    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TABLE subscription_search")
    op.drop_table("subscription")
    op.drop_table("stripe_reads")
    op.drop_table("platform_webhook")
    with op.batch_alter_table("stripe_event", schema=None) as batch_op:
        batch_op.drop_index("ix_stripe_event_received")
        batch_op.drop_index(
            "ix_stripe_event_pending",
            sqlite_where=sa.text("status = 'pending'"),
            postgresql_where=sa.text("status = 'pending'"),
        )

    op.drop_table("stripe_event")
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.drop_index("ix_payment_customer")
        batch_op.drop_index("ix_payment_card")

    op.drop_table("payment")
    op.drop_table("oauth_state")
    with op.batch_alter_table("import_run", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_import_run_try_at"))

    op.drop_table("import_run")
    with op.batch_alter_table("import_item", schema=None) as batch_op:
        batch_op.drop_index("ix_import_item_next")

    op.drop_table("import_item")
    op.drop_table("account_access")
    op.drop_table("user")
    with op.batch_alter_table("stripe_account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stripe_account_stripe_account_id"))

    op.drop_table("stripe_account")
    op.drop_table("one_time_link")
