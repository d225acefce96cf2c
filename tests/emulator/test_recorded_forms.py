"""The embedded Azure answers in the forms that recordings of the real one have."""

import contoso
import emulated
import pytest
import recorded_forms


@pytest.fixture(scope="module")
def arm():
    with emulated.running(contoso.tenant(**recorded_forms.CONTENT)) as azure:
        yield emulated.Client(azure, "11111111-1111-4111-8111-111111111111")


def test_the_recorded_forms(arm):
    for method, path, version, body, status, form in recorded_forms.CASES:
        address, _, query = path.partition("?")
        options = dict(pair.removeprefix("$").split("=", 1) for pair in query.split("&") if pair)
        answer = arm.request(method, address, body, version=version, **options)
        assert answer.status == status, (method, path, answer.body)
        if form is not None:
            names = recorded_forms.names_of(answer.json) if answer.body else []
            assert names == recorded_forms.expanded(form), (method, path)
