"""The generated torsos: exact labels, CT values, anatomy on its right side, and subjects that differ."""

import json

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from medse.data.readers.msd import read_msd
from medse.labels.laterality import misplaced, pairs
from medse.phantoms.torso.cohort import SMALLEST, generate_torso, write_torso_cohort
from medse.phantoms.torso.shapes import Canvas, ellipsoid, tube
from medse.phantoms.torso.space import draw_space
from medse.phantoms.torso.tissues import CLASSES
from medse.volumes.grid import check_same_grid
from medse.volumes.reading import read_grid

VOXEL_ML = 0.064
CUT_BY_VIEW = {"trachea", "urinary_bladder", "heart"}
SUBJECTS = 6


@pytest.fixture(scope="module")
def subjects():
    return [generate_torso(np.random.default_rng((3, number))) for number in range(SUBJECTS)]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("cohort") / "torsos"
    write_torso_cohort(root, train=2, test=1, seed=3)
    return root


def masks(label):
    return {name: label == value for name, value in CLASSES.items() if (label == value).any()}


def test_layout_is_that_of_the_decathlon_and_says_what_it_is(root, subjects):
    content = json.loads((root / "dataset.json").read_text(encoding="utf-8"))
    assert "GENERATED" in content["description"]
    assert "no real patients" in content["description"]
    assert content["test"] == ["imagesTs/subject_03.nii.gz"]
    dataset = read_msd(root)
    assert [case.id for case in dataset.cases] == ["subject_01", "subject_02"]
    assert dict(zip(dataset.labels.names, dataset.labels.values, strict=True)) | {"background": 0} == CLASSES
    for number, name in enumerate(("Tr/subject_01", "Tr/subject_02", "Ts/subject_03")):
        image, label = (root / f"{kind}{name}.nii.gz" for kind in ("images", "labels"))
        check_same_grid(read_grid(image), read_grid(label))
        scan, map_ = nib.load(image), nib.load(label)
        assert nib.aff2axcodes(scan.affine) == ("R", "A", "S")
        assert scan.header.get_zooms() == (4.0, 4.0, 4.0)
        assert (scan.get_data_dtype(), map_.get_data_dtype()) == (np.int16, np.uint8)
        # subject n depends on the seed and n alone
        assert np.array_equal(np.asarray(scan.dataobj), np.rint(subjects[number][0]))
        assert np.array_equal(np.asarray(map_.dataobj), subjects[number][1])


def test_values_are_those_of_totalsegmentator():
    """From its list of classes, version 2: a lung has the value of its first lobe, the spine of the sacrum."""
    organs = {"spleen": 1, "kidney_right": 2, "kidney_left": 3, "liver": 5, "lung_left": 10, "lung_right": 12}
    others = {"trachea": 16, "urinary_bladder": 21, "spine": 25, "heart": 51, "aorta": 52, "body": 117 + 1}
    assert {"background": 0} | organs | others == CLASSES


def test_the_part_of_the_trunk_that_is_shown_decides_which_classes_there_are(subjects):
    missing = [CLASSES.keys() - masks(label).keys() for _, label in subjects]
    assert all(gone <= CUT_BY_VIEW for gone in missing)
    assert all(sum(name not in gone for gone in missing) >= 2 for name in CUT_BY_VIEW)
    assert len({label.shape[2] for _, label in subjects}) > 3


def test_organs_lie_where_they_belong(subjects):
    names = list(CLASSES)
    assert len(pairs(names)) == 2
    for _, label in subjects:
        x, y, z = (
            {name: np.argwhere(mask).mean(axis=0)[axis] for name, mask in masks(label).items()}
            for axis in range(3)
        )
        assert not misplaced(names, np.array([x.get(name, np.nan) for name in names]))
        assert x["spleen"] < x["aorta"] < x["liver"]
        assert x["spleen"] < x["spine"] < x["liver"]
        assert y["spine"] < y["liver"]
        assert z["kidney_right"] < z["liver"] < min(z["lung_left"], z["lung_right"])
        if "heart" in x:
            assert x["heart"] < x["spine"]
            assert z["liver"] < z["heart"]
        if "urinary_bladder" in z:
            assert z["urinary_bladder"] < min(z["kidney_left"], z["kidney_right"])
        if "trachea" in z:
            assert z["trachea"] > z["liver"]


HU = {
    "background": (-1000, -900),
    "spleen": (20, 145),
    "kidney_right": (10, 190),
    "kidney_left": (10, 190),
    "liver": (30, 140),
    "urinary_bladder": (-10, 25),
    "spine": (120, 380),
    "heart": (25, 270),
    "aorta": (20, 330),
    "body": (-110, 60),
    "trachea": (-1000, -600),
}


def test_tissues_have_the_values_of_ct(subjects):
    for image, label in subjects:
        for name, (low, high) in HU.items():
            inside = image[label == CLASSES[name]]
            if len(inside) > 100:
                assert low < np.median(inside) < high, name
        for lung in ("lung_left", "lung_right"):
            assert image[label == CLASSES[lung]].mean() < -500
            if (label == CLASSES[lung]).sum() > 10_000:
                assert -900 < np.median(image[label == CLASSES[lung]]) < -700
        noise = np.diff(image[:5, -5:], axis=0).std()
        assert 4 < noise < 40
        assert image.min() >= -1024
        assert image.max() <= 3071


def test_what_lies_beside_an_organ_has_other_values(subjects):
    """No tissue is painted beyond its label: fat, most of all, surrounds an organ."""
    for image, label in subjects:
        for name in ("heart", "urinary_bladder", "liver", "spleen", "kidney_left", "kidney_right", "aorta"):
            organ = label == CLASSES[name]
            beside = ndimage.binary_dilation(organ) & (label == CLASSES["body"])
            if organ.sum() > 100:
                assert np.median(image[beside]) < np.median(image[organ]) - 50, name


def test_image_and_label_have_the_same_edges(subjects):
    """The image, shifted against the label, fits lungs and body worse than where it is."""
    for image, label in subjects:
        for inside in (np.isin(label, [CLASSES["lung_left"], CLASSES["lung_right"]]), label > 0):
            clear = np.where(inside, -1, 1) * (1 if inside.sum() < 0.5 * (label > 0).sum() else -1)
            fit = {
                (axis, step): np.mean(np.roll(image, step, axis) * clear)
                for axis in range(3)
                for step in (-1, 0, 1)
            }
            for axis in range(3):
                assert fit[axis, 0] > max(fit[axis, -1], fit[axis, 1])
                rise = [fit[axis, 0] - fit[axis, step] for step in (-1, 1)]
                assert min(rise) > 0.5 * max(rise)  # not even half a voxel aside


def test_organs_are_in_one_piece_inside_the_body(subjects):
    whole = np.ones((3, 3, 3))
    for _, label in subjects:
        for name, mask in masks(label).items():
            pieces, _ = ndimage.label(mask, structure=whole)
            sizes = np.sort(np.bincount(pieces.ravel())[1:])[::-1]
            if name not in ("background", "body"):
                assert sizes.min() >= SMALLEST
                ends = np.unique(pieces[:, :, [0, -1]])
                cut_off = sum(number > 0 for number in ends)  # the end of the scan may cut a piece off
                assert len(sizes) <= max(1, cut_off), name
        patient = label > 0
        pieces, _ = ndimage.label(patient, structure=whole)
        assert np.bincount(pieces.ravel())[1:].max() > 0.999 * patient.sum()
        inner = ndimage.binary_erosion(patient, iterations=1, border_value=1)
        assert not ((label > 0) & (label != CLASSES["body"]) & ~inner).any()  # skin around every organ
        for plane in np.moveaxis(patient, 2, 0):
            assert ndimage.binary_fill_holes(plane).sum() == plane.sum()


VOLUMES_ML = {"liver": (600, 2800), "spleen": (50, 450), "kidney_left": (60, 320), "kidney_right": (60, 320)}


def test_no_two_subjects_are_alike(subjects):
    volumes = {
        name: [(label == CLASSES[name]).sum() * VOXEL_ML for _, label in subjects] for name in VOLUMES_ML
    }
    for name, (low, high) in VOLUMES_ML.items():
        assert low < min(volumes[name]) <= max(volumes[name]) < high
        assert max(volumes[name]) > 1.3 * min(volumes[name])
    livers = [np.median(image[label == CLASSES["liver"]]) for image, label in subjects]
    assert max(livers) - min(livers) > 25
    ends = [label[:, :, :60] for _, label in subjects]
    for number, first in enumerate(ends):
        for second in ends[:number]:
            organs = (first > 0) & (first != CLASSES["body"]), (second > 0) & (second != CLASSES["body"])
            agree = 2 * np.sum(organs[0] & (first == second)) / sum(map(np.sum, organs))
            assert agree < 0.75


def test_the_space_is_not_folded():
    for seed in range(3):
        where = draw_space(np.random.default_rng(seed))
        jacobian = np.stack([np.stack(np.gradient(axis)) for axis in where])  # (3, 3, X, Y, Z)
        volume = np.linalg.det(np.moveaxis(jacobian, (0, 1), (-2, -1)))
        assert 0.2 * 64 < volume.min() < 0.9 * np.median(volume) < 1.5 * 64


@pytest.mark.parametrize(
    ("shape", "volume"),
    [
        (ellipsoid((3.3, 1.4, -2.6), (20, 12, 15)), 4 / 3 * np.pi * 20 * 12 * 15),
        (ellipsoid((0.3, 0.6, 0.4), (20, 12, 15)).grown(3), 4 / 3 * np.pi * 23 * 15 * 18),
        (tube([(0.7, 0.3, -60), (0.7, 0.3, 60)], 9), np.pi * 81 * 80),
    ],
)
def test_painted_shapes_have_their_volume_in_label_and_image(shape, volume):
    """An independent count: the part of the tube in a box of 80 mm, ellipsoids whole."""
    middle = np.indices((40, 40, 40)).astype(np.float32) * 2 - 39
    canvas = Canvas(middle, 2.0)
    canvas.paint(shape, 100.0, 7)
    assert (canvas.label == 7).sum() * 8 == pytest.approx(volume, rel=0.02)
    assert ((canvas.hu + 1000) / 1100).sum() * 8 == pytest.approx(volume, rel=0.02)
    centre = np.argwhere(canvas.volume(canvas.label) == 7).mean(axis=0) * 2 - 39
    assert np.allclose(centre, shape.box.mean(axis=0), atol=0.3)
