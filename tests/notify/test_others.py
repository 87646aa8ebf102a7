"""Services beyond our own few: which addresses are taken for them."""

import pytest

from tripmeter.notify.others import AppriseNotifier


@pytest.mark.parametrize(
    "url", ["json://10.0.0.1/", "jsons://example.com", "matrix://host/x", "mailto://h", "x", ""]
)
def test_an_address_that_chooses_its_host_is_refused(url: str) -> None:
    fault = AppriseNotifier(allow_private=False).fault(url)
    assert fault is not None and "use a webhook" in fault
