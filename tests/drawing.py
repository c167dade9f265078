"""What Hypothesis draws: the same in every run, or afresh where somebody searches.

    pytest --hypothesis-profile=search tests/domain [--hypothesis-seed=7]

Whether a change passes must depend on the change alone. So the profile `gate`, the
default here and in CI, draws what follows from the test's own words; `search` draws
anew each time, and far more. What it finds becomes a test of its own.
"""

from hypothesis import settings
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

NONE = Constants()


def draw_the_same() -> None:
    """From now on, unless another profile is asked for."""
    # No deadline: how long an example takes tells of the machine.
    settings.register_profile("gate", max_examples=200, derandomize=True, deadline=None)
    settings.register_profile(
        "search", settings.get_profile("gate"), max_examples=5_000, derandomize=False
    )
    settings.load_profile("gate")
    # Hypothesis also draws numbers and words that it reads in our modules. Which are
    # loaded by then differs from run to run, and any edit anywhere would change them.
    read = providers._get_local_constants

    def constants() -> Constants:
        is_gate = settings.get_current_profile_name() == "gate"
        return NONE if is_gate else read()

    providers._get_local_constants = constants
