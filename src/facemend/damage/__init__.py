"""Scratches, tears, creases, dust: found by a small net (`finding`), drawn with their truth to train and measure it (`aging`)."""

from facemend.damage.finding import check_strictness, choose_damage, find_damage, judge_damage, mark_damage

__all__ = ["check_strictness", "choose_damage", "find_damage", "judge_damage", "mark_damage"]
