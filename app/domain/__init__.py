"""The floor that decides: pure values and rules.

Imports the standard library and itself (the adaptive strategy also numpy).
Knows no database, no Stripe, no clock: `now` is always an argument.
"""
