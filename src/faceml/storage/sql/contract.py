"""The library's contract: which pack its vectors come from, and counters that never go back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, update
from sqlalchemy.exc import IntegrityError

from faceml.errors import ModelMismatch
from faceml.records import AssignedBy, LabelState, PackContract
from faceml.storage.sql.chunks import Store
from faceml.storage.sql.tables import FaceInstance, LibraryContract


class Contract(Store):
    def pinned(self) -> PackContract | None:
        """The pack this library is pinned to; None before its first detection."""
        row = self._session.get(LibraryContract, 1)
        if row is None:
            return None
        return PackContract(row.pack, row.width, row.fingerprint, row.licence, row.match_threshold)

    def check(self, pack: PackContract) -> None:
        """Raises ModelMismatch when the library is pinned to other weights than `pack`."""
        pinned = self.pinned()
        if pinned is not None and pinned.fingerprint != pack.fingerprint:
            raise ModelMismatch(
                f"this library holds vectors of pack {pinned.name!r} ({pinned.width}-d), not of {pack.name!r} "
                f"({pack.width}-d): set FACEML_MODEL_PACK={pinned.name}, or start a new library "
                "with another FACEML_HOME and detect there again"
            )

    def pin(self, pack: PackContract) -> None:
        """Pin the library to `pack` at its first detection; raises ModelMismatch as `check` does."""
        self.check(pack)
        if self.pinned() is not None:
            return
        row = LibraryContract(
            id=1,
            pack=pack.name,
            width=pack.width,
            fingerprint=pack.fingerprint,
            licence=pack.licence,
            match_threshold=pack.match_threshold,
        )
        try:
            with self._session.begin_nested():
                self._session.add(row)
        except IntegrityError:  # another worker was first
            self.check(pack)

    def labels_version(self) -> int:
        """The same as long as people, prototypes, and labels and vectors of faces are; see `lock_labels`."""
        return self._session.scalar(select(LibraryContract.labels_version)) or 0

    def labels(self) -> LabelState | None:
        """None of a library without faces."""
        newest = self._session.scalar(select(func.max(FaceInstance.updated_at)))
        return LabelState(self._began(), self._labelled(), newest) if newest else None

    def is_nearly(self, former: LabelState, share: float) -> bool:
        """Whether at most this share of the labels, and of the rows of labelled faces, is another than it was."""
        most = int(former.faces * share) - abs(self._labelled() - former.faces)
        changed = select(FaceInstance.id).where(FaceInstance.updated_at > former.newest)
        labelled = changed.where(FaceInstance.assigned_by == AssignedBy.MANUAL)  # asked if need be: it reads their rows
        few = any(most >= 0 and self._at_most(statement, most) for statement in (changed, labelled))
        return few and self._began() == former.began

    def _at_most(self, rows: Select[Any], count: int) -> bool:
        found = self._session.scalar(select(func.count()).select_from(rows.limit(count + 1).subquery())) or 0
        return found <= count

    def _began(self) -> datetime | None:
        return self._session.scalar(select(LibraryContract.created_at))

    def _labelled(self) -> int:
        labelled = select(func.count()).where(FaceInstance.assigned_by == AssignedBy.MANUAL)
        return self._session.scalar(labelled) or 0

    def next_unknown_clusters(self, count: int) -> range:
        """Numbers for `count` new unknown_cluster_N groups; a number is given out once in a library's life."""
        last = self._session.execute(
            update(LibraryContract)
            .values(last_unknown_cluster=LibraryContract.last_unknown_cluster + count)
            .returning(LibraryContract.last_unknown_cluster)
        ).scalar_one()
        return range(last - count + 1, last + 1)
