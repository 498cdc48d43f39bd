"""Which files belong to which case: nothing is skipped silently."""

import pytest

from medse.errors import InputError
from medse.evaluate.cases import CaseFiles, find_cases, find_mask_names, read_case_list


def folder(path, *names):
    path.mkdir()
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).touch()
    return path


def found(references, predictions, only=None, missing="error"):
    cases = find_cases(references, predictions, only, missing=missing)
    return {files.case: (files.reference, files.prediction) for files in cases}


def test_pairs_by_case_whatever_the_suffix(tmp_path):
    references = folder(tmp_path / "r", "b.nii", "a.nii.gz")
    predictions = folder(tmp_path / "p", "b.nrrd", "a.NII", ".hidden.nii", "notes.txt", "old/a.nii")
    assert find_cases(references, predictions, None, missing="error") == [
        CaseFiles("a", references / "a.nii.gz", predictions / "a.NII"),
        CaseFiles("b", references / "b.nii", predictions / "b.nrrd"),
    ]


def test_patterns(tmp_path):
    references = folder(tmp_path / "r", "a b_seg.nii.gz", "a b.nii.gz", "ü_seg.nii.gz")
    predictions = folder(tmp_path / "p", "ü.mha", "a b.mha")
    assert found(references / "{case}_seg.nii.gz", predictions) == {
        "a b": (references / "a b_seg.nii.gz", predictions / "a b.mha"),
        "ü": (references / "ü_seg.nii.gz", predictions / "ü.mha"),
    }


def test_missing_predictions_are_named_and_counted(tmp_path):
    references = folder(tmp_path / "r", *(f"case{k}.nii" for k in range(9)))
    predictions = folder(tmp_path / "p", "case0.nii")
    with pytest.raises(InputError) as caught:
        found(references, predictions)
    message = str(caught.value)
    assert "8 of 9 references" in message
    assert "case1.nii, case2.nii, case3.nii, case4.nii, case5.nii and 3 more" in message
    assert str(predictions) in message
    worst = find_cases(references, predictions, None, missing="worst")
    assert [files.prediction for files in worst] == [predictions / "case0.nii", *[None] * 8]
    assert all(files.absent_masks_empty for files in worst)


@pytest.mark.parametrize("missing", ["error", "worst"])
def test_extra_predictions_are_named(tmp_path, missing):
    references, predictions = folder(tmp_path / "r", "a.nii"), folder(tmp_path / "p", "a.nii", "z.nii")
    with pytest.raises(InputError, match=r"1 prediction without a reference: z\.nii; remove"):
        found(references, predictions, missing=missing)
    (predictions / "a.nii").rename(predictions / "a_1.nii")
    with pytest.raises(InputError, match=r"a\.nii \(but 2 .*: a_1\.nii, z\.nii\)"):
        found(references, predictions, missing=missing)


def test_chosen_cases_need_no_others(tmp_path):
    references = folder(tmp_path / "r", "a.nii", "b.nii", "c.nii")
    predictions = folder(tmp_path / "p", "b.nii", "z.nii")
    assert list(found(references, predictions, ("b",))) == ["b"]
    assert list(found(references, predictions, ("c", "b"), "worst")) == ["b", "c"]
    with pytest.raises(InputError, match=r"p has no prediction of any of 1 references: a\.nii; "):
        found(references, predictions, ("a",), "worst")
    with pytest.raises(InputError, match=r"no prediction for 1 of 2 references: c\.nii"):
        found(references, predictions, ("b", "c"))
    with pytest.raises(InputError, match="no file for 2 of the chosen cases: y, z; correct"):
        found(references, predictions, ("b", "y", "z"), "worst")


def test_a_case_that_would_break_a_table_is_refused(tmp_path):
    both = folder(tmp_path / "x", "b\rc.nii")
    with pytest.raises(InputError, match=r"The case 'b\\rc' cannot stand in a table"):
        found(both, both)


def test_two_files_are_a_pair(tmp_path):
    both = folder(tmp_path / "x", "truth.nii.gz", "guess.nii")
    assert found(both / "truth.nii.gz", both / "guess.nii") == {
        "truth": (both / "truth.nii.gz", both / "guess.nii")
    }


def test_a_file_and_a_folder_are_refused(tmp_path):
    both = folder(tmp_path / "x", "truth.nii.gz")
    with pytest.raises(InputError, match=r"truth\.nii\.gz is a file and .*x is not; "):
        found(both, both / "truth.nii.gz")


def test_folders_of_masks(tmp_path):
    references = folder(
        tmp_path / "r",
        "s 1/ct.nii.gz",
        "s 1/segmentations/liver.nii.gz",
        "s2/liver.nii.gz",
        "s2/spleen.nii.gz",
        "notes/read me.txt",
        ".cache/x.nii",
    )
    predictions = folder(tmp_path / "p", "s2/liver.mha", "s 1/liver.nii.gz", "about.txt")
    assert found(references, predictions) == {
        "s 1": (references / "s 1/segmentations", predictions / "s 1"),
        "s2": (references / "s2", predictions / "s2"),
    }
    cases = find_cases(references, predictions, None, missing="error")
    assert find_mask_names(cases) == ("liver", "spleen")
    assert find_mask_names(cases[:1]) == ("liver",)


def test_a_folder_for_each_case(tmp_path):
    references = folder(tmp_path / "r", "c 1/seg.nii", "c 1/imaging.nii", "c2/seg.nii", "c3/imaging.nii")
    predictions = folder(tmp_path / "p", "c 1.nii", "c2.nii")
    expected = {case: (references / case / "seg.nii", predictions / f"{case}.nii") for case in ("c 1", "c2")}
    assert found(references / "{case}" / "seg.nii", predictions) == expected
    bids = folder(tmp_path / "b", "sub-c2/anat/sub-c2_dseg.nii", "sub-c2/anat/sub-c2_T1w.nii")
    assert found(bids / "sub-{case}/anat/sub-{case}_dseg.nii", predictions, ("c2",)) == {
        "c2": (bids / "sub-c2/anat/sub-c2_dseg.nii", predictions / "c2.nii")
    }
    with pytest.raises(InputError, match=r"no prediction for 1 of 2 references: c2; "):
        found(references / "{case}" / "seg.nii", folder(tmp_path / "q", "c 1.nii"))


def test_a_pattern_of_folders_of_masks(tmp_path):
    references = folder(
        tmp_path / "r", "s1/ct.nii", "s1/masks/liver.nii", "s2/masks/liver.nii", "s3/masks/x.txt"
    )
    predictions = folder(tmp_path / "p", "s1/liver.nii", "s2/liver.nii")
    assert found(references / "{case}" / "masks", predictions) == {
        case: (references / case / "masks", predictions / case) for case in ("s1", "s2")
    }
    with pytest.raises(InputError, match=r"No folder of masks fits .*/\{case\}/mask; "):
        found(references / "{case}" / "mask", predictions)


def test_pictures_beside_masks_are_no_classes(tmp_path):
    references = folder(tmp_path / "r", "all.png", "s1/liver.nii", "s1/preview_total.png", "s2/liver.nii")
    predictions = folder(
        tmp_path / "p", "s1/liver.nii", "s1/._liver.nii", "s2/liver.nii", "s2/statistics.json"
    )
    cases = find_cases(references, predictions, None, missing="error")
    assert [files.case for files in cases] == ["s1", "s2"]
    assert find_mask_names(cases) == ("liver",)
    drawn = folder(tmp_path / "d", "s1/skin.png", "s1/ink.png")  # where all are pictures they are the masks
    assert find_mask_names(find_cases(drawn, drawn, None, missing="error")) == ("ink", "skin")


def test_folders_named_as_volumes_hold_masks_all_the_same(tmp_path):
    references, predictions = folder(tmp_path / "r", "s.nii/a.nii"), folder(tmp_path / "p", "s.nii/a.nii")
    assert found(references, predictions) == {"s.nii": (references / "s.nii", predictions / "s.nii")}


def test_masks_are_paired_with_label_maps_by_case(tmp_path):
    references, predictions = folder(tmp_path / "r", "s1.nii"), folder(tmp_path / "p", "s1/liver.nii")
    assert found(references, predictions) == {"s1": (references / "s1.nii", predictions / "s1")}
    assert find_mask_names(find_cases(references, predictions, None, missing="error")) is None


def test_folders_of_masks_that_are_missing_or_extra(tmp_path):
    references = folder(tmp_path / "r", "s1/segmentations/liver.nii", "s2/segmentations/liver.nii")
    predictions = folder(tmp_path / "p", "s1/liver.nii", "s2/empty.txt")
    with pytest.raises(InputError, match=r"no prediction for 1 of 2 references: s2; "):
        found(references, predictions)
    assert found(references, predictions, missing="worst")["s2"] == (references / "s2/segmentations", None)
    with pytest.raises(InputError, match=r"1 prediction without a reference: s3; "):
        found(references, folder(tmp_path / "q", "s1/a.nii", "s2/a.nii", "s3/a.nii"))


@pytest.mark.parametrize(
    ("names", "said"),
    [((), "holds no volume"), (("s1/notes.txt",), "holds no volume"), (None, "is not a folder")],
)
def test_nothing_to_score(tmp_path, names, said):
    references = tmp_path / "r"
    if names is not None:
        folder(references, *names)
    predictions = folder(tmp_path / "p", "a.nii")
    with pytest.raises(InputError, match=rf"r {said}; "):
        found(references, predictions, missing="worst")


def test_ids_and_groups(tmp_path):
    path = tmp_path / "cases.txt"
    path.write_text("\nb\n  a \r\n\nc d\tpatient 1\nü\t\n", encoding="utf-8-sig")
    assert read_case_list(path) == {"b": "b", "a": "a", "c d": "patient 1", "ü": "ü"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a\nb\na\n", r"names 1 case more than once: a; keep"),
        (b"\n \n", "names no case; write"),
        (b"a\n\tpatient 1\n", "a group without a case; write"),
        (b"a\tpatient\tsite\n", "more than two columns"),
        (b"\xff\xfea", "one case id per line"),
        (None, "one case id per line"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path, content, said):
    path = tmp_path / "cases.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=rf"cases\.txt.*{said}"):
        read_case_list(path)


def test_an_id_that_cannot_name_a_file_is_refused(tmp_path):
    for side in ("r", "p"):
        (tmp_path / side).mkdir()
        (tmp_path / side / "x_...nii").touch()
    with pytest.raises(InputError, match=r"r/x_\.\.\.nii has .* id '\.\.', which cannot name a file"):
        find_cases(tmp_path / "r" / "x_{case}.nii", tmp_path / "p" / "x_{case}.nii", None, missing="error")


def test_predictions_named_as_images_of_nnunet_are_told_so(tmp_path):
    references, predictions = (
        folder(tmp_path / "r", "a.nii", "b.nii"),
        folder(tmp_path / "p", "a_0000.nii", "b.nii"),
    )
    for missing in ("error", "worst"):
        with pytest.raises(
            InputError, match=r"1 prediction named as .*nnU-Net: a_0000\.nii; .*without _0000"
        ):
            find_cases(references, predictions, None, missing=missing)
