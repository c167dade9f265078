"""Metricsco: wins back declined subscription payments."""

import sys
from typing import Any

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app import cli, meters, migrating, web
from app.clock import Clock
from app.config import INSTANCE, Config, ConfigError
from app.current import Parts
from app.extensions import csrf, db, login_manager
from app.services import clock_watch, governor, sessions, stripe_reads
from app.services.deliveries import Reception
from app.storage import (  # noqa: F401 - a table is known when its module is
    audit_trail,
    bulk_models,
    decision_models,
    desk_models,
    engines,
    installation,
    models,
    people_models,
    search_index,
    strategy_models,
    tallies,
)
from app.stripe_gateway import new_http_client
from app.vault import Vault


def create_app(config: Config | None = None, *, clock: Clock | None = None) -> Flask:
    """The application, wired: the only place where everything meets.

    Without a config the environment is read; faults end the process with one message
    that names them all. Starts nothing: see wsgi.py.
    """
    config = config or _config_or_exit()
    app = Flask(__name__, instance_path=str(INSTANCE))
    app.config.update(_flask_settings(config))
    app.extensions["metricsco"] = Parts(
        config=config,
        clock=clock or Clock(config.clock_file),
        vault=Vault(config.encryption_keys),
        http_client=new_http_client(),
    )
    app.extensions["metricsco.call_listeners"] = []
    stripe_reads.register(app)
    meters.register(app)
    governor.register(app, config)
    clock_watch.register(app, config)
    sessions.register(app)
    _open_database(app, config)
    # Templates get `current_user` from app.web.filters, which loads nobody unasked: an
    # error page must not need the database.
    login_manager.init_app(app, add_context_processor=False)
    web.register(app)
    csrf.init_app(app)
    cli.register(app)
    migrating.register(app)
    app.extensions["reception"] = Reception(app)
    if config.trusted_proxies:
        # The address alone: scheme and host of what we say come from PUBLIC_URL.
        believed = {"x_for": config.trusted_proxies, "x_proto": 0, "x_host": 0}
        app.wsgi_app = ProxyFix(app.wsgi_app, **believed)  # type: ignore[method-assign]
    return app


def _config_or_exit() -> Config:
    try:
        return Config.from_env()
    except ConfigError as fault:
        if "backtest" in sys.argv[1:]:
            # It touches no database, no Stripe and no secret: a bare checkout will do.
            return Config.without_secrets()
        raise SystemExit(str(fault)) from None


def _flask_settings(config: Config) -> dict[str, Any]:
    return {
        "SECRET_KEY": config.secret_key,
        "TESTING": config.testing,
        "MAX_CONTENT_LENGTH": 1_000_000,
        # Cookies do not tell ports apart: a neighbour may use "session".
        "SESSION_COOKIE_NAME": "metricsco",
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": config.serves_https,
        "SEND_FILE_MAX_AGE_DEFAULT": 3600,
        # A form lives as long as its session; a page may stand open for hours.
        "WTF_CSRF_TIME_LIMIT": None,
        "SQLALCHEMY_DATABASE_URI": config.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": engines.reader_options(config.database_url),
        "SQLALCHEMY_BINDS": {
            "writer": {
                "url": config.database_url,
                **engines.writer_options(config.database_url),
            }
        },
    }


def _open_database(app: Flask, config: Config) -> None:
    if config.keeps_database_here:
        INSTANCE.mkdir(mode=0o700, exist_ok=True)
    db.init_app(app)
    with app.app_context():
        engines.prepare(db.engine, may_write=False)
        engines.prepare(db.engines["writer"], may_write=True)
