"""Pictures are laid over each other by the stretch and the shift that were made."""

import numpy as np
from scipy import ndimage

from medse.data.images.alignment import align, likeness, start
from medse.data.images.fingerprints import BACK, ORIENTATIONS, SIDE, small
from tests.support.heads import head


def moved(values: np.ndarray, scale: tuple[float, float], shift: tuple[float, float]) -> np.ndarray:
    """Return a picture whose place ``p`` shows what the first has at ``scale * p + shift``, in shares of the side."""
    size = len(values)
    offset = [(0.5 * s + t * size) - 0.5 for s, t in zip(scale, shift, strict=True)]
    return ndimage.affine_transform(values.astype(float), scale, offset, order=3, mode="nearest")


def test_stretch_and_shift_are_found() -> None:
    scales, shifts = [(1.06, 0.94), (0.93, 0.97), (1, 1)], [(-0.02, 0.03), (0.04, -0.01), (0.03, 0.04)]
    second = np.stack([small(head(k)[None].astype(np.float32)) for k in range(3)])
    pairs = enumerate(zip(scales, shifts, strict=True))
    first = np.stack([small(moved(head(k), *pair)[None].astype(np.float32)) for k, pair in pairs])
    as_is = np.tile(np.array([1.0, 0.0]), (3, 2, 1))
    fit = align(first, second, as_is)
    np.testing.assert_allclose(fit[..., 0], scales, atol=0.004)
    np.testing.assert_allclose(fit[..., 1], shifts, atol=0.004)
    assert likeness(first, second, as_is).max() < 0.8
    assert likeness(first, second, fit).min() > 0.98
    assert likeness(first, np.roll(second, 1, axis=0), fit).max() < 0.8


def test_likeness_is_a_correlation_and_needs_enough_in_common() -> None:
    pictures = np.stack([small(head(k)[None].astype(np.float32)) for k in range(2)])
    as_is = np.tile(np.array([1.0, 0.0]), (2, 2, 1))
    np.testing.assert_allclose(likeness(pictures, pictures, as_is), 1, atol=1e-5)
    np.testing.assert_allclose(likeness(pictures, -3 * pictures + 1, as_is), -1, atol=1e-5)
    for scale, shift in ((1.0, 0.8), (1.8, -0.4)):
        fit = np.tile(np.array([scale, shift]), (2, 2, 1))
        np.testing.assert_array_equal(likeness(pictures, pictures, fit), [-1, -1])


def test_boxes_give_a_first_fit() -> None:
    first, second = np.array([[[0.2, 0.8], [0.1, 0.5]]]), np.array([[[0.1, 0.4], [0.3, 0.7]]])
    fit = start(first, second)
    np.testing.assert_allclose(fit[..., :1] * first + fit[..., 1:], second)


def test_orientations_are_eight_and_undone() -> None:
    picture = np.arange(SIDE**2).reshape(SIDE, SIDE)
    assert len({one.picture(picture).tobytes() for one in ORIENTATIONS}) == 8
    boxes = np.array([[0.1, 0.4], [0.3, 0.9]])
    inside = np.zeros((10, 10), bool)
    inside[1:4, 3:9] = True
    for one, back in zip(ORIENTATIONS, BACK, strict=True):
        np.testing.assert_array_equal(ORIENTATIONS[back].picture(one.picture(picture)), picture)
        rows, columns = (np.flatnonzero(one.picture(inside).any(axis=1 - axis)) for axis in (0, 1))
        np.testing.assert_allclose(
            one.box(boxes) * 10, [[rows[0], rows[-1] + 1], [columns[0], columns[-1] + 1]]
        )
    np.testing.assert_array_equal(ORIENTATIONS[4].picture(picture), np.rot90(picture))
    np.testing.assert_array_equal(ORIENTATIONS[1].picture(picture), np.fliplr(picture))
