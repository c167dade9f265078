"""Decline Recycling Strategies, each behind `app.domain.steps.Strategy`."""
