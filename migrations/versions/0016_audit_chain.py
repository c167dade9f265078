"""The audit trail: every charge, append-only, sealed in a chain."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

UNSEALED = sa.text("position IS NULL")
SEALED = sa.text("position IS NOT NULL")
OF_PEOPLE = sa.text("user_id IS NOT NULL")


def upgrade() -> None:
    # Plain ADD COLUMNs: a program of before goes on writing entries without them.
    op.add_column("audit_entry", sa.Column("position", sa.BigInteger(), nullable=True))
    op.add_column("audit_entry", sa.Column("seal", sa.String(length=64), nullable=True))
    _index("ix_audit_entry_unsealed", ["id"], where=UNSEALED)
    _index("uq_audit_entry_position", ["position"], where=SEALED, unique=True)
    _index("ix_audit_entry_user", ["user_id", "at", "id"], where=OF_PEOPLE)
    dialect = op.get_bind().dialect.name
    script = Path(__file__).parents[1] / "sql" / f"audit.{dialect}.sql"
    for statement in script.read_text().split("--next"):
        op.execute(sa.text(statement.replace(":", r"\:")))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER retry_attempt_audited")
        op.execute("DROP TRIGGER audit_entry_kept")
        op.execute("DROP TRIGGER audit_entry_unchanged")
    else:
        op.execute("DROP TRIGGER retry_attempt_audited ON retry_attempt")
        op.execute("DROP TRIGGER audit_entry_kept ON audit_entry")
        op.execute("DROP TRIGGER audit_entry_unchanged ON audit_entry")
        op.execute("DROP FUNCTION retry_attempt_audit()")
        op.execute("DROP FUNCTION audit_entry_refuse()")
    for name in (
        "ix_audit_entry_user",
        "uq_audit_entry_position",
        "ix_audit_entry_unsealed",
    ):
        op.drop_index(name, "audit_entry")
    op.drop_column("audit_entry", "seal")
    op.drop_column("audit_entry", "position")


def _index(
    name: str, columns: list[str], *, where: sa.TextClause, unique: bool = False
) -> None:
    op.create_index(
        name,
        "audit_entry",
        columns,
        unique=unique,
        sqlite_where=where,
        postgresql_where=where,
    )
