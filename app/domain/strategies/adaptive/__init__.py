"""Adaptive: reasons about why a card was declined and when that ends.

`Adaptive(model)` is the strategy; `learn(model, episodes)` gives the next model.
"""

from app.domain.strategies.adaptive.learning import Episode, Memo, learn
from app.domain.strategies.adaptive.model import BadModel, Model
from app.domain.strategies.adaptive.strategy import Adaptive

__all__ = ["Adaptive", "BadModel", "Episode", "Memo", "Model", "learn"]
