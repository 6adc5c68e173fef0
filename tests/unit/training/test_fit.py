"""The loop: equal to a slow obvious one, reproducible, resumable, and no more than what it was given."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from faceml.errors import FileNotReadable, NotEnoughData, WrongUse
from faceml.identity.projection import project
from faceml.options import TrainOptions
from faceml.training import FaceTrainer
from faceml.training.checkpoint import load_checkpoint
from faceml.training.data import Blocks, Faces, epoch_triplets, validation_triplets
from faceml.training.fit import Fitted, fit
from faceml.training.heads import start_projection
from faceml.training.history import Epoch, best_epoch, is_stuck, nothing_learnt
from faceml.training.module import ProjectionTask
from faceml.training.options import Options
from faceml.training.whitening import centred_identity, identity_head, lda, pca_whitening, within_whitening
from tests.unit.training.made_up import Array, people

FEW = Options(head="documented", epochs=3, batch_size=16, learning_rate=1e-3, weight_decay=0)


@pytest.fixture(scope="module")
def labelled() -> tuple[Array, Array]:
    return people(5, 4, spread=1.5)


def weights(found: Fitted) -> list[Array]:
    head = found.head
    parts = [part for layer in head.layers for part in (layer.weight, layer.bias)]
    return parts if head.skip is None else [*parts, head.skip]


def same_head(one: Fitted, other: Fitted, *, atol: float = 0.0) -> bool:
    return all(np.allclose(a, b, rtol=0, atol=atol) for a, b in zip(weights(one), weights(other), strict=True))


def obvious_training(vectors: Array, owners: Array, options: Options) -> list[tuple[float, float]]:
    """(training, validation) loss an epoch: the documented head and loss, one batch after the other, by autograd."""
    faces = Faces.of(vectors, owners, seed=options.seed)
    head = start_projection(options, faces.vectors[faces.training].numpy(), faces.owners[faces.training].numpy())
    optimizer = torch.optim.Adam(head.parameters(), lr=options.learning_rate)
    blocks = Blocks.of(faces.owners[faces.training])
    losses = []
    for epoch in range(1, options.epochs + 1):
        generator = torch.Generator().manual_seed(options.seed * 1_000_003 + epoch)
        batches = []
        for batch in faces.training[epoch_triplets(blocks, generator)].split(options.batch_size):
            loss = torch.zeros(())
            for triplet in batch:
                a, p, n = head(faces.vectors[triplet])
                loss = loss + torch.clamp(options.margin + (a - p).norm() - (a - n).norm(), min=0) / len(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            batches.append(loss.item())
        with torch.no_grad():
            unit = head(faces.vectors)
            a, p, n = (unit[column] for column in validation_triplets(faces, options.seed).t())
            validation = torch.relu(options.margin + (a - p).norm(dim=1) - (a - n).norm(dim=1)).mean()
        losses.append((float(np.mean(batches)), float(validation)))
    return losses


@pytest.mark.parametrize("head", ["documented", "residual", "linear", "whitening"])
def test_training_is_what_a_slow_obvious_loop_does(labelled: tuple[Array, Array], head: str) -> None:
    options = replace(FEW, head=head, epochs=2)
    found = [(epoch.loss, epoch.val_loss) for epoch in fit(*labelled, options).history[1:]]
    np.testing.assert_allclose(found, obvious_training(*labelled, options), rtol=2e-4)


@pytest.mark.parametrize(
    "options",
    [
        Options(head="residual"),
        Options(head="linear", mining="batch-hard"),
        Options(head="whitening", mining="semi-hard"),
        Options(head="pca", loss="supcon"),
        Options(head="lda", loss="arcface", margin=0.5),
        Options(head="documented", dropout=0.3, weight_decay=0.1),
    ],
    ids=lambda options: f"{options.head} {options.loss} {options.mining}",
)
def test_every_alternative_learns_and_is_reproducible(labelled: tuple[Array, Array], options: Options) -> None:
    options = replace(options, epochs=3, learning_rate=1e-3)
    first, again = fit(*labelled, options), fit(*labelled, options)
    assert same_head(first, again)
    assert first.history[-1].loss < first.history[1].loss
    assert not same_head(first, fit(*labelled, replace(options, seed=1)))


def test_a_head_with_a_start_begins_there(labelled: tuple[Array, Array]) -> None:
    vectors, owners = labelled
    starts = {"residual": identity_head(32), "linear": centred_identity(vectors)}
    starts |= {"whitening": within_whitening(vectors, owners), "pca": pca_whitening(vectors)}
    starts |= {"lda": lda(vectors, owners)}
    for head, expected in starts.items():
        start = start_projection(Options(head=head), vectors, owners).export()
        np.testing.assert_allclose(project(start, vectors), project(expected, vectors), atol=1e-5)


def test_a_resumed_training_ends_as_an_uninterrupted_one(labelled: tuple[Array, Array], tmp_path: Path) -> None:
    for options in (FEW, replace(FEW, dropout=0.2), replace(FEW, loss="arcface", head="linear")):
        folder = tmp_path / str(options.dropout) / options.loss
        whole = fit(*labelled, replace(options, epochs=4))
        half = fit(*labelled, replace(options, epochs=2), folder=folder)
        last = checkpoint_of(half, half.history[-1].number)
        rest = fit(*labelled, replace(options, epochs=4), resume=last)
        assert rest.history[1:] == whole.history[1:]
        assert same_head(rest, whole)


def checkpoint_of(found: Fitted, epoch: int) -> Path:
    assert found.checkpoint is not None
    return found.checkpoint.with_name(f"face_projection_epoch_{epoch}.pt")


def test_no_training_touches_anothers_checkpoints(labelled: tuple[Array, Array], tmp_path: Path) -> None:
    flat = tmp_path / "face_projection_epoch_1.pt"  # as earlier versions left them
    flat.write_bytes(b"kept")
    first = fit(*labelled, FEW, folder=tmp_path)
    before = {file: file.read_bytes() for file in tmp_path.rglob("*.pt")}
    second = fit(*labelled, replace(FEW, seed=1, epochs=4), folder=tmp_path)
    fit(*labelled, replace(FEW, epochs=5), folder=tmp_path, resume=checkpoint_of(first, 3))
    assert {file: file.read_bytes() for file in before} == before
    assert len({file.parent for file in tmp_path.rglob("*.pt")}) == 4
    assert second.checkpoint is not None
    assert load_checkpoint(second.checkpoint).history[-1].number == second.best.number


def test_a_resumed_training_that_finds_nothing_better_keeps_the_best_checkpoint(
    labelled: tuple[Array, Array], tmp_path: Path
) -> None:
    worse = Options(head="linear", learning_rate=0.3, epochs=2, weight_decay=0)
    half = fit(*labelled, worse, folder=tmp_path)
    whole = fit(*labelled, replace(worse, epochs=3), folder=tmp_path, resume=checkpoint_of(half, 2))
    assert whole.best == half.best
    assert whole.best.number < 2
    assert whole.checkpoint is not None
    assert whole.checkpoint.parent != half.checkpoint.parent if half.checkpoint else False
    np.testing.assert_array_equal(load_checkpoint(whole.checkpoint).head().skip, whole.head.skip)
    alone = tmp_path / "elsewhere" / "face_projection_epoch_2.pt"
    alone.parent.mkdir()
    alone.write_bytes(checkpoint_of(half, 2).read_bytes())
    rest = fit(*labelled, replace(worse, epochs=3), folder=tmp_path, resume=alone)
    assert rest.checkpoint is not None
    assert rest.checkpoint.is_file(), "the last one, where the best was not there to go on from"


def test_a_best_epoch_of_0_is_told_with_what_it_means() -> None:
    history = [Epoch(0, 1, 0.1), Epoch(1, 1, 0.2)]
    assert nothing_learnt([*history, Epoch(2, 1, 0.05)], "linear") is None
    for head, means in (
        ("documented", "one of random weights"),
        ("linear", "raw vectors, centred"),
        ("lda", "the lda"),
    ):
        assert means in (nothing_learnt(history, head) or "")


def test_resuming_with_other_options_or_labels_is_refused(labelled: tuple[Array, Array], tmp_path: Path) -> None:
    vectors, owners = labelled
    last = checkpoint_of(fit(vectors, owners, FEW, folder=tmp_path), 3)
    with pytest.raises(WrongUse, match="another learning_rate"):
        fit(vectors, owners, replace(FEW, learning_rate=1e-4), resume=last)
    with pytest.raises(WrongUse, match="other faces or labels"):
        fit(vectors[:-1], owners[:-1], FEW, resume=last)
    (tmp_path / "other.pt").write_bytes(b"no checkpoint")
    with pytest.raises(FileNotReadable, match=r"other\.pt is not a checkpoint"):
        fit(vectors, owners, FEW, resume=tmp_path / "other.pt")
    with pytest.raises(FileNotReadable, match="there is no checkpoint"):
        fit(vectors, owners, FEW, resume=tmp_path / "missing.pt")


def test_the_best_epoch_is_kept_and_the_last_one_to_go_on_from(labelled: tuple[Array, Array], tmp_path: Path) -> None:
    # Steps far too large: it gets worse after its start.
    found = fit(*labelled, Options(head="linear", learning_rate=0.3, epochs=3, weight_decay=0), folder=tmp_path)
    assert found.best == min(found.history, key=lambda epoch: epoch.val_loss)
    assert found.best.number < 3
    (folder,) = tmp_path.iterdir()
    names = {path.name for path in folder.iterdir()}
    assert names == {f"face_projection_epoch_{number}.pt" for number in (found.best.number, 3)}
    assert found.checkpoint == folder / f"face_projection_epoch_{found.best.number}.pt"
    np.testing.assert_array_equal(load_checkpoint(found.checkpoint).head().skip, found.head.skip)


def test_training_stops_where_nothing_gets_better(labelled: tuple[Array, Array]) -> None:
    found = fit(*labelled, Options(head="linear", learning_rate=0.3, epochs=30, patience=2, weight_decay=0))
    assert found.history[-1].number == found.best.number + 2
    assert is_stuck([Epoch(0, 1, 0.1), Epoch(1, 1, 0.2)], 1)
    assert not is_stuck([Epoch(0, 1, 0.1), Epoch(1, 1, 0.2)], None)
    assert best_epoch([Epoch(0, 1, 0.1), Epoch(1, 1, 0.1)]).number == 0


def test_epochs_are_told_as_they_end(labelled: tuple[Array, Array]) -> None:
    told: list[Epoch] = []
    found = fit(*labelled, FEW, on_epoch=told.append)
    assert tuple(told) == found.history[1:]
    assert (found.training_faces, found.validation_faces) == (15, 5)


@pytest.fixture
def in_the_foreground() -> Iterator[None]:
    """A shell's background jobs ignore Ctrl-C, and so would these tests there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("in_the_foreground")
@pytest.mark.parametrize(
    ("number", "way_out", "code"), [(signal.SIGINT, KeyboardInterrupt, None), (signal.SIGTERM, SystemExit, 143)]
)
def test_a_signal_ends_training_as_it_ends_anything_else(
    labelled: tuple[Array, Array], number: signal.Signals, way_out: type[BaseException], code: int | None
) -> None:
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    seen: list[Epoch] = []

    def stop(epoch: Epoch) -> None:
        seen.append(epoch)
        signal.raise_signal(number)

    with pytest.raises(way_out) as left:
        fit(*labelled, Options(head="linear", epochs=30), on_epoch=stop)
    assert getattr(left.value, "code", None) == code
    assert len(seen) == 1
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_one_person_cannot_be_trained_on() -> None:
    vectors, _ = people(3, 4)
    with pytest.raises(NotEnoughData, match="1 people with two faces"):
        fit(vectors, [0] * 10 + [1, 2], FEW)


def test_training_leaves_torch_as_it_was(labelled: tuple[Array, Array]) -> None:
    torch.manual_seed(5)
    threads, expected = torch.get_num_threads(), torch.rand(1)
    torch.manual_seed(5)
    fit(*labelled, FEW)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.rand(1), expected)


# --- the checkpoint and who reads it


def test_face_trainer_projects_what_the_checkpoint_holds(labelled: tuple[Array, Array], tmp_path: Path) -> None:
    vectors, _ = labelled
    found = fit(*labelled, FEW, folder=tmp_path, metadata={"pack": "made up"})
    trainer = FaceTrainer()
    with pytest.raises(WrongUse, match="no checkpoint is loaded"):
        trainer.project_embedding(vectors[0])
    trainer.load_checkpoint(str(found.checkpoint))
    rows = np.stack([trainer.project_embedding(row) for row in vectors])
    assert rows.shape == (len(vectors), 128)
    np.testing.assert_allclose(rows, project(found.head, vectors), atol=1e-6)
    with pytest.raises(WrongUse, match="not a single vector"):
        trainer.project_embedding(vectors)
    assert trainer.metadata["pack"] == "made up"
    assert trainer.metadata["epoch"] == found.best.number
    assert {"loss", "val_loss", "timestamp"} <= set(trainer.metadata)


def test_a_checkpoint_holds_weights_optimiser_state_and_metadata(labelled: tuple[Array, Array], tmp_path: Path) -> None:
    last = checkpoint_of(fit(*labelled, FEW, folder=tmp_path), 3)
    content = torch.load(last, weights_only=True)
    assert content["projection"]["layers.0.weight"].shape == (256, 32)
    assert content["projection"]["layers.1.weight"].shape == (128, 256)
    assert content["optimizer"]["state"][0]["step"] == 3 * -(-15 * 30 // 16)  # one update a batch
    assert content["metadata"]["epoch"] == 3


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"head": "huge"}, "head='huge' is not linear, documented, "),
        ({"loss": "supcon", "mining": "batch-hard"}, "chooses triplets, and loss='supcon' has none"),
        ({"epochs": 0}, "epochs=0 is not a whole number from 10"),
        ({"head": "documented", "dropout": 1.0}, "dropout=1 is not a number from 0 to below 1"),
        ({"head": "linear", "dropout": 0.1}, "needs a hidden layer, and head='linear' has none"),
        ({"weight_decay": 2e4}, r"below 1 / learning_rate \(10000\)"),
    ],
)
def test_options_that_make_no_sense_are_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(WrongUse, match=message):
        TrainOptions(**changed)  # type: ignore[arg-type]


def test_the_written_out_step_is_used_for_the_documented_training_and_only_there(
    labelled: tuple[Array, Array],
) -> None:
    faces = Faces.of(*labelled, seed=0)

    def is_written_out(options: Options) -> bool:
        start = start_projection(options, labelled[0], labelled[1])
        return ProjectionTask(start, faces, options)._written_out is not None

    assert is_written_out(Options())
    assert is_written_out(Options(head="documented"))
    assert not is_written_out(Options(head="documented", dropout=0.1))
    assert not is_written_out(Options(mining="batch-hard"))
