"""Training images: the same seed the same image, the outline where the image is, no invented border."""

import numpy as np

from medse.data.augmentation.augmentation import Augmentation
from medse.data.images.batches import ImageItems
from medse.data.patches import gather

SIZE = (20, 24)


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
    found = ImageItems([given], [2], None)[0, 7]
    np.testing.assert_array_equal(found["image"], given["image"])
    np.testing.assert_array_equal(found["label"], given["mask"])
    assert (found["target"], found["outlined"]) == (2, True)
    assert ImageItems([item(mask=False)], [0], None)[0, 7]["outlined"] is False


def test_image_and_outline_are_moved_alike_and_the_border_goes_on() -> None:
    change = augmentation(rotation_degrees=30.0, scale=0.4)
    items = ImageItems([item()], [0], change)
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
    items = ImageItems([item()], [0], augmentation())
    assert items[0, 1]["seed"] != items[0, 2]["seed"]
