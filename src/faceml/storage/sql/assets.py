"""Photos: found, moved, changed, waiting for detection, looked at."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence, Set
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, literal, or_, select, tuple_, update

from faceml.options import USUAL_SIZE_PX
from faceml.path_text import composed, path_of, path_text
from faceml.records import Asset, AssetStatus
from faceml.storage.sql.asset_rows import (
    KnownFile,
    LookedAt,
    PhotoFile,
    UnreadableAsset,
    asset_of,
    columns_of,
    files_query,
    known_file,
)
from faceml.storage.sql.chunks import Store, gone
from faceml.storage.sql.locks import INGESTING, advisory_lock
from faceml.storage.sql.tables import ErasedFace, FaceInstance, ImageAsset, utc_now

PAGE_ROWS = 10_000  # photos read at a time


def photo_is_there(face: type[FaceInstance] = FaceInstance) -> ColumnElement[bool]:
    """Of a face: its photo is not missing. Every list of faces asks for it (docs/decisions/0036-a-photos-life.md)."""
    return face.asset_id.not_in(select(ImageAsset.id).where(ImageAsset.missing_since.is_not(None)))


class Assets(Store):
    def at_paths(self, paths: Sequence[Path]) -> dict[Path, KnownFile]:
        """The photo that lies at each of these paths; missing ones are left out."""
        found = self._known(ImageAsset.path, [path_text(path) for path in paths])
        return {known.path: known for known in found if not known.is_missing}

    def missing_at(self, paths: Sequence[Path]) -> dict[Path, list[KnownFile]]:
        """Missing photos that lay there last, newest first."""
        found: dict[Path, list[KnownFile]] = defaultdict(list)
        for known in self._known(ImageAsset.path, [path_text(path) for path in paths]):
            if known.is_missing:
                found[known.path].insert(0, known)
        return dict(found)

    def at_written_paths(self, paths: Sequence[Path]) -> dict[Path, KnownFile]:
        """As `at_paths`, by paths that somebody wrote down: an é may be two letters there and one on the disk."""
        found = self.at_paths(paths)
        asked = {path: composed(path) for path in paths if path not in found and not str(path).isascii()}
        if not asked:
            return found
        there: dict[str, list[Path]] = {form: [] for form in asked.values()}
        for (name,) in self._session.execute(select(ImageAsset.path).execution_options(yield_per=PAGE_ROWS)):
            if not name.isascii() and (form := composed(path := path_of(name))) in there:
                there[form].append(path)
        files = self.at_paths([paths[0] for paths in there.values() if len(paths) == 1])
        return found | {path: files[there[form][0]] for path, form in asked.items() if len(there[form]) == 1}

    def with_hashes(self, hashes: Sequence[str]) -> dict[str, KnownFile]:
        return {known.content_hash: known for known in self._known(ImageAsset.content_hash, hashes)}

    def of_sizes(self, sizes: Sequence[int]) -> list[KnownFile]:
        """Photos whose files have so many bytes."""
        return list(self._known(ImageAsset.size_bytes, sizes))

    def below(self, folder: Path | None, *, missing: bool, but: Set[str] = frozenset()) -> list[KnownFile]:
        """Photos below a folder (None: all) that are missing, or that are not, in order of id.

        Args:
            but: paths, as text, to leave out: of a hundred thousand files, few are worth a record.
        """
        is_missing = ImageAsset.missing_since.is_not(None)
        statement = files_query().where(is_missing if missing else ~is_missing)
        # SQLite's LIKE takes "Photos" for "photos": what it finds is looked at once more. Names that are not UTF-8 may
        # lie in a folder whose own is: their text is a URI.
        starts = (
            ("",) if folder is None else tuple({os.path.join(path_text(folder), ""), os.path.join(folder.as_uri(), "")})
        )
        if folder is not None:
            statement = statement.where(or_(*(ImageAsset.path.startswith(start, autoescape=True) for start in starts)))
        rows = self._session.execute(statement.execution_options(yield_per=PAGE_ROWS))
        return [known_file(row) for row in rows if row.path.startswith(starts) and row.path not in but]

    def claimed_twice(self) -> set[str]:
        """Paths, as text, at which several photos are said to lie."""
        statement = select(ImageAsset.path).where(ImageAsset.missing_since.is_(None)).group_by(ImageAsset.path)
        return set(self._session.scalars(statement.having(func.count() > 1)))

    def folders(self) -> Counter[str]:
        """How many photos lie in each folder; missing ones are left out."""
        paths = self._session.scalars(select(ImageAsset.path).where(ImageAsset.missing_since.is_(None)))
        return Counter(os.path.dirname(path_of(path)) for path in paths.yield_per(PAGE_ROWS))

    def missing_since(self) -> dict[int, datetime]:
        """When each missing photo was noticed to be gone."""
        statement = select(ImageAsset.id, ImageAsset.missing_since).where(ImageAsset.missing_since.is_not(None))
        return {row[0]: row[1] for row in self._session.execute(statement) if row[1] is not None}

    def set_missing(self, asset_ids: Sequence[int], *, missing: bool) -> None:
        since = utc_now() if missing else None
        self._change(update(ImageAsset).values(missing_since=since), ImageAsset.id, asset_ids)

    def remove(self, asset_ids: Sequence[int]) -> None:
        """Delete photos, and with each its faces and all that is known of them."""
        self._change(delete(ImageAsset), ImageAsset.id, asset_ids)

    def lock_new(self) -> None:
        """Wait for whoever else is taking photos in; until this transaction ends nobody else does. PostgreSQL only."""
        advisory_lock(self._session.connection(), INGESTING)

    def add(self, files: Sequence[PhotoFile]) -> None:
        self._write(insert(ImageAsset), [columns_of(file) for file in files])

    def rewrite(self, files: Sequence[tuple[int, PhotoFile]], *, is_changed: bool) -> None:
        """Record where the file lies now, missing before or not; `is_changed` content waits for detection again."""
        nothing = dict.fromkeys(("error", "note", "looked_until_s"))
        again = {"status": AssetStatus.PENDING, **nothing} if is_changed else {}
        self._write(update(ImageAsset), [{"id": asset_id, **columns_of(file), **again} for asset_id, file in files])

    def wait_again(self, asset_ids: Sequence[int]) -> None:
        again = update(ImageAsset).values(status=AssetStatus.PENDING, error=None)
        self._change(again, ImageAsset.id, asset_ids)

    def waiting(
        self, *, min_confidence: float, min_face_size: int, size_px: int = USUAL_SIZE_PX, limit: int, offset: int = 0
    ) -> list[Asset]:
        """Photos never looked at, or only with stricter thresholds than these or smaller, in order of arrival."""
        is_waiting = _is_waiting(min_confidence, min_face_size, size_px)
        statement = select(ImageAsset).where(is_waiting).order_by(ImageAsset.id)
        return [asset_of(row) for row in self._session.scalars(statement.limit(limit).offset(offset))]

    def by_ids(self, asset_ids: Sequence[int]) -> list[Asset]:
        """The assets of these ids that exist, in order of id."""
        rows = self._rows(select(ImageAsset).order_by(ImageAsset.id), ImageAsset.id, sorted(asset_ids))
        return [asset_of(row[0]) for row in rows]

    def neighbours(self, asset_id: int) -> tuple[int | None, int | None]:
        """The photo that came before one and the one after; None at the ends."""
        there = ImageAsset.missing_since.is_(None)
        before = select(func.max(ImageAsset.id)).where(ImageAsset.id < asset_id, there)
        after = select(func.min(ImageAsset.id)).where(ImageAsset.id > asset_id, there)
        return self._session.scalar(before), self._session.scalar(after)

    def lock(self, asset_ids: Sequence[int]) -> None:
        """Hold these rows until the transaction ends, so that two workers do not add the same faces."""
        held = select(ImageAsset.id).order_by(ImageAsset.id).with_for_update(key_share=True)
        list(self._rows(held, ImageAsset.id, sorted(asset_ids)))

    def unseen(self, asset_ids: Sequence[int]) -> set[int]:
        """Those whose present content nobody has looked at yet."""
        is_seen = ImageAsset.detected_hash == ImageAsset.content_hash
        seen = {row.id for row in self._rows(select(ImageAsset.id).where(is_seen), ImageAsset.id, asset_ids)}
        return set(asset_ids) - seen

    def keep_former(self, asset_ids: Sequence[int]) -> dict[int, int]:
        """A missing photo for the content that each of these was looked at before, made where there is none.

        It waits for detection: what came along to the present content is to be found on it again.
        """
        rows = [row[0] for row in self._rows(select(ImageAsset), ImageAsset.id, asset_ids)]
        known = self.with_hashes([row.detected_hash for row in rows if row.detected_hash])
        fresh = [row for row in rows if row.detected_hash and row.detected_hash not in known]
        nothing = {"size_bytes": 0, "mtime_ns": 0, "missing_since": utc_now()}  # of the file that it was
        same = ("path", "width", "height", "taken_at", "taken_clock", "note", "duration_s")
        new = [
            {**{name: getattr(row, name) for name in same}, "content_hash": row.detected_hash, **nothing}
            for row in fresh
        ]
        self._write(insert(ImageAsset), new)
        known |= self.with_hashes([row.detected_hash for row in fresh if row.detected_hash])
        return {row.id: known[row.detected_hash].asset_id for row in rows if row.detected_hash}

    def remove_emptied(self, asset_ids: Sequence[int]) -> None:
        """Delete those of these missing photos that have no face left, nor the place of an erased one."""
        is_empty = [
            ~select(table.id).where(table.asset_id == ImageAsset.id).exists() for table in (FaceInstance, ErasedFace)
        ]
        emptied = delete(ImageAsset).where(ImageAsset.missing_since.is_not(None), *is_empty)
        self._change(emptied, ImageAsset.id, asset_ids)

    def content_changed(self, asset_ids: Sequence[int]) -> set[int]:
        """Those whose faces were found in another content than the file has now."""
        changed = select(ImageAsset.id).where(
            ImageAsset.detected_hash.is_not(None), ImageAsset.detected_hash != ImageAsset.content_hash
        )
        return {row.id for row in self._rows(changed, ImageAsset.id, asset_ids)}

    def record_detection(
        self,
        looked_at: Sequence[LookedAt],
        *,
        min_confidence: float,
        min_face_size: int,
        size_px: int = USUAL_SIZE_PX,
    ) -> None:
        """Note the outcome of detection, the loosest thresholds so far and the largest size.

        An unreadable photo keeps its reason, and the size that its faces were found in.
        """
        now = utc_now()
        known = {id_: (width, height) for id_, width, height in self._sizes([photo.asset_id for photo in looked_at])}
        tried = self._tried([photo.asset_id for photo in looked_at])
        new = (1.0, min_face_size, 0)
        rows: list[dict[str, Any]] = [
            {
                "id": photo.asset_id,
                "status": AssetStatus.FAILED if photo.error else AssetStatus.DETECTED,
                "error": photo.error,
                "note": photo.note,
                "perceptual_hash": photo.perceptual_hash,
                "width": photo.width or known.get(photo.asset_id, (None, None))[0],
                "height": photo.height or known.get(photo.asset_id, (None, None))[1],
                "detected_at": now,
                "detected_min_confidence": min(min_confidence, tried.get(photo.asset_id, new)[0]),
                "detected_min_face_size": min(min_face_size, tried.get(photo.asset_id, new)[1]),
                "detected_size_px": max(size_px, tried.get(photo.asset_id, new)[2]),
            }
            for photo in looked_at
        ]
        self._write(update(ImageAsset), rows)
        seen = [photo.asset_id for photo in looked_at if not photo.error]
        self._change(update(ImageAsset).values(detected_hash=ImageAsset.content_hash), ImageAsset.id, seen)

    def _sizes(self, asset_ids: Sequence[int]) -> Iterator[Row[int, int | None, int | None]]:
        return self._rows(select(ImageAsset.id, ImageAsset.width, ImageAsset.height), ImageAsset.id, asset_ids)

    def _tried(self, asset_ids: Sequence[int]) -> dict[int, tuple[float, int, int]]:
        """The loosest thresholds and largest size these were looked at with, as long as their content is the same."""
        columns = (ImageAsset.detected_min_confidence, ImageAsset.detected_min_face_size, ImageAsset.detected_size_px)
        statement = select(ImageAsset.id, *columns).where(ImageAsset.detected_hash == ImageAsset.content_hash)
        rows = self._rows(statement, ImageAsset.id, asset_ids)
        return {
            row[0]: (row[1], row[2], row[3] or USUAL_SIZE_PX)
            for row in rows
            if row[1] is not None and row[2] is not None
        }

    def count(self, status: AssetStatus | None = None) -> int:
        """Photos that are not missing, of one status where given."""
        return self._count(
            ImageAsset, ImageAsset.missing_since.is_(None), *((ImageAsset.status == status,) if status else ())
        )

    def count_missing(self) -> int:
        return self._count(ImageAsset, ImageAsset.missing_since.is_not(None))

    def count_waiting(self, *, min_confidence: float, min_face_size: int) -> int:
        return self._count(ImageAsset, _is_waiting(min_confidence, min_face_size, USUAL_SIZE_PX))

    def unreadable(self, *, limit: int, offset: int = 0, after: int | None = None) -> list[UnreadableAsset]:
        """Photos that failed, by path; `after`: only those behind this one. Raises NotFound: that one is gone."""
        failed, place = select(ImageAsset.id, ImageAsset.path, ImageAsset.error), (ImageAsset.path, ImageAsset.id)
        where = [ImageAsset.missing_since.is_(None), ImageAsset.status == AssetStatus.FAILED]
        if after is not None:
            if (last := self._session.execute(select(*place).where(ImageAsset.id == after)).one_or_none()) is None:
                raise gone(after)
            where.append(tuple_(*place) > tuple_(*map(literal, last)))
        page = failed.where(*where).order_by(*place).limit(limit).offset(offset)
        return [UnreadableAsset(id_, path, error or "") for id_, path, error in self._session.execute(page)]

    def with_faces(self) -> Iterator[tuple[int, Path]]:
        """Id and path of every photo that is there and shows a face, in order of id."""
        shown = select(FaceInstance.asset_id)
        statement = select(ImageAsset.id, ImageAsset.path).where(
            ImageAsset.id.in_(shown), ImageAsset.missing_since.is_(None)
        )
        for asset_id, path in self._session.execute(statement.order_by(ImageAsset.id)):
            yield asset_id, path_of(path)

    def without_faces(self, *, limit: int) -> list[Asset]:
        """Photos that failed, or in which no face was found."""
        has_face = select(FaceInstance.id).where(FaceInstance.asset_id == ImageAsset.id).exists()
        statement = select(ImageAsset).where(
            ImageAsset.missing_since.is_(None), ImageAsset.status != AssetStatus.PENDING, ~has_face
        )
        return [asset_of(row) for row in self._session.scalars(statement.order_by(ImageAsset.id).limit(limit))]

    def _known(self, column: Any, values: Sequence[str] | Sequence[int]) -> Iterator[KnownFile]:
        return map(known_file, self._rows(files_query(), column, values))


def _is_waiting(min_confidence: float, min_face_size: int, size_px: int) -> ColumnElement[bool]:
    is_loose = or_(
        ImageAsset.detected_min_confidence > min_confidence,
        ImageAsset.detected_min_face_size > min_face_size,
        func.coalesce(ImageAsset.detected_size_px, USUAL_SIZE_PX) < size_px,
    )
    may_find_more = and_(ImageAsset.status == AssetStatus.DETECTED, is_loose)
    return and_(ImageAsset.missing_since.is_(None), or_(ImageAsset.status == AssetStatus.PENDING, may_find_more))
