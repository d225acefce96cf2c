"""Single exemptions: read, put, delete. One call is one request; who paces and settles them is the apply engine."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.arm.objects import decode_exemption, encode_exemption, is_exemption
from reconciler.arm.shapes import ShapeError
from reconciler.azure.api_versions import Api
from reconciler.azure.client import ArmClient, ArmResponse
from reconciler.azure.errors import reading
from reconciler.model import UNPUBLISHED, ArmId, Carrier, Exemption, carrier_of
from reconciler.problems import AzureError, ReconcilerError

_MISSING = "PolicyExemptionNotFound"
_APIS = {Carrier.POLICY: Api.EXEMPTIONS, Carrier.STANDARD: Api.STANDARDS}


@dataclass(frozen=True, slots=True)
class Writer:
    """Changes exemptions in Azure. Only commands that change something are ever given one.

    `whole` are the folded ids of those that may be put with an empty list of reference ids. On an initiative that
    exempts everything it evaluates, so every other one is refused here, at the last moment, whatever asked for it.
    """

    client: ArmClient
    whole: frozenset[str] = frozenset()

    def read(self, identifier: ArmId, /) -> Exemption | None:
        """The live exemption, or None where it is missing; a missing scope is an error (`AzureError.is_gone`)."""
        try:
            response = self.client.once("GET", identifier.text, _APIS[carrier_of(identifier)])
        except AzureError as error:
            if is_missing(identifier, error):
                return None
            raise
        if carrier_of(identifier) is Carrier.STANDARD and not is_exemption(response.body):
            raise _foreign_kind(identifier)
        return _decoded(identifier, response)

    def put(self, exemption: Exemption, /) -> Exemption:
        """Creates or replaces the whole object; gives what Azure stored.

        Raises:
            ReconcilerError: it lists no references and nobody meant the whole assignment; nothing was sent.
        """
        if exemption.assignment == UNPUBLISHED:
            raise _foreign_kind(exemption.id)
        is_policy = exemption.carrier is Carrier.POLICY  # a standard assignment always names what it exempts from
        if is_policy and not exemption.reference_ids and exemption.id.key not in self.whole:
            raise ReconcilerError(
                f"not sent: without reference ids it would exempt all of {exemption.assignment}, which is not declared",
                "this is a defect in exempt: run apply again with --log-file FILE, and report it with that file",
            )
        response = self.client.once("PUT", exemption.id.text, _APIS[exemption.carrier], encode_exemption(exemption))
        return _decoded(exemption.id, response)

    def delete(self, identifier: ArmId, /) -> None:
        """Removes it; one that is already absent (204) is no error."""
        self.client.once("DELETE", identifier.text, _APIS[carrier_of(identifier)])


def is_missing(identifier: ArmId, error: AzureError) -> bool:
    """Whether an answer to GET says that the object alone is missing, rather than what it sits on.

    Of standard assignments no public source names the code: a 404 that is not about a scope is about the object.
    """
    if error.status != 404:
        return False
    if carrier_of(identifier) is Carrier.POLICY:
        return error.code == _MISSING
    about_object = Carrier.STANDARD.lower() in error.message.lower()
    return error.code == "NotFound" or about_object or not error.is_gone


def _foreign_kind(identifier: ArmId) -> ReconcilerError:
    return ReconcilerError(
        f"{identifier} is no exemption of a form that is known here",
        "look at it in Defender for Cloud (Environment settings > Exemptions), and remove it there if it should not be",
    )


def _decoded(identifier: ArmId, response: ArmResponse) -> Exemption:
    """The exemption that an answer shows; one about another object is no answer."""
    with reading(identifier.text):
        exemption = decode_exemption(response.body)
        if exemption.id != identifier:
            raise ShapeError(f"id is {exemption.id}")
        return exemption
