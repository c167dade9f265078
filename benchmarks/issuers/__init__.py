"""Issuer worlds: simulated cardholders, banks and networks, one file each.

None is fitted to live cards. Each says which public evidence its mechanism rests on;
the numbers are ours. Stripe would show what `World.declines` and `World.attempt` show.
"""
