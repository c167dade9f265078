"""Use cases: each owns its transactions and never calls Stripe inside one."""
