"""Lesions and their pairs against answers worked out by hand and against trying every assignment."""

import itertools
import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.measure import label

from medse.metrics.lesions import Lesion, components, lesion_rule, match_lesions, overlaps


def row(text: str) -> np.ndarray:
    """Return a 2-D mask of one row from a drawing."""
    return np.array([[letter == "#" for letter in text]])


def test_numbers_go_by_size_then_by_position():
    match = match_lesions(row("#.##.#.####"), row("..........."), connectivity="faces", iou=0.1)
    assert [lesion.voxels for lesion in match.reference] == [4, 2, 1, 1]
    found, sizes = components(row("#.##.#.####"), "faces")
    assert found.tolist() == [[3, 0, 2, 2, 0, 4, 0, 1, 1, 1, 1]]
    assert sizes.tolist() == [0, 4, 2, 1, 1]
    post, bar = np.zeros((2, 3, 5), bool)
    post[:, 0] = bar[0, 2:] = True  # of three voxels each, the post begins first and ends last
    assert components(post | bar, "faces")[0].tolist() == [[1, 0, 2, 2, 2], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0]]
    for order in ("C", "F"):
        corner = np.zeros((4, 4, 4), bool, order=order)
        corner[0, 0, 3] = corner[3, 0, 0] = corner[0, 3, 0] = True
        found, _ = components(corner, "corners")
        assert (found[0, 0, 3], found[0, 3, 0], found[3, 0, 0]) == (1, 2, 3)


@pytest.mark.parametrize(
    ("offset", "faces", "edges", "corners"),
    [((1, 0, 0), 1, 1, 1), ((1, 1, 0), 2, 1, 1), ((1, 1, 1), 2, 2, 1)],
)
def test_connectivity(offset, faces, edges, corners):
    mask = np.zeros((3, 3, 3), bool)
    mask[0, 0, 0] = mask[offset] = True
    found = [
        len(match_lesions(mask, mask, connectivity=how, iou=0.1).reference)
        for how in ("faces", "edges", "corners")
    ]
    assert found == [faces, edges, corners]


def test_pixels_that_meet_in_a_point_share_an_edge_as_in_one_slice():
    mask = np.eye(2, dtype=bool)
    for how, count in (("faces", 2), ("edges", 1), ("corners", 1)):
        for same in (mask, mask[..., None]):
            assert len(match_lesions(same, same, connectivity=how, iou=0.1).reference) == count


def test_a_false_negative_a_false_positive_and_a_match():
    match = match_lesions(row("####...###...."), row("..####.....##."), connectivity="faces", iou=0.1)
    assert match.reference == (Lesion(1, 4, 1, 2 * 2 / 8), Lesion(2, 3, None, 0.0))
    assert match.prediction == (Lesion(1, 4, 1, 2 * 2 / 8), Lesion(2, 2, None, 0.0))
    assert (match.matched, match.f1, match.mean_dice) == (1, 2 * 1 / 4, 0.5)


def test_a_split_lesion_goes_to_the_larger_piece_and_a_merged_one_likewise():
    whole, split = row("########"), row("#####.##")
    match = match_lesions(whole, split, connectivity="faces", iou=0.1)
    assert match.reference == (Lesion(1, 8, 1, 2 * 5 / 13),)
    assert match.prediction == (Lesion(1, 5, 1, 2 * 5 / 13), Lesion(2, 2, None, 0.0))
    match = match_lesions(split, whole, connectivity="faces", iou=0.1)
    assert [lesion.partner for lesion in match.reference] == [1, None]


@pytest.mark.parametrize(("iou", "matched"), [(0.25, 1), (0.26, 0)])
def test_the_threshold_itself_is_enough(iou, matched):
    match = match_lesions(row("####."), row("...#."), connectivity="faces", iou=iou)
    assert match.matched == matched
    assert math.isnan(match.mean_dice) == (matched == 0)


def test_two_fair_pairs_beat_one_good_one():
    # IoU 4/10 of the large two, but 3/9 and 1/7 if each takes the other's neighbour.
    match = match_lesions(row("####.######."), row(".########.##"), connectivity="faces", iou=0.1)
    assert [lesion.partner for lesion in match.reference] == [2, 1]
    match = match_lesions(row("####.######."), row(".########.##"), connectivity="faces", iou=0.2)
    assert [lesion.partner for lesion in match.reference] == [1, None]


def ious(reference: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the IoU of every two components, by whole masks."""
    first, second = (components(mask, "faces")[0] for mask in (reference, prediction))
    table = np.zeros((first.max(initial=0), second.max(initial=0)))
    for r, p in np.ndindex(table.shape):
        one, other = first == r + 1, second == p + 1
        table[r, p] = (one & other).sum() / (one | other).sum()
    return table, first, second


def best_total(reference: np.ndarray, prediction: np.ndarray, iou: float) -> float:
    """Try every assignment."""
    table, _, _ = ious(reference, prediction)
    table = np.where(table >= iou, table, 0)
    table = table if table.shape[0] <= table.shape[1] else table.T
    return max(
        sum(table[r, p] for r, p in enumerate(order))
        for order in itertools.permutations(range(table.shape[1]), table.shape[0])
    )


def total(reference: np.ndarray, prediction: np.ndarray, match) -> float:
    """Return the sum of IoU over the pairs that were chosen."""
    table, _, _ = ious(reference, prediction)
    return sum(table[lesion.number - 1, lesion.partner - 1] for lesion in match.reference if lesion.partner)


@pytest.mark.parametrize("iou", [0.01, 0.1, 0.3, 0.6])
@pytest.mark.parametrize("seed", range(25))
def test_no_assignment_is_better(seed, iou):
    rng = np.random.default_rng(seed)
    share, jitter = rng.uniform(0.3, 0.6), rng.uniform(0.1, 0.4)
    reference = rng.random((4, 7)) < share
    prediction = reference ^ (rng.random((4, 7)) < jitter)
    match = match_lesions(reference, prediction, connectivity="faces", iou=iou)
    table, first, second = ious(reference, prediction)
    assert total(reference, prediction, match) == pytest.approx(best_total(reference, prediction, iou))
    partners = [lesion.partner for lesion in match.reference if lesion.partner]
    assert len(set(partners)) == len(partners) == match.matched
    for lesion in match.reference:
        mask = first == lesion.number
        assert lesion.voxels == mask.sum()
        if lesion.partner:
            other = second == lesion.partner
            assert lesion.dice == pytest.approx(2 * (mask & other).sum() / (mask.sum() + other.sum()))
            assert table[lesion.number - 1, lesion.partner - 1] >= iou
            assert match.prediction[lesion.partner - 1].partner == lesion.number
            assert match.prediction[lesion.partner - 1].dice == lesion.dice
    assert [lesion.number for lesion in match.prediction] == list(range(1, int(second.max()) + 1))


@pytest.mark.parametrize("shape", [(3, 4, 5), (0, 0, 0), (3, 4)])
def test_nothing_at_all(shape):
    match = match_lesions(np.zeros(shape, bool), np.zeros(shape, bool), connectivity="corners", iou=0.1)
    assert (match.reference, match.prediction, match.matched) == ((), (), 0)
    assert math.isnan(match.f1)
    assert math.isnan(match.mean_dice)
    match = match_lesions(np.ones((2, 2), bool), np.zeros((2, 2), bool), connectivity="corners", iou=0.1)
    assert (match.f1, len(match.prediction)) == (0.0, 0)


@pytest.mark.parametrize(("how", "rank"), [("faces", 1), ("edges", 2), ("corners", 3)])
def test_components_and_overlaps_agree_with_scikit_image(how, rank):
    rng = np.random.default_rng(rank)
    one, other = (gaussian_filter(rng.normal(size=(20, 21, 22)), 1) > 0.2 for _ in range(2))
    first, second = components(one, how)[0], components(other, how)[0]
    theirs = label(one, connectivity=rank)
    assert first.max() == theirs.max() > 3
    assert len({(int(a), int(b)) for a, b in zip(first[one], theirs[one], strict=True)}) == theirs.max()
    i, j, voxels = overlaps(first, second)
    for r, p, count in zip(i, j, voxels, strict=True):
        assert count == ((first == r) & (second == p)).sum() > 0
    assert voxels.sum() == (one & other).sum()


def test_the_rule_is_a_sentence_with_its_numbers():
    sentence = lesion_rule("edges", 0.25)
    assert "a face or an edge)" in sentence
    assert "at least 0.25," in sentence
    assert sentence.count(".") == 2  # of the number, and at the end
