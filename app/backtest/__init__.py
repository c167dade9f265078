"""Back-tests: any strategy against any simulated world, in time order, same luck.

A world shows what Stripe would show and hides why; see `worlds.py` for its interface.
"""
