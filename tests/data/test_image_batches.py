"""Training images: the same seed the same image, the outline where the image is, no invented border."""

import numpy as np

from medse.data.augmentation.augmentation import Augmentation
from medse.data.images.batches import Closer, ImageItems
from medse.data.patches import gather

SIZE = (20, 24)
WHOLE = Closer(0.0, (1.0, 1.0))


def item(mask: bool = True) -> dict[str, object]:
    image = np.full((1, *SIZE), -1.0, np.float32)
    image[0, 5:12, 8:15] = 2.0
    outline = (image > 0).astype(np.uint8) if mask else None
    return {"id": "a", "image": image, "mask": outline}


def augmentation(**more: object) -> Augmentation:
    quiet = {"intensity_probability": 0.0, "spatial_probability": 1.0, "elastic_mm": 2.0}
    return Augmentation(patch_size=SIZE, spacing_mm=(1.0, 1.0), **{**quiet, **more})  # type: ignore[arg-type]


def test_an_item_that_is_not_changed_is_the_image() -> None:
    given = item()
    found = ImageItems([given], [2], None, WHOLE)[0, 7]
    np.testing.assert_array_equal(found["image"], given["image"])
    np.testing.assert_array_equal(found["label"], given["mask"])
    assert (found["target"], found["outlined"]) == (2, True)
    assert ImageItems([item(mask=False)], [0], None, WHOLE)[0, 7]["outlined"] is False


def test_image_and_outline_are_moved_alike_and_the_border_goes_on() -> None:
    change = augmentation(rotation_degrees=30.0, scale=0.4)
    items = ImageItems([item()], [0], change, WHOLE)
    batch = gather([items[0, seed] for seed in range(12)])
    images, outlines = change(batch)
    assert images.shape == (12, 1, *SIZE)
    for image, outline in zip(images[:, 0].numpy(), outlines[:, 0].numpy(), strict=True):
        assert image.min() >= -1 - 1e-5  # 0, the padding of patches, is a value between
        far = np.abs(image - 0.5) > 1.4
        assert (far.mean(), np.isin(outline, (0, 1)).all()) >= (0.5, True)
        np.testing.assert_array_equal(image[far] > 0, outline[far] > 0)
    again, _ = change(gather([items[0, seed] for seed in range(12)]))
    assert np.array_equal(images.numpy(), again.numpy())
    corner = images[:, 0, 0, 0].numpy()
    np.testing.assert_allclose(corner, -1, atol=1e-5)


def test_seeds_differ() -> None:
    items = ImageItems([item()], [0], augmentation(), WHOLE)
    assert items[0, 1]["seed"] != items[0, 2]["seed"]


def test_a_closer_look_holds_the_outline_as_much_larger_as_was_asked() -> None:
    given = item()
    items = ImageItems([given], [0], None, Closer(1.0, (1.5, 2.0)))
    areas, firsts = [], set()
    for seed in range(60):
        found = items[0, seed]
        image, outline = found["image"], found["label"]
        assert (image.shape, outline.shape, outline.dtype) == ((1, *SIZE), (1, *SIZE), np.uint8)
        far = np.abs(image - 0.5) > 1.4  # not between tissue and tumour
        np.testing.assert_array_equal(image[far] > 0, outline[far] > 0)
        assert image.max() > 1.9  # what it is about is seen
        areas.append(outline.sum() / 49)
        firsts.add(tuple(np.argwhere(outline[0])[0]))
    assert 2.0 < min(areas) < 2.5
    assert 3.5 < max(areas) < 4.5
    assert len(firsts) > 10  # not always in the middle
    np.testing.assert_array_equal(items[0, 3]["image"], items[0, 3]["image"])


def test_only_a_share_is_seen_closely_and_nothing_without_an_outline() -> None:
    given = item()

    def closely(share: float, one: dict[str, object]) -> int:
        items = ImageItems([one], [0], None, Closer(share, (2.0, 2.0)))
        return sum(not np.array_equal(items[0, seed]["image"], given["image"]) for seed in range(200))

    assert closely(0.0, given) == 0
    assert 70 < closely(0.5, given) < 130
    assert closely(1.0, item(mask=False)) == 0
