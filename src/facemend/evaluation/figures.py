"""The figures of the report: what each is called, which way is better, and how those of many cases become one."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """One figure of a case."""

    key: str  # in the records
    label: str
    digits: int
    better: Literal["high", "low", "one"]
    middle: Literal["mean", "median", "pooled"]  # a ratio to a nearly flat truth can be huge, and would rule a mean
    about: str


METRICS = (
    Metric("lpips", "LPIPS", 3, "low", "mean", "LPIPS 0.1, AlexNet, of the whole composited picture"),
    Metric("lpips_vgg", "LPIPS VGG", 3, "low", "mean", "LPIPS 0.1, VGG16, of the whole composited picture"),
    Metric("psnr", "PSNR", 2, "high", "mean", "in dB, of the whole composited picture"),
    Metric("ssim", "SSIM", 3, "high", "mean", "of the whole composited picture, 11x11 Gaussian windows"),
    Metric("l1", "L1", 4, "low", "mean", "mean absolute error of the whole composited picture; 1 = black for white"),
    Metric("identity", "identity", 3, "high", "mean", "1 - distance of dlib's face descriptors; above 0.4 = the same person"),
    Metric("layout", "layout IoU", 3, "high", "pooled", "parse of the result and of the truth, in the hole: mean IoU of parts"),
    Metric("detail", "detail", 2, "one", "median", "high-frequency energy in the hole, result / truth: below 1 = blurred"),
    Metric("seam", "seam", 2, "one", "median", "step across the hole's edge, result / truth: above 1 = a visible seam"),
    Metric("hole_lpips", "LPIPS, hole", 3, "low", "mean", "LPIPS 0.1, AlexNet, its map averaged over the hole"),
    Metric("hole_lpips_vgg", "LPIPS VGG, hole", 3, "low", "mean", "LPIPS 0.1, VGG16, its map averaged over the hole"),
    Metric("hole_psnr", "PSNR, hole", 2, "high", "mean", "in dB, of the hole's pixels alone"),
    Metric("hole_ssim", "SSIM, hole", 3, "high", "mean", "of windows whose middle lies in the hole"),
    Metric("hole_l1", "L1, hole", 4, "low", "mean", "mean absolute error of the hole's pixels alone"),
    Metric("own_layout", "own layout", 3, "high", "mean", "share of the hole whose part the method's own layout names rightly"),
)  # fmt: skip
BY_KEY = {metric.key: metric for metric in METRICS}
FEATURE_NETS = {"lpips": "AlexNet relu5, mean-pooled, 256", "lpips_vgg": "VGG16 relu5_3, mean-pooled, 512"}
