"""What this machine has to keep a learner's code apart, for the tests that need it."""

import pytest

from mi_tutor.running.sandbox import NoSandbox, Sandbox, find_sandbox

try:
    SANDBOX, NO_WORKER = find_sandbox(), ""
except NoSandbox as trouble:
    SANDBOX, NO_WORKER = Sandbox((), False, str(trouble)), str(trouble)

needs_sandbox = pytest.mark.skipif(not SANDBOX.isolated, reason=SANDBOX.why_not)
needs_worker = pytest.mark.skipif(bool(NO_WORKER), reason=NO_WORKER)
