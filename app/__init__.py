"""Metricsco: wins back declined subscription payments."""
