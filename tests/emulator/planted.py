"""Changes of behaviour, each planted in an Azure of its own by standing between it and whoever asks.

A plant is what it is called, the requests that it concerns (a pattern on `METHOD target`), and what it does: `ask`
changes the request, `answer` the reply.
"""

import copy
import dataclasses
import re

from reconciler.emulator.proving.exchanges import Reply

EXEMPTION = r"policyExemptions/prove\w+\?"
ASSIGNMENT = r"policyAssignments/prove\w+\?"


def planted(send, pattern, *, ask=None, answer=None):
    """The sender with one behaviour changed."""

    def changed(method, target, body):
        if not re.search(pattern, f"{method} {target}"):
            return send(method, target, body)
        if ask:
            method, target, body = ask(method, target, copy.deepcopy(body))
        reply = send(method, target, body)
        return answer(copy.deepcopy(reply)) if answer else reply

    return changed


def status(number):
    return lambda reply: dataclasses.replace(reply, status=number)


def header(name, value):
    def change(reply):
        others = {key: text for key, text in reply.headers.items() if key != name}
        return dataclasses.replace(reply, headers=others | ({name: value} if value is not None else {}))

    return change


def body(change, *, below=400):
    """Changes the body in place, of successes only unless told otherwise."""

    def apply(reply):
        if reply.body is not None and reply.status < below:
            change(reply.body)
        return reply

    return apply


def properties(change):
    return body(lambda value: change(value["properties"]) if "properties" in value else None)


def error(**parts):
    return body(lambda value: value["error"].update(parts) if "error" in value else None, below=600)


def sent(change):
    """Changes the properties that are sent."""

    def apply(method, target, content):
        change(content["properties"])
        return method, target, content

    return apply


def asked(old, new):
    """Rewrites the target."""
    return lambda method, target, content: (method, re.sub(old, new, target), content)


def reorder(value, order):
    """Reorders an object."""
    items = [(name, value[name]) for name in order if name in value]
    items += [(name, part) for name, part in value.items() if name not in order]
    value.clear()
    value.update(items)


def entries(change):
    return body(lambda value: value.update(value=change(value["value"])))


def _coded(code):
    """Another code in the place of one."""
    return body(
        lambda value: value["error"].update(code="Changed") if value.get("error", {}).get("code") == code else None,
        below=600,
    )


READ = {
    "no version is another code": (r"policyExemptions\?$", {"answer": error(code="MissingApiVersion")}),
    "an unknown version is another status": (r"api-version=2001", {"answer": status(404 + 5)}),
    "an unknown version is another text": (r"api-version=2001", {"answer": error(message="No such version.")}),
    "gateway errors name no cause": (r"api-version=2001", {"answer": header("x-ms-failure-cause", None)}),
    "a list is sent without a charset": (
        r"GET .*policyExemptions\?\$filter=atExact",
        {"answer": header("content-type", "application/json")},
    ),
    "an exact list holds what is above": (
        r"policyAssignments\?\$filter=atExactScope\(\)&api-version=2025",
        {"ask": asked("atExactScope", "atScope")},
    ),
    "at scope holds what is below": (
        r"policyExemptions\?\$filter=atScope",
        {"ask": asked(r"\$filter=atScope\(\)&", "")},
    ),
    "a list leaves out what is below": (r"policyExemptions\?api", {"ask": asked(r"\?", "?$filter=atScope()&")}),
    "expired ones are listed": (r"excludeExpired", {"ask": asked(r"\$filter=excludeExpired\(\)&", "")}),
    "a filter for an assignment is ignored": (
        r"filter=policyAssignmentId eq '",
        {"ask": asked(r"\$filter=[^&]*&", "")},
    ),
    "an unknown filter is ignored": (r"policyExemptions\?\$filter=colour", {"ask": asked(r"\$filter=[^&]*&", "")}),
    "an unknown filter is another code": (r"policyAssignments\?\$filter=colour", {"answer": error(code="BadRequest")}),
    "the oldest version shows who wrote": (
        r"policyExemptions/waived\?api-version=2020",
        {"answer": body(lambda value: value.update(systemData={"createdByType": "User"}))},
    ),
    "an older version shows the newer selectors": (
        r"policyExemptions/waived\?api-version=2020",
        {"ask": asked("2020-07-01", "2022-07-01")},
    ),
    "a GET changes the case of a category": (
        r"GET .*policyExemptions/waived\?",
        {"answer": properties(lambda value: value.update(exemptionCategory="waiver"))},
    ),
    "a GET changes the order": (
        r"GET .*policyExemptions/waived\?",
        {"answer": body(lambda value: reorder(value, ["name", "id"]))},
    ),
    "older assignments show the version": (
        r"GET .*policyAssignments/security\?api-version=2020",
        {"ask": asked("2020-09-01", "2025-11-01")},
    ),
    "an assignment loses its scope": (
        r"GET .*policyAssignments/security\?",
        {"answer": properties(lambda value: value.pop("scope"))},
    ),
    "what is missing is 400": (r"policyExemptions/[0-9a-f-]{36}\?", {"answer": status(400)}),
    "what is missing is another code": (r"policyExemptions/[0-9a-f-]{36}\?", {"answer": error(code="NotFound")}),
    "a missing subscription is 403": (r"GET /subscriptions/(?!0000)[0-9a-f]{8}-", {"answer": status(403)}),
    "a false subscription is another code": (r"/subscriptions/none/", {"answer": error(code="SubscriptionNotFound")}),
    "a missing role is an empty answer": (
        r"roleDefinitions/[0-9a-f-]{36}",
        {"answer": lambda reply: Reply(status=204, headers=reply.headers, body=None)},
    ),
    "rights are told by another name": (
        r"permissions\?",
        {"answer": entries(lambda rows: [{"permitted": row["actions"]} for row in rows])},
    ),
    "no rows are no list": (r"POST .*ResourceGraph", {"answer": body(lambda value: value.update(data=None))}),
    "a count is text": (
        r"POST .*ResourceGraph",
        {"answer": body(lambda value: value.update(count=str(value["count"])))},
    ),
    "truncation is a boolean": (
        r"POST .*ResourceGraph",
        {"answer": body(lambda value: value.update(resultTruncated=False))},
    ),
    "an unknown table is empty": (
        r"POST .*ResourceGraph",
        {
            "ask": lambda method, target, content: (
                method,
                target,
                {**content, "query": content["query"].replace("nonsense | take 1", "resources | take 0")},
            )
        },
    ),
    "rate limits are not told": (
        r"GET .*policyExemptions",
        {
            "answer": lambda reply: dataclasses.replace(
                reply, headers={name: text for name, text in reply.headers.items() if "ratelimit" not in name}
            )
        },
    ),
    "query quotas are not told": (r"ResourceGraph", {"answer": header("x-ms-user-quota-remaining", None)}),
}
"""Seen without writing."""

WRITE = {
    "a new exemption is 200": (rf"PUT .*{EXEMPTION}", {"answer": lambda r: status(200)(r) if r.status == 201 else r}),
    "an old exemption is 201": (rf"PUT .*{EXEMPTION}", {"answer": lambda r: status(201)(r) if r.status == 200 else r}),
    "an updated assignment is 200": (
        rf"PUT .*{ASSIGNMENT}",
        {"answer": lambda r: status(200)(r) if r.status == 201 else r},
    ),
    "PUT keeps a description that is not sent": (
        rf"PUT .*{EXEMPTION}",
        {"ask": sent(lambda value: value.setdefault("description", "kept"))},
    ),
    "PUT forgets metadata": (rf"PUT .*{EXEMPTION}", {"ask": sent(lambda value: value.pop("metadata", None))}),
    "digits of a second are cut": (
        EXEMPTION,
        {"ask": lambda m, t, b: (m, t, _without_digits(b))},
    ),
    "a date alone is the end of the day": (
        rf"PUT .*{EXEMPTION}",
        {
            "ask": sent(
                lambda value: value.get("expiresOn") == "2099-01-31" and value.update(expiresOn="2099-01-31T23:59:59Z")
            )
        },
    ),
    "a zone is ignored": (
        rf"PUT .*{EXEMPTION}",
        {
            "ask": sent(
                lambda value: (
                    value.update(expiresOn=value["expiresOn"][:19] + "Z") if "+" in value.get("expiresOn", "") else None
                )
            )
        },
    ),
    "a category stays in small letters": (
        rf"PUT .*{EXEMPTION}",
        {"answer": properties(lambda value: value.update(exemptionCategory=value["exemptionCategory"].lower()))},
    ),
    "empty lists are dropped": (
        EXEMPTION,
        {
            "answer": properties(
                lambda value: (
                    value.get("policyDefinitionReferenceIds") == [] and value.pop("policyDefinitionReferenceIds")
                )
            )
        },
    ),
    "metadata is stamped": (
        rf"PUT .*{EXEMPTION}",
        {"answer": properties(lambda value: value.setdefault("metadata", {}).update(createdBy="somebody"))},
    ),
    "unknown references are taken": (
        rf"PUT .*{EXEMPTION}",
        {
            "ask": sent(
                lambda value: (
                    value.get("policyDefinitionReferenceIds") == ["nonsense"]
                    and value.pop("policyDefinitionReferenceIds")
                )
            )
        },
    ),
    "references of a single policy are taken": (
        rf"PUT .*{EXEMPTION}",
        {
            "ask": sent(
                lambda value: (
                    value.get("policyAssignmentId", "").endswith("p")
                    and value.pop("policyDefinitionReferenceIds", None)
                )
            )
        },
    ),
    "long texts are cut": (
        rf"PUT .*{EXEMPTION}",
        {
            "ask": sent(
                lambda value: value.update(description=value["description"][:512]) if value.get("description") else None
            )
        },
    ),
    "another assignment is another code": (
        rf"PUT .*{EXEMPTION}",
        {"answer": _coded("InvalidPolicyAssignmentIdUpdate")},
    ),
    "PATCH changes a description": (
        rf"PATCH .*{EXEMPTION}",
        {"answer": properties(lambda value: value.update(description="changed"))},
    ),
    "PATCH of what is missing makes it": (r"PATCH .*none\?", {"answer": status(201)}),
    "creation moves with an update": (
        rf"PUT .*{EXEMPTION}",
        {"answer": body(lambda value: value["systemData"].update(createdAt=value["systemData"]["lastModifiedAt"]))},
    ),
    "an update does not move the modification": (
        rf"PUT .*{EXEMPTION}",
        {"answer": body(lambda value: value["systemData"].update(lastModifiedAt=value["systemData"]["createdAt"]))},
    ),
    "users are stamped as applications": (
        rf"PUT .*{EXEMPTION}",
        {"answer": body(lambda value: value["systemData"].update(createdByType="Key"))},
    ),
    "ids mind their case": (r"POLICYEXEMPTIONS", {"answer": status(404)}),
    "DELETE answers nothing": (
        rf"DELETE .*{EXEMPTION}",
        {"answer": lambda reply: Reply(status=reply.status, headers=reply.headers, body=None)},
    ),
    "DELETE of what is gone is 404": (
        rf"DELETE .*{EXEMPTION}",
        {"answer": lambda r: status(404)(r) if r.status == 204 else r},
    ),
    "an assignment takes its exemptions along": (r"GET .*policyExemptions/prove\w+p\?", {"answer": status(404)}),
    "a new assignment has the old instance": (
        rf"PUT .*{ASSIGNMENT}",
        {"answer": properties(lambda value: value.update(instanceId="5b8f0000-0000-4000-8000-00000000beef"))},
    ),
    "a pin is exact": (
        rf"PUT .*{ASSIGNMENT}",
        {"answer": properties(lambda value: value.update(definitionVersion="1.0.0"))},
    ),
    "unexpired lists hold expired ones": (r"excludeExpired", {"ask": asked(r"\$filter=excludeExpired\(\)&", "")}),
}
"""Seen by writing only."""


def _without_digits(content):
    if content and "expiresOn" in content.get("properties", {}):
        content["properties"]["expiresOn"] = re.sub(r"\.\d+", "", content["properties"]["expiresOn"])
    return content
