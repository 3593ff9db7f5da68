"""One frozen tree describes a run and is saved beside its weights. An unknown key is an error, never a silent default."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from facemend.errors import ConfigError
from facemend.face_classes import NUM_CLASSES

MaskFamily = Literal["strokes", "box", "half", "parts", "scratches", "dust", "text", "border", "mixed"]
Adversary = Literal["projected", "hinge-r1", "wgan-gp", "none"]
OptimizerName = Literal["adam", "muon"]
Phase = Literal["core", "head", "joint"]
Part = Literal[
    "layout stage", "soft layout", "layout modulation", "cnn branch", "vit branch", "contextual attention", "token validity"
]
Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
HoleArea = Annotated[float, Field(ge=0, le=0.9)]
Width = Annotated[int, Field(ge=1)]
Depth = Annotated[int, Field(ge=0)]


JUDGES_STRIDE = 8  # pixels a step of the frozen nets, which training cuts off what they see: see `training.objective.shaken`

# The smallest side that a net still makes 1, 2, ... maps of. AlexNet's first convolution covers 11 pixels, 4 of them padding,
# in steps of 4, and each of the two poolings behind it 3 pixels in steps of 2; VGG16's poolings halve.
MIN_SIDES = {"vgg16": (1, 2, 4, 8, 16), "alexnet": (7, 15, 31, 31, 31)}


class Config(BaseModel):
    """A frozen node of the tree; keys that are not declared are refused, and so are numbers that are not finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def parse(cls, values: object, origin: str) -> Self:
        """Check `values` against this node. Raises ConfigError, naming `origin` and each wrong key."""
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError(f"{origin}: {_complaints(error)}") from None


def _complaints(error: ValidationError) -> str:
    """Say what is wrong with each key, but not that a list is too short because a wrong entry was left out of it."""
    errors = error.errors()
    holders = {e["loc"][:depth] for e in errors for depth in range(len(e["loc"]))}
    wrong = [e for e in errors if e["type"] != "too_short" or e["loc"] not in holders]
    words = {"extra_forbidden": "no such key", "missing": "is missing"}
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'file'}: {words.get(e['type'], e['msg'])}" for e in wrong)


class ModelConfig(Config):
    """Widths and depths of `InpaintNet`. The three widths are those at 1/4, 1/8 and 1/16 of the core's view."""

    core_size: Annotated[int, Field(ge=64, multiple_of=16)] = 128
    num_classes: Annotated[int, Field(ge=2)] = NUM_CLASSES
    layout_widths: tuple[Width, Width, Width] = (64, 128, 176)
    texture_widths: tuple[Width, Width, Width] = (96, 160, 160)
    vit_width: Width = 192
    vit_depth: Depth = 2
    attention_head_width: Width = 32  # vit_width and the last of texture_widths are multiples of it
    latent_size: Width = 32
    head_width: Annotated[int, Field(ge=2)] = 64  # half of it at 1/2
    head_depth: Depth = 4
    without: tuple[Part, ...] = ()  # parts put out of action, to see what they are worth

    @model_validator(mode="after")
    def _check_widths(self) -> Self:
        if self.vit_width % self.attention_head_width or self.texture_widths[2] % self.attention_head_width:
            raise ValueError("vit_width and the last of texture_widths must be multiples of attention_head_width")
        if self.texture_widths[1] % 2:
            raise ValueError("the second of texture_widths must be even: contextual attention has two heads")
        return self


MODEL_PRESETS = {
    "default": ModelConfig(),
    "tiny": ModelConfig(
        core_size=64, layout_widths=(16, 24, 32), texture_widths=(16, 24, 32), vit_width=32, vit_depth=1,
        attention_head_width=16, latent_size=4, head_width=16, head_depth=1,
    ),
}  # fmt: skip


class SourceConfig(Config):
    """One data set: a folder or zip under the data root."""

    path: str
    weight: Weight = 1.0  # how often it is drawn, times its number of faces
    skip_last: Annotated[int, Field(ge=0)] = 0  # this many faces at the end of its index are held out of training
    phases: tuple[Phase, ...] = ("core", "head", "joint")
    max_size: int | None = None  # side above which its faces are not drawn: enlarged photos teach softness


class MaskConfig(Config):
    """How often each mask family is drawn, and between which areas: a uniform number between the two, to the power of 1.5."""

    families: dict[MaskFamily, Weight] = {
        "strokes": 4, "box": 1.5, "half": 0.5, "parts": 1.5, "scratches": 0.7, "dust": 0.3, "border": 0.5, "mixed": 1,
    }  # fmt: skip
    min_area: HoleArea = 0.01
    max_area: HoleArea = 0.9

    @model_validator(mode="after")
    def _check_draw(self) -> Self:
        if self.min_area > self.max_area:
            raise ValueError("min_area must not exceed max_area")
        if not sum(self.families.values()):
            raise ValueError("families: give one of them a weight")
        return self


class DataConfig(Config):
    """Which faces, how they are varied, and what is hidden of them."""

    sources: Annotated[tuple[SourceConfig, ...], Field(min_length=1)]
    size: Annotated[int, Field(ge=64, multiple_of=16)] = 256  # side of the training images, kept decoded as uint8
    masks: MaskConfig = MaskConfig()
    flip: Share = 0.5
    jitter: Share = 0.3  # share of faces that are turned, moved and scaled a little: not every photo is well aligned
    num_workers: Annotated[int, Field(ge=0)] = 0


class LossConfig(Config):
    """Weights of the losses, and which nets judge."""

    layout: Weight = 1.0
    dice: Weight = 0.5
    l1: Weight = 1.0
    l1_hole: Weight = 2.0
    perceptual: Weight = 1.5
    perceptual_net: Literal["vgg16", "alexnet"] = "vgg16"
    perceptual_maps: Annotated[int, Field(ge=1, le=5)] = 4  # fewer are cheaper
    core_perceptual_stride: Annotated[int, Field(ge=1)] = 2  # the core's picture is first made smaller by it
    components: Weight = 0.0  # perceptual distance and L1 of each hidden eye and mouth, seen near
    feature_matching: Weight = 0.5  # on what the texture critic reads
    adversarial: Weight = 0.1
    layout_adversarial: Weight = 0.02
    semantic: Weight = 0.0
    latent_kl: Weight = 0.01  # pulls the latent of a real face towards a standard normal
    adversary: Adversary = "projected"
    gradient_penalty: Weight = 10.0  # wgan-gp: Gulrajani et al. 2017, eq. 3; hinge-r1: Mescheder et al. 2018, eq. 9

    @model_validator(mode="after")
    def _check_components(self) -> Self:
        if self.components and not self.perceptual:
            raise ValueError("components are seen by the perceptual net: give perceptual a weight too")
        return self

    def judges(self) -> tuple[object, ...]:
        """What must stay the same through a run: which critics and frozen nets there are."""
        perceptual = (self.perceptual_net, self.perceptual_maps) if self.perceptual else None
        return self.adversary, perceptual, self.layout_adversarial > 0


class PhaseConfig(Config):
    """One stretch of training: `core` at the core's own size, `head` with the core frozen, `joint` with everything."""

    phase: Phase
    images: Annotated[int, Field(gt=0)]
    batch_size: Annotated[int, Field(gt=0)]
    sizes: tuple[Annotated[int, Field(ge=64, multiple_of=16)], ...] = ()  # taken in turn, batch by batch; else the data's size
    crop: Annotated[int, Field(ge=64, multiple_of=16)] | None = None  # `head`, `joint`: losses see a crop of this side
    learning_rate: Annotated[float, Field(gt=0)] = 4e-4
    final_learning_rate: Annotated[float, Field(ge=0)] = 4e-4  # reached linearly at the end of the phase
    adversary_after: Share = 0.0  # the adversary joins after this share of the phase
    loss: LossConfig | None = None  # replaces the run's in this phase; the nets that judge stay the same


class TrainConfig(Config):
    """Everything a run depends on."""

    model: ModelConfig = ModelConfig()
    data: DataConfig
    loss: LossConfig = LossConfig()
    phases: Annotated[tuple[PhaseConfig, ...], Field(min_length=1)]
    init_from: str | None = None  # a weights folder to start from
    optimizer: OptimizerName = "adam"  # of the network; its critics have Adam
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    warmup_images: Annotated[int, Field(ge=0)] = 500
    ema_half_life: Annotated[float, Field(gt=0)] = 1000.0  # in images
    bf16: bool | None = None  # whether steps are computed in bfloat16; None: where the device multiplies it itself
    max_grad_norm: Annotated[float, Field(gt=0)] = 1.0
    checkpoint_every: Annotated[int, Field(gt=0)] = 2000  # images
    sample_every: Annotated[int, Field(gt=0)] = 4000  # images
    log_every: Annotated[int, Field(gt=0)] = 200  # images

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        if self.model.num_classes < NUM_CLASSES:
            raise ValueError(f"model.num_classes must be {NUM_CLASSES} at least: the label maps have so many")
        for phase in self.phases:
            if phase.loss is not None and phase.loss.judges() != self.loss.judges():
                raise ValueError(f"the loss of phase '{phase.phase}' asks for other judging nets than the run's own loss")
            if phase.phase != "head":
                self._check_core_view(phase.loss or self.loss)
        return self

    def _check_core_view(self, loss: LossConfig) -> None:
        # The core's picture alone may be too small for the perceptual net: crops and sides are 64 at least.
        side = (self.model.core_size - JUDGES_STRIDE) // loss.core_perceptual_stride
        needed = MIN_SIDES[loss.perceptual_net][loss.perceptual_maps - 1]
        if loss.perceptual and side < needed:
            raise ValueError(
                f"perceptual_net {loss.perceptual_net!r} with perceptual_maps {loss.perceptual_maps} needs {needed} pixels: "
                f"core_size {self.model.core_size} with core_perceptual_stride {loss.core_perceptual_stride} leaves it {side}"
            )


def load_train_config(path: Path) -> TrainConfig:
    """Read a TOML recipe. Raises ConfigError for a missing file, bad TOML, an unknown key or a wrong value."""
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read as a TOML recipe: {error}") from None
    return TrainConfig.parse(values, str(path))
