"""The documents of a dispute's evidence: kept sealed, in a table of their own."""

import base64
import hashlib
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from uuid import UUID

from msgspec import Struct

from tallystick.journal import Asked, Conflict, Origin, Repeated, SealedText
from tallystick.payments.disputes import store
from tallystick.payments.disputes.beats import DisputeBeats
from tallystick.payments.disputes.decisions import decide_evidence
from tallystick.payments.disputes.evidence import require_document, require_kind
from tallystick.payments.disputes.folds import DisputeRow, EvidenceItem
from tallystick.payments.errors import NotFound, PaymentBusy
from tallystick.payments.operations import NOBODY
from tallystick.platform.crash import crash_point
from tallystick.platform.ids import derived_id
from tallystick.platform.postgres.pools import Connection

_TRIES: Final = 20
_CONTENT: Final = "content"
_NAME: Final = "name"


class Document(Struct, frozen=True, kw_only=True):
    """A document of the evidence, in clear."""

    kind: str
    media_type: str
    content: bytes
    name: str = ""


class HandedIn(Struct, frozen=True):
    """The dispute with its document, and whether that was answered before."""

    row: DisputeRow
    replayed: bool = False


@dataclass(frozen=True)
class DisputeDocuments:
    """The verbs of documents."""

    beats: DisputeBeats

    async def add(
        self,
        dispute_id: UUID,
        document: Document,
        *,
        merchant_id: UUID | None = None,
        asked: Asked | None = None,
        origin: Origin = NOBODY,
    ) -> HandedIn:
        """Hand in a document; the same content again is the same document.

        The document is kept, sealed, before the dispute knows of it: what is left of a death in
        between belongs to nothing and is shown to nobody. Raises NotFound, NotPossible, Invalid.
        """
        item = _item(dispute_id, document)
        for _ in range(_TRIES):
            row = await self.beats.load(dispute_id, merchant_id)
            try:
                if earlier := await self.beats.operations.journal.find_repeat(asked):
                    return HandedIn(await self.beats.answered(earlier), replayed=True)
                if any(known.id == item.id for known in row.items):
                    if asked is not None:  # the key stands for this document from now on
                        await self.beats.bind(row, asked, origin)
                    return HandedIn(row, replayed=True)
                return HandedIn(await self._add(row, item, document, asked, origin=origin))
            except Repeated as repeat:
                return HandedIn(await self.beats.answered(repeat), replayed=True)
            except Conflict:
                continue
        raise PaymentBusy("too many changes to this dispute at once")

    async def _add(
        self,
        row: DisputeRow,
        item: EvidenceItem,
        document: Document,
        asked: Asked | None,
        *,
        origin: Origin,
    ) -> DisputeRow:
        moment = self.beats.operations.moment(row.payment_id)
        steps = decide_evidence(row, item, moment)
        await self._keep(row, item, document)
        crash_point("disputes.after_document")
        return await self.beats.record(
            row.id, row, None, steps, moment, asked=asked, running=False, origin=origin
        )

    async def get(
        self, dispute_id: UUID, evidence_id: UUID, *, merchant_id: UUID | None = None
    ) -> Document:
        """A document as it was handed in.

        Raises NotFound, also once its key was destroyed, and the journal's SealTampered.
        """
        row = await self.beats.load(dispute_id, merchant_id)
        item = next((item for item in row.items if item.id == evidence_id), None)
        clear = await self._find_clear(row, item) if item else None
        if item is None or clear is None:
            raise NotFound("there is no such document", "evidence_not_found")
        return Document(
            kind=item.kind,
            media_type=item.media_type,
            content=base64.b64decode(clear[_CONTENT]),
            name=clear[_NAME],
        )

    async def _find_clear(self, row: DisputeRow, item: EvidenceItem) -> dict[str, Any] | None:
        operations = self.beats.operations
        sealed = await store.find_document(operations.database, item.id)
        if sealed is None:
            return None
        fits = partial(_is_document, item)
        return await operations.journal.unseal(row.subject_id, sealed, fits=fits)

    async def _keep(self, row: DisputeRow, item: EvidenceItem, document: Document) -> None:
        operations = self.beats.operations
        clear: Mapping[str, object] = {
            _CONTENT: base64.b64encode(document.content).decode(),
            _NAME: document.name,
        }
        sealed = (await operations.journal.seal(row.subject_id, clear)).encode()
        async with self.beats.keepers:
            connection = await operations.database.open_writer("dispute documents")
            try:
                now = operations.clock.now()
                await store.add_document(connection, item.id, row.id, sealed, now)
            finally:
                await connection.close()


async def sealed_documents(
    connection: Connection, rows: Collection[DisputeRow]
) -> AsyncIterator[SealedText]:
    """Every document of these disputes, one after the other, by its own id."""
    for row in rows:
        for item in row.items:
            sealed = await store.find_document(connection, item.id)
            if sealed is not None:  # that one is missing is another check's to tell
                fits = partial(_is_document, item)
                yield SealedText(item.id, row.subject_id, sealed, fits)


def _is_document(item: EvidenceItem, clear: Mapping[str, Any]) -> bool:
    """Whether this was handed in: the key is one for all of a payment's documents and texts."""
    return _digest(base64.b64decode(clear.get(_CONTENT, ""))) == item.sha256


def _item(dispute_id: UUID, document: Document) -> EvidenceItem:
    """The document as its dispute will know it. Raises Invalid."""
    require_kind(document.kind)
    require_document(document.media_type, document.content)
    digest = _digest(document.content)
    return EvidenceItem(
        derived_id(dispute_id, f"evidence {digest}"),
        document.kind,
        document.media_type,
        len(document.content),
        digest,
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
