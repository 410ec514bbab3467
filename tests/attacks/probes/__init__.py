"""All probes: attacks on the machine, each a function that runs in a student's cell."""

from tests.attacks.probe import PROBES
from tests.attacks.probes import kernel, neighbours, others, resources, secrets

__all__ = ["PROBES", "kernel", "neighbours", "others", "resources", "secrets"]
