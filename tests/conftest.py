"""How property tests choose their examples."""

from hypothesis import HealthCheck, settings

# No example has a time to keep: at hypothesis's 200 ms one pause of the machine is a failure. And without chance one is
# there in every run since the change that brought it; `--hypothesis-profile exploring` looks for new examples.
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("exploring", settings.get_profile("steady"), derandomize=False)
settings.load_profile("steady")
