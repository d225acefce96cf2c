"""Every recorded exchange with Azure, asked again of the embedded one: `make test-recorded RECORDINGS=FOLDER`.

Not collected with the other tests, since it needs recordings, which are not in this repository. Each exchange is asked
of a tenant of its own: once as the answer shows it must have been, once after the earlier writes of the same recording.
One of the two has to end as recorded: status, headers that say how to go on, and the body with the order of its names.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import urllib.parse
from email.utils import parsedate_to_datetime
from pathlib import Path

import emulated
import pytest
import recorded_forms
import recordings

from reconciler.emulator.proving import comparison

RECORDED = recordings.recorded(Path(os.environ["RECORDINGS"])) if "RECORDINGS" in os.environ else []
SHAPE = {"queryresults", "summarize", "resources", "assessments", "securescores"}
"""Types of whose answers the names and types of values are compared: their numbers and rows are of a tenant long gone."""

HEADERS = ("content-type", "x-ms-failure-cause", "location", "azure-asyncoperation")
"""Headers that must be there, or not, as recorded; of the first two also the value. (The recorder of the Azure CLI takes
`retry-after` away.)"""

INSTANT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")
VERSIONS = {"resourcegroups": "2021-04-01", "policyassignments": "2020-09-01"}
"""For recordings that do not tell the version that was asked for."""

DIFFERENT = {
    "policy-exemptions 16": "the recording leaves the request's body out",
    "policy-insights (0|2|5)": "policy events are refused: nothing to compute them from",
    "policy-insights 20": "$expand is refused: the details of an evaluation cannot be computed",
    "policy-insights (24|25)": "a scan is done when it is asked after",
    "resource-groups-and-tags 1": "a group's deletion is done when it is asked after",
    "role-assignments 2": "an error of Azure's own while the group settles",
    "role-assignments 3": "descriptions of roles are Microsoft's texts",
    "sdk-assets (12|21)": "the recording leaves the empty tags out, as its Content-Length shows",
    "pricings (0|3|4)": "plans and extensions that the recorded subscription had before",
    r"test_security_assessments\S* [1357]": "recommendations are bundled as facts, without Microsoft's texts",
    r"test_security_assessments\S* [058]": "what an assessment says of a resource is computed anew",
    "test_security_secure_score [23]": "counts of a tenant long gone",
    r"test_shared_query_scenario \d": "saved queries are not modelled",
}
"""Exchanges that differ, with why: patterns of their names."""


def asked(cloud, one):
    """The exchange's request, answered by the embedded Azure."""
    target = one.target.replace("api-version=**", f"api-version={VERSIONS.get(one.kind)}")
    target = re.sub(r"[ ']", lambda match: f"%{ord(match[0]):02X}", target)
    client = emulated.Client(cloud, recordings.caller(one)["objectId"])
    return client.request(one.method, target if "?" in target else target + "?", one.sent)


def compared(value, guids):
    """A value without what no two runs share: times, GUIDs that nobody knew before, counters, the host."""
    if isinstance(value, str):
        text = INSTANT.sub("<time>", value)
        return recordings.GUID.sub(lambda match: match[0] if match[0].lower() in guids else "<guid>", text)
    if isinstance(value, list):
        return [compared(part, guids) for part in value]
    if isinstance(value, dict):
        if "updatedTime" in value:  # a management group's details: a counter, and who wrote long before
            value = {**value, "version": 0, "updatedBy": ""}
        return {name: compared(part, guids) for name, part in value.items()}
    return value


def differences(one, earlier):
    """Where the embedded Azure's answer differs from the recorded one."""
    content = recordings.tenant_for(one, earlier)
    with emulated.running(content) as cloud:
        until = re.search(r"[$]to=([^&]*)", one.target)
        when = dt.datetime.fromisoformat(urllib.parse.unquote(until[1])) if until else None
        if when or "date" in one.headers:
            now = when or parsedate_to_datetime(one.headers["date"])
            cloud.tenant.clock.move_to(now - dt.timedelta(seconds=5))
            cloud.tenant.started = cloud.tenant.changed = cloud.tenant.clock.now()
        for each in earlier:
            asked(cloud, each)
        answer = asked(cloud, one)
        body = recordings.parsed(answer.body.decode().replace(cloud.arm_endpoint, recordings.HOST))
    if answer.status != one.status:
        return [f"status {one.status}, here {answer.status} {answer.body[:200]!r}"]
    guids = comparison.guids([content, [[each.target, each.sent] for each in [*earlier, one]]])
    recorded, here = compared(one.body, guids), compared(body, guids)
    if one.kind in SHAPE and one.status < 400:
        recorded, here = comparison.shape(recorded), comparison.shape(here)
    return [
        *_headers(one, answer),
        *(f"{'.'.join(where)}: {x!r}, here {y!r}" for where, x, y in comparison.differences((), recorded, here)),
    ]


def _headers(one, answer):
    for name in HEADERS:
        recorded, here = one.headers.get(name), answer.headers.get(name)
        if ((recorded is None) is not (here is None) and (one.body or name != "content-type")) or (
            recorded and here and name in HEADERS[:2] and recorded.lower() != here.lower()
        ):
            yield f"header {name}: {recorded!r}, here {here!r}"


@pytest.mark.parametrize("one", RECORDED, ids=[one.name for one in RECORDED])
def test_a_recorded_exchange(one):
    before = RECORDED[: RECORDED.index(one)]
    earlier = [
        each
        for each in before
        if each.source == one.source
        and (each.method in {"PUT", "PATCH", "DELETE"} or "operationresults" in each.path.lower())
    ]
    found = differences(one, [])
    if found and earlier:
        found = min(found, differences(one, earlier), key=len)
    reason = next((text for name, text in DIFFERENT.items() if re.fullmatch(name, one.name)), "")
    if reason:
        assert found, f"it does not differ any more: {reason}"
        pytest.skip(reason)
    assert not found, "\n".join(found)


def test_every_recorded_form_is_a_case_of_our_own():
    ours = {
        (method, recorded_forms.kind_of(path), status, tuple(recorded_forms.expanded(form or "")))
        for method, path, _, _, status, form in recorded_forms.CASES
    }
    theirs = {
        (one.method, one.kind, one.status, tuple(recorded_forms.names_of(one.body)) if one.body else ()): one.name
        for one in RECORDED
        if not any(re.fullmatch(name, one.name) for name in DIFFERENT)
    }
    assert [f"{name}: {form}" for form, name in theirs.items() if form not in ours] == []
