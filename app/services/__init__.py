"""Use cases: each owns its transactions. Imports domain, storage and the gateway."""
