"""Leaves what `status --json` says where the agent reads it."""

import os
import time

from provider.commands.assess import assess
from provider.commands.node_common import Say, places_in
from provider.commands.status import fields_of, keep
from provider.errors import ProviderError, place_of
from provider.node import report
from provider.node.looking import look, this_node


def leave_report(root: str, say: Say) -> None:
    """Look at this machine and write its report. Nothing that goes wrong is an error.

    An image (`root`) has none, nor has a machine where nothing is installed and no agent waits for it.
    """
    if root:
        return
    try:
        means, now = this_node(), time.time()
        seen, kept = look(means, now), keep(places_in(root), means.tree, now)
        if seen.record is None and not os.path.isdir(report.FOLDER):
            return
        report.write(fields_of(seen, kept, assess(seen, kept)))
    except Exception as error:
        reason = str(error) if isinstance(error, ProviderError) else place_of(error)
        say(f"warning: no report for the agent: {reason}")
