"""The phone networks."""

import pytest

pytest.register_assert_rewrite("tests.sms_gateway.contract")
