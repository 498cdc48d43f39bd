"""The classes of the generated torso, with the names and values that TotalSegmentator's CT task gives them.

So predictions can be scored against references of that tool; what it has in parts is one class here and has
the value of a part: each lung that of its first lobe, the heart that of the heart, the spine that of the sacrum.
"""

SPLEEN, KIDNEY_RIGHT, KIDNEY_LEFT, LIVER = 1, 2, 3, 5
LUNG_LEFT, LUNG_RIGHT, TRACHEA = 10, 12, 16
URINARY_BLADDER, SPINE, HEART, AORTA = 21, 25, 51, 52
BODY = 118
"""The rest of the body; one past the last of TotalSegmentator's values, which has no such class."""

CLASSES = {
    "background": 0,
    "spleen": SPLEEN,
    "kidney_right": KIDNEY_RIGHT,
    "kidney_left": KIDNEY_LEFT,
    "liver": LIVER,
    "lung_left": LUNG_LEFT,
    "lung_right": LUNG_RIGHT,
    "trachea": TRACHEA,
    "urinary_bladder": URINARY_BLADDER,
    "spine": SPINE,
    "heart": HEART,
    "aorta": AORTA,
    "body": BODY,
}
ALWAYS = (
    "spleen",
    "kidney_right",
    "kidney_left",
    "liver",
    "lung_left",
    "lung_right",
    "spine",
    "aorta",
    "body",
)
"""Classes of which every subject shows at least a part; the others lie outside of some fields of view."""
