"""The pages. Imports everything below; imported by create_app() only."""

import importlib
import pkgutil

from flask import Blueprint, Flask

from app.web import access, errors, filters, headers, intake, requests_logged, webhooks


def register(app: Flask) -> None:
    """Tie pages, filters, error pages and headers to `app`.

    Called before the CSRF extension: strangers are turned away before anything they
    sent is parsed.
    """
    requests_logged.register(app)
    access.guard(app)
    intake.guard(app)
    headers.register(app)
    errors.register(app)
    filters.register(app)
    for blueprint in _blueprints():
        app.register_blueprint(blueprint)
    webhooks.register(app)


def _blueprints() -> list[Blueprint]:
    """The `bp` of every module of this package that has one."""
    modules = [
        importlib.import_module(f"{__name__}.{found.name}")
        for found in pkgutil.iter_modules(__path__)
    ]
    return [module.bp for module in modules if hasattr(module, "bp")]
