"""The generated tumour slices: files, determinism, and that each kind lies and looks as it should."""

import csv

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from medse.errors import InputError
from medse.phantoms.tumours import cohort
from medse.phantoms.tumours.cohort import SLICES, generate_slices, write_tumour_cohort
from medse.phantoms.tumours.head import SELLA, Head
from medse.phantoms.tumours.lesions import LESIONS
from medse.phantoms.tumours.slices import PLANES, SIZE, Space
from medse.phantoms.tumours.template import load_head_template

SUBJECTS = 6
"""Of each class."""


@pytest.fixture(scope="module")
def template():
    return load_head_template()


@pytest.fixture(scope="module")
def root(tmp_path_factory, template):
    root = tmp_path_factory.mktemp("cohort") / "tumours"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cohort, "load_head_template", lambda: template)  # loading takes longest
        write_tumour_cohort(root, train=3, test=1, seed=4)
    return root


@pytest.fixture(scope="module")
def drawn(template):
    """Class -> subjects, each a head and its tumour."""
    subjects = {}
    for number, (label, draw) in enumerate(LESIONS.items()):
        subjects[label] = []
        for seed in range(SUBJECTS):
            random = np.random.default_rng((number, seed))
            head = Head(template, random)
            subjects[label].append((head, draw(head, random)))
    return subjects


@pytest.fixture(scope="module")
def slices(template):
    """Class -> slices of a few subjects, each image and mask."""
    return {
        label: [
            (image.astype(float), mask > 0)
            for seed in range(SUBJECTS)
            for _, image, mask in generate_slices(template, label, np.random.default_rng((9, seed)))
        ]
        for label in LESIONS
    }


def rows_of(root):
    with (root / "cases.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def inside(lesion, head):
    """Places in a tumour, on a grid of 1 mm, ``(3, N)``, and their distances from its surface and the dura."""
    steps = np.arange(-2.2, 2.2, 1 / lesion.radius_mm) * lesion.radius_mm
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij")).reshape(3, -1)
    points = grid + lesion.centre[:, None]
    depth = head.template.depth_at(points)
    distance = lesion.shape(points, depth)
    within = distance < 0
    return points[:, within], distance[within], depth[within]


def test_files_are_slices_with_masks_and_a_table_that_says_what_they_are(root):
    rows = rows_of(root)
    assert "GENERATED images, no real patients" in (root / "README.txt").read_text(encoding="utf-8")
    assert {row["label"] for row in rows} == set(LESIONS) == {"glioma", "meningioma", "pituitary"}
    assert [row["split"] for row in rows] == [
        "test" if row["group"].endswith("4") else "train" for row in rows
    ]
    assert len({row["case"] for row in rows}) == len(rows)
    files = {path.relative_to(root).as_posix() for path in root.rglob("*.png")}
    assert files == {row[column] for row in rows for column in ("image", "mask")}
    assert all("generated" in file for file in files)
    for group in {row["group"] for row in rows}:
        own = [row for row in rows if row["group"] == group]
        assert SLICES[0] <= len(own) <= SLICES[1]
        assert len({row["label"] for row in own}) == 1
        assert {row["case"].rpartition("_")[2] for row in own} == set(PLANES)
    for row in rows:
        with Image.open(root / row["image"]) as image, Image.open(root / row["mask"]) as mask:
            assert (image.mode, mask.mode) == ("L", "L")
            assert image.size == mask.size == (SIZE, SIZE)
            assert set(np.unique(np.asarray(mask))) == {0, 255}
            assert np.asarray(image).max() > 100


def test_same_seed_same_bytes_and_each_subject_on_its_own(root, template, tmp_path, monkeypatch):
    monkeypatch.setattr(cohort, "load_head_template", lambda: template)
    write_tumour_cohort(tmp_path / "again", train=1, test=1, seed=4)
    write_tumour_cohort(tmp_path / "other", train=1, test=0, seed=5)
    again = sorted(path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*.png"))
    assert len(again) >= 4 * SLICES[0]
    for name in again:
        assert (tmp_path / "again" / name).read_bytes() == (root / name).read_bytes()
    other = (tmp_path / "other" / rows_of(tmp_path / "other")[0]["image"]).read_bytes()
    assert all(other != (root / row["image"]).read_bytes() for row in rows_of(root))


def test_meningiomas_touch_the_dura_or_the_falx_with_a_broad_base(drawn):
    for head, lesion in drawn["meningioma"]:
        points, _, depth = inside(lesion, head)
        base = min(np.abs(depth + 0.5), np.abs(points[0]), key=np.median) < 1.5
        assert base.sum() > 0.5 * np.pi * (0.5 * lesion.radius_mm) ** 2  # in mm², of a layer of 3 mm
        assert depth.max() < 2


def test_gliomas_lie_inside_and_start_in_white_matter(drawn, template):
    for _, lesion in drawn["glioma"]:
        assert template.depth_at(lesion.centre[:, None])[0] < -5
        assert template.brain_at(lesion.centre[:, None])[0] > 0.7
    for head, lesion in drawn["glioma"]:
        assert inside(lesion, head)[2].max() < 0


def test_pituitary_tumours_lie_in_the_sella(drawn):
    for head, lesion in drawn["pituitary"]:
        points, _, _ = inside(lesion, head)
        middle = points.mean(axis=1)
        assert abs(middle[0]) < 4
        assert abs(middle[1] - SELLA[1]) < 6
        assert -36 < middle[2] < -14
        assert points[2].min() < -32
        assert points.shape[1] < 20_000  # a ball of 17 mm


def contrast(image, mask, width=5):
    """Median in the tumour over the median of what surrounds it inside the head."""
    around = ndimage.binary_dilation(mask, iterations=width) & ~ndimage.binary_dilation(mask, iterations=2)
    return np.median(image[mask]) / np.median(image[around & (image > 25)])


def test_texture_tells_the_kinds_apart(slices):
    uneven, core, brighter = {}, {}, {}
    for label, cuts in slices.items():
        cuts = [(image, mask) for image, mask in cuts if mask.sum() > 60]
        assert len(cuts) > SUBJECTS
        uneven[label] = np.median([image[mask].std() / image[mask].mean() for image, mask in cuts])
        ratios = []
        for image, mask in cuts:
            depth = ndimage.distance_transform_edt(mask)
            middle = depth > 0.6 * depth.max()
            shell = (depth > 1) & (depth < 0.4 * depth.max())
            if shell.any():
                ratios.append(np.median(image[middle]) / np.median(image[shell]))
        core[label] = np.median(ratios)
        brighter[label] = np.median([contrast(image, mask) for image, mask in cuts])
    assert uneven["glioma"] > 1.5 * max(uneven["meningioma"], uneven["pituitary"])
    assert core["glioma"] < 0.8 < 0.9 < min(core["meningioma"], core["pituitary"])
    assert min(brighter["meningioma"], brighter["pituitary"]) > 1.3


def test_subjects_differ_in_size_place_exposure_and_noise(slices):
    for cuts in slices.values():
        sizes = [mask.sum() for _, mask in cuts if mask.any()]
        assert max(sizes) > 4 * min(sizes)
        places = np.array([ndimage.center_of_mass(mask) for _, mask in cuts if mask.any()])
        assert places.std(axis=0).min() > 5
        assert np.ptp([np.median(image[image > 30]) for image, _ in cuts]) > 15
        noise = [image[:8].mean() for image, _ in cuts]
        assert max(noise) > 1.5 * min(noise)


def test_every_slice_cuts_the_tumour_in_one_piece(slices):
    for cuts in slices.values():
        for _, mask in cuts:
            assert mask.sum() > 15
            assert ndimage.label(mask)[1] == 1
            assert mask[1:-1, 1:-1].sum() == mask.sum()


def test_the_place_of_a_tumour_is_found_in_the_deformed_subject():
    for seed in range(3):
        space = Space(np.random.default_rng(seed))
        there = np.array([20.0, -35.0, 30.0])
        assert np.abs(space(space.place_of(there)[:, None])[:, 0] - there).max() < 0.01


@pytest.mark.parametrize(("train", "test"), [(0, 1), (2, -1)])
def test_too_few_subjects_are_refused(train, test, tmp_path):
    with pytest.raises(InputError, match=f"{train} training and {test} test subjects .* at least 1 and 0"):
        write_tumour_cohort(tmp_path / "new", train=train, test=test, seed=0)
    assert not (tmp_path / "new").exists()


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="is not empty; give another folder or remove it"):
        write_tumour_cohort(tmp_path, train=1, test=0, seed=0)
