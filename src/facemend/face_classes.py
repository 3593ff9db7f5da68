"""The parts of a person that a layout tells apart, CelebAMask-HQ's. Apart from `config`, whose checks take time to load."""

NUM_CLASSES = 19
CLASS_NAMES = (
    "background", "skin", "nose", "glasses", "left eye", "right eye", "left brow", "right brow", "left ear", "right ear",
    "mouth", "upper lip", "lower lip", "hair", "hat", "earring", "necklace", "neck", "cloth",
)  # fmt: skip
BACKGROUND, HAIR, NECK, CLOTH = (CLASS_NAMES.index(name) for name in ("background", "hair", "neck", "cloth"))
FACE_CLASSES = (*range(CLASS_NAMES.index("skin"), HAIR), CLASS_NAMES.index("earring"))
FLIPPED_CLASSES = ((4, 5), (6, 7), (8, 9))  # a mirrored face swaps its left and right eye, brow and ear
