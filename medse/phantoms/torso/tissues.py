"""What a torso shows: its classes, with the values of TotalSegmentator, and the HU of one subject's tissues.

The names and values of the classes are those of TotalSegmentator's CT task, so predictions can be scored against
references of that tool; what it has in parts is one class here and has the value of a part: each lung that of its
first lobe, the heart that of the heart, the spine that of the sacrum.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tissues:
    """HU, each the mean of its tissue; see :func:`draw_tissues`."""

    fat: float
    muscle: float
    marrow: float
    cortex: float
    lung: float
    blood: float
    veins: float
    heart_muscle: float
    liver: float
    spleen: float
    kidney: float
    kidney_cortex: float
    urine: float
    bowel: float


PLAIN_SHARE = 0.4
"""Share of scans without contrast medium."""


def draw_tissues(random: np.random.Generator) -> Tissues:
    """Draw the HU of a subject: native, or some time after contrast medium was given."""
    dose = 0.0 if random.random() < PLAIN_SHARE else random.uniform(0.5, 1.1)
    late = random.uniform(0, 1)  # 0 is arterial, 1 portal venous
    return Tissues(
        fat=random.uniform(-112, -92),
        muscle=random.uniform(42, 58) + 8 * dose,
        marrow=random.uniform(120, 240),
        cortex=random.uniform(380, 600),
        lung=random.uniform(-870, -760),
        blood=random.uniform(36, 48) + dose * (270 - 150 * late),
        veins=random.uniform(36, 48) + dose * (40 + 90 * late),
        heart_muscle=random.uniform(36, 46) + 60 * dose,
        liver=random.uniform(38, 62) + dose * (15 + 45 * late),
        spleen=random.uniform(38, 50) + dose * (70 + 10 * late),
        kidney=random.uniform(20, 34) + dose * (50 + 90 * late),
        kidney_cortex=random.uniform(24, 36) + dose * (150 + 10 * late),
        urine=random.uniform(0, 14),
        bowel=random.uniform(20, 38) + 20 * dose,
    )


BODY = 118
"""The rest of the body; one past the last of TotalSegmentator's values, which has no such class."""
CLASSES = {
    "background": 0, "spleen": 1, "kidney_right": 2, "kidney_left": 3, "liver": 5, "lung_left": 10, "lung_right": 12,
    "trachea": 16, "urinary_bladder": 21, "spine": 25, "heart": 51, "aorta": 52, "body": BODY,
}  # fmt: skip
