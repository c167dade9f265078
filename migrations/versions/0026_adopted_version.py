"""Accounts remember which version of their own strategy was adopted from an experiment.

None: the newest one, as before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("stripe_account", sa.Column("strategy_version", sa.String(32)))


def downgrade() -> None:
    op.drop_column("stripe_account", "strategy_version")
