"""The generated cohort: its layout, its geometry, and that its subjects are brains and not copies."""

import json

import nibabel as nib
import numpy as np
import pytest
from nilearn.datasets import load_mni152_brain_mask, load_mni152_template
from scipy import ndimage

from medse.data.readers.msd import read_msd
from medse.errors import InputError
from medse.phantoms import brain_cohort
from medse.phantoms.brain_cohort import (
    CLASSES,
    SMALLEST,
    draw_deformation,
    generate_subject,
    label_map,
    load_template,
    write_brain_cohort,
)
from medse.volumes.grid import check_same_grid
from medse.volumes.reading import read_grid, read_image, read_label_map


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("cohort") / "brains"
    write_brain_cohort(root, train=2, test=1, seed=4)
    return root


@pytest.fixture(scope="module")
def template():
    return load_template()


@pytest.fixture(scope="module")
def subjects(template):
    return [generate_subject(template, np.random.default_rng(seed)) for seed in range(3)]


def files(root):
    return sorted(root.glob("images*/*.nii.gz"))


def label_of(image):
    return image.parents[1] / image.parent.name.replace("images", "labels") / image.name


def test_layout_is_that_of_the_decathlon_and_says_what_it_is(root):
    names = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
    train = [f"Tr/subject_0{n}.nii.gz" for n in (1, 2)]
    held_out = ["Ts/subject_03.nii.gz", "Ts/template.nii.gz"]
    assert names == {f"{kind}{name}" for kind in ("images", "labels") for name in train + held_out} | {
        "dataset.json"
    }
    content = json.loads((root / "dataset.json").read_text(encoding="utf-8"))
    assert "GENERATED" in content["description"]
    assert "no real patients" in content["description"]
    assert (content["numTraining"], content["numTest"]) == (2, 2)
    assert content["test"] == [f"images{name}" for name in held_out]
    dataset = read_msd(root)
    assert [case.id for case in dataset.cases] == ["subject_01", "subject_02"]
    assert dataset.channels == ("MRI T1",)
    assert dataset.labels.names == CLASSES[1:]
    assert dataset.labels.values == (1, 2, 3)


def test_files_lie_on_one_2_mm_ras_grid_with_a_margin(root):
    for path in files(root):
        image, label = nib.load(path), nib.load(label_of(path))
        check_same_grid(read_grid(path), read_grid(label_of(path)))
        assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
        assert image.header.get_zooms() == (2.0, 2.0, 2.0)
        assert image.get_data_dtype() == np.int16
        assert label.get_data_dtype() == np.uint8
        values = np.asarray(image.dataobj)
        assert values.min() == 0
        inside = np.argwhere(values > 0)
        assert (inside.min(axis=0) >= 3).all()
        assert (inside.max(axis=0) < np.array(values.shape) - 3).all()
        assert not np.asarray(label.dataobj)[values == 0].any()


def test_the_template_lies_where_nilearn_has_it(root):
    image, grid = read_image(root / "imagesTs" / "template.nii.gz")
    original = load_mni152_template(resolution=2)
    brain = load_mni152_brain_mask(resolution=2).get_fdata() > 0.5
    start = np.rint(np.linalg.inv(original.affine) @ grid.affine[:, 3])[:3].astype(int)
    voxels = np.argwhere(brain)
    expected = np.rint(1000 * original.get_fdata()[brain])
    assert np.abs(image[0][tuple((voxels - start).T)] - expected).max() <= 1
    assert np.count_nonzero(image) == np.count_nonzero(expected)


def test_same_seed_same_voxels_and_each_subject_on_its_own(root, template, tmp_path, monkeypatch):
    monkeypatch.setattr(brain_cohort, "load_template", lambda: template)  # loading takes longest
    write_brain_cohort(tmp_path / "again", train=1, test=1, seed=4)
    write_brain_cohort(tmp_path / "other", train=1, test=0, seed=5)
    for kind, read in (("images", read_image), ("labels", read_label_map)):
        first = read(root / f"{kind}Tr" / "subject_01.nii.gz")[0]
        second = read(root / f"{kind}Tr" / "subject_02.nii.gz")[0]
        assert np.array_equal(first, read(tmp_path / "again" / f"{kind}Tr" / "subject_01.nii.gz")[0])
        assert np.array_equal(second, read(tmp_path / "again" / f"{kind}Ts" / "subject_02.nii.gz")[0])
        assert not np.array_equal(first, read(tmp_path / "other" / f"{kind}Tr" / "subject_01.nii.gz")[0])


def test_deformations_fold_nothing_and_heads_differ_in_size_and_pose(template):
    brain = template.tissues.sum(axis=0) > 0.5
    voxels = np.argwhere(brain)
    sizes, angles = [], []
    for seed in range(4):
        where = draw_deformation(template, np.random.default_rng(seed))
        jacobian = np.stack([np.stack(np.gradient(axis)) for axis in where])  # (3, 3, X, Y, Z)
        volume = np.linalg.det(np.moveaxis(jacobian, (0, 1), (-2, -1)))
        assert volume.min() > 0.1
        assert volume[brain].std() > 0.1
        moved_mm = 2 * np.linalg.norm(where[:, brain].T - voxels, axis=1)
        assert 3 < moved_mm.mean() < 15
        best = np.linalg.lstsq(np.c_[voxels, np.ones(len(voxels))], where[:, brain].T, rcond=None)[0][:3].T
        left, stretch, right = np.linalg.svd(best)
        sizes.append(np.prod(stretch) ** (1 / 3))
        angles.append(np.rad2deg(np.arccos((np.trace(left @ right) - 1) / 2)))
    assert max(sizes) > 1.05 * min(sizes)
    assert 4 < max(angles) < 15


def test_knowing_the_template_does_not_solve_the_task(template, subjects):
    copied = label_map(template.tissues)
    dice = [
        [
            2 * np.sum((copied == k) & (label == k)) / (np.sum(copied == k) + np.sum(label == k))
            for k in (1, 2, 3)
        ]
        for _, label in subjects
    ]
    assert np.mean(dice) < 0.6
    assert np.max(dice) < 0.8


def test_tissues_have_the_volumes_and_contrast_of_a_brain(template, subjects):
    ranges_ml = {1: (40, 250), 2: (600, 1400), 3: (350, 900)}
    for image, label in [(template.t1, label_map(template.tissues)), *subjects]:
        for tissue, (low, high) in ranges_ml.items():
            assert low < np.count_nonzero(label == tissue) * 8 / 1000 < high
        csf, grey, white = (float(np.median(image[label == k])) for k in (1, 2, 3))
        assert csf < 0.85 * grey < 0.85 * 0.95 * white
        assert not any(np.take(label, edge, axis=axis).any() for axis in range(3) for edge in (0, -1))


def test_label_maps_have_no_specks_and_one_cortex(template, subjects):
    for label in [label_map(template.tissues), *[label for _, label in subjects]]:
        for tissue in (1, 2, 3):
            pieces, _ = ndimage.label(label == tissue, structure=np.ones((3, 3, 3)))
            sizes = np.bincount(pieces.ravel())[1:]
            assert sizes[sizes < SMALLEST].sum() <= 0.001 * sizes.sum()
            if tissue > 1:
                assert sizes.max() > 0.97 * sizes.sum()


def test_ventricles_are_csf(template):
    label = label_map(template.tissues)
    to_voxel = np.linalg.inv(template.affine)
    for x_mm in (-4, 4):  # lateral ventricles in MNI space, in front of the foramen of Monro
        i, j, k = np.rint(to_voxel @ [x_mm, 10, 12, 1])[:3].astype(int)
        assert (label[i - 1 : i + 2, j, k - 1 : k + 2] == 1).all()


def test_image_and_label_are_bent_alike(template, subjects):
    for image, label in subjects:
        values = image[label > 0]
        between = sum(np.sum(label == k) * (image[label == k].mean() - values.mean()) ** 2 for k in (1, 2, 3))
        explained = between / np.sum((values - values.mean()) ** 2)
        shifted = np.roll(label, 3, axis=0)
        inside = (shifted > 0) & (image > 0)
        apart = sum(
            np.sum(inside & (shifted == k))
            * (image[inside & (shifted == k)].mean() - image[inside].mean()) ** 2
            for k in (1, 2, 3)
        )
        assert explained > 0.5
        assert explained > 2 * apart / np.sum((image[inside] - image[inside].mean()) ** 2)


def octant_ratio(image, label):
    """Brightest over darkest median of white matter in the eight octants of a brain."""
    middle = [int(axis.mean()) for axis in np.nonzero(label)]
    medians = []
    for octant in np.ndindex(2, 2, 2):
        part = tuple(slice(None, m) if low else slice(m, None) for low, m in zip(octant, middle, strict=True))
        medians.append(np.median(image[part][label[part] == 3]))
    return max(medians) / min(medians)


def test_subjects_differ_in_contrast_bias_and_noise(template, subjects):
    brightness = [np.median(image[label == 3]) for image, label in subjects]
    assert max(brightness) > 1.3 * min(brightness)
    ratio = [np.median(image[label == 2]) / np.median(image[label == 3]) for image, label in subjects]
    assert max(ratio) - min(ratio) > 0.02
    flat = octant_ratio(template.t1, label_map(template.tissues))
    assert max(octant_ratio(*subject) for subject in subjects) > flat + 0.08
    noise = []
    for image, label in subjects:
        deep = ndimage.binary_erosion(label == 3, iterations=2)
        residual = image - ndimage.gaussian_filter(image, 1)
        noise.append(residual[deep].std() / np.median(image[deep]))
    assert max(noise) > 1.5 * min(noise)


@pytest.mark.parametrize(("train", "test"), [(0, 1), (2, -1)])
def test_too_few_subjects_are_refused(train, test, tmp_path):
    with pytest.raises(InputError) as error:
        write_brain_cohort(tmp_path / "new", train=train, test=test, seed=0)
    assert f"{train} training and {test} test subjects" in str(error.value)
    assert "at least 1 and 0" in str(error.value)
    assert not (tmp_path / "new").exists()


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match="is not empty; give another folder or remove it"):
        write_brain_cohort(tmp_path, train=1, test=0, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
