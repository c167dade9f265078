"""Every route of the panel and who may use it: whoever adds one has to say so here.

`public` needs no sign-in; the others are the lowest role that gets past.
"""

from collections.abc import Iterator

from flask import Flask
from werkzeug.routing import Rule

WHO_MAY = """
public  GET  static
public  GET  sessions.new
public  POST sessions.create
public  GET  second_step.new
public  POST second_step.create
public  GET  links.show
public  POST links.accept
public  GET  health.alive
public  GET  health.ready
public  GET  metrics.show
viewer  POST sessions.destroy
viewer  GET  dashboard.show
viewer  GET  subscriptions.index
viewer  GET  subscriptions.show
viewer  GET  declines.index
viewer  GET  recoveries.show
viewer  GET  decisions.index
staff   POST recoveries.create_retry
staff   POST recoveries.create_pause
staff   POST recoveries.create_resume
staff   POST recoveries.create_stop
staff   GET  strategy_changes.preview
staff   POST strategy_changes.create
staff   POST notes.about_recovery
staff   POST notes.about_subscription
staff   GET  bulk.index
staff   GET  bulk.show
staff   POST bulk.create
staff   POST bulk.confirm
staff   POST bulk.cancel
viewer  GET  saved_views.index
viewer  POST saved_views.create
viewer  POST saved_views.choose_columns
viewer  POST saved_views.update
viewer  POST saved_views.remove
viewer  GET  exports.subscriptions
viewer  GET  exports.declines
viewer  GET  exports.attempts
viewer  GET  reports.recovered
staff   GET  events.index
staff   POST events.replay
viewer  GET  strategies.index
viewer  GET  strategies.show
viewer  GET  strategies.dry_run
owner   POST strategies.choose
viewer  GET  calibration.show
viewer  GET  strategy_history.show
owner   POST fee_budgets.update
owner   GET  own_strategies.new
owner   POST own_strategies.create
owner   GET  own_strategies.edit
owner   POST own_strategies.update
owner   POST own_strategies.retire
viewer  GET  experiments.index
viewer  GET  experiments.show
owner   GET  experiments.new
owner   POST experiments.create
owner   POST experiments.adopt
owner   POST experiments.stop
viewer  GET  payment_processor.show
owner   POST payment_processor.connect_with_key
owner   POST payment_processor.toggle
owner   POST payment_processor.disconnect
viewer  GET  integration.show
viewer  GET  guide.show
staff   POST guide.check
owner   POST stripe_connect.depart
owner   GET  stripe_connect.arrive
owner   POST connection_upkeep.check
owner   POST connection_upkeep.rotate
owner   POST connection_upkeep.replace_webhook
owner   POST connection_upkeep.save_webhook_secret
owner   POST connection_upkeep.test_webhook
viewer  GET  profile.show
viewer  POST profile.update
viewer  POST profile.update_password
viewer  GET  confirmation.show
viewer  POST confirmation.create
viewer  GET  security.show
viewer  POST security.end
viewer  POST security.end_others
viewer  GET  second_factor.show
viewer  POST second_factor.begin
viewer  POST second_factor.confirm
viewer  POST second_factor.renew_codes
viewer  POST second_factor.remove
owner   GET  audit.index
owner   GET  audit.export_csv
owner   GET  audit.export_lines
owner   GET  team.index
owner   GET  team.show
owner   POST team.invite
owner   POST team.withdraw
owner   POST team.change_role
owner   POST team.remove
owner   POST team.reset_second_factor
owner   GET  account_access.show
owner   POST account_access.update
"""


def who_may() -> dict[tuple[str, str], str]:
    """The word for each method and endpoint."""
    lines = [line.split() for line in WHO_MAY.strip().splitlines()]
    return {(method, endpoint): who for who, method, endpoint in lines}


def routes(app: Flask, **ids: object) -> Iterator[tuple[str, str, str]]:
    """Each endpoint, method and an address that leads there.

    `ids` fill the routes' arguments, which are 1 or "x" where none is given.
    """
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        given = {name: ids.get(name, made) for name, made in _arguments(rule).items()}
        address = adapter.build(rule.endpoint, given, force_external=False)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule.endpoint, method, address


def _arguments(rule: Rule) -> dict[str, object]:
    return {
        name: 1 if "Integer" in type(converter).__name__ else "x"
        for name, converter in rule._converters.items()
    }
