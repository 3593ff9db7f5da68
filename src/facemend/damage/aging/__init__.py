"""Draws the damage of old prints and films onto a clean photo, with its truth: to train and to measure `find_damage`.

Needs no torch. Every length is in units of 1/512 of the photo's short side, times `scale`.
"""

from facemend.damage.aging.aged_photo import KINDS, VISIBLE, AgedPhoto, DamageKind, age_photo

__all__ = ["KINDS", "VISIBLE", "AgedPhoto", "DamageKind", "age_photo"]
