"""Single exemptions: read, put, delete. One call is one request; who paces and settles them is the apply engine."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.arm.objects import decode_exemption, encode_exemption
from reconciler.arm.shapes import ShapeError
from reconciler.azure.api_versions import Api
from reconciler.azure.client import ArmClient, ArmResponse
from reconciler.azure.errors import reading
from reconciler.model import ArmId, Exemption
from reconciler.problems import AzureError, ReconcilerError

_MISSING = "PolicyExemptionNotFound"


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
            return _decoded(identifier, self.client.once("GET", identifier.text, Api.EXEMPTIONS))
        except AzureError as error:
            if error.status == 404 and error.code == _MISSING:
                return None
            raise

    def put(self, exemption: Exemption, /) -> Exemption:
        """Creates or replaces the whole object; gives what Azure stored.

        Raises:
            ReconcilerError: it lists no references and nobody meant the whole assignment; nothing was sent.
        """
        if not exemption.reference_ids and exemption.id.key not in self.whole:
            raise ReconcilerError(
                f"not sent: without reference ids it would exempt all of {exemption.assignment}, which is not declared",
                "this is a defect in exempt: run apply again with --log-file FILE, and report it with that file",
            )
        response = self.client.once("PUT", exemption.id.text, Api.EXEMPTIONS, encode_exemption(exemption))
        return _decoded(exemption.id, response)

    def delete(self, identifier: ArmId, /) -> None:
        """Removes it; one that is already absent (204) is no error."""
        self.client.once("DELETE", identifier.text, Api.EXEMPTIONS)


def _decoded(identifier: ArmId, response: ArmResponse) -> Exemption:
    """The exemption that an answer shows; one about another object is no answer."""
    with reading(identifier.text):
        exemption = decode_exemption(response.body)
        if exemption.id != identifier:
            raise ShapeError(f"id is {exemption.id}")
        return exemption
