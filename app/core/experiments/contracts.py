"""What is told of an experiment, and what is said of it."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from app.core.experiments.bayes import Chance
from app.core.experiments.effects import Bounds, Effect
from app.core.experiments.multiple import Mismatch
from app.core.experiments.samples import Metric


class Design(StrEnum):
    """When the experiment is decided: at any look, or once, at a size that was fixed before."""

    SEQUENTIAL = "sequential"
    FIXED = "fixed"


class Wanted(StrEnum):
    """Which values of the metric are better."""

    MORE = "more"
    LESS = "less"


class Verdict(StrEnum):
    """What a treatment is, compared with the control."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "undecided"


class WarningReason(StrEnum):
    """What speaks against trusting the numbers."""

    SAMPLE_RATIO_MISMATCH = "sample_ratio_mismatch"
    TOO_FEW_USERS = "too_few_users"
    TOO_FEW_CONVERSIONS = "too_few_conversions"
    NO_VARIATION = "no_variation"
    MIXED_USERS = "mixed_users"


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A variant, its share of the users (``weight``, of any sum), and what its users did."""

    name: str
    metric: Metric
    weight: float = 1.0


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """What is compared, and how it is decided.

    ``planned_users``: about how many there will be in two variants together when it ends; it has to be set
    before. ``mixed_users`` were seen in several variants and are in none of them. With fewer than
    ``least_users`` in a variant there is no winner.
    """

    control: Variant
    treatments: tuple[Variant, ...]
    wanted: Wanted = Wanted.MORE
    design: Design = Design.SEQUENTIAL
    alpha: float = 0.05
    planned_users: int = 10_000
    mixed_users: int = 0
    least_users: int = 100

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot be compared."""
        names = [variant.name for variant in self.variants]
        if not self.treatments or len(set(names)) < len(names):
            raise ValueError(f"variants {names}; expected a control and treatments, each with its own name")
        if len({type(variant.metric) for variant in self.variants}) > 1:
            raise ValueError("the variants have metrics of several kinds; give all of them the same")
        if min(variant.weight for variant in self.variants) <= 0:
            raise ValueError("a weight is not above 0; leave out variants that get no users")
        if not 0 < self.alpha < 1 or self.planned_users < 1:
            raise ValueError(
                f"alpha {self.alpha}, planned_users {self.planned_users}; expected 0 to 1, and 1 up"
            )

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The control and the treatments."""
        return (self.control, *self.treatments)


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A treatment against the control.

    ``effect`` is the test at a fixed size; ``always_valid_p_value`` and ``sequence`` hold at every look. The
    ``adjusted`` p-values are Holm's, over all treatments; the verdict goes by that of the design. Intervals
    are each for itself. ``chance``: among the two of them; None where nothing scatters.
    """

    effect: Effect
    adjusted_p_value: float
    always_valid_p_value: float
    adjusted_always_valid_p_value: float
    sequence: Bounds | None
    chance: Chance | None
    is_significant: bool
    verdict: Verdict


class VariantResult(msgspec.Struct, frozen=True, kw_only=True):
    """A variant: its value and interval, its ``chance`` among all, how it compares (None: the control)."""

    name: str
    users: int
    value: float
    interval: Bounds
    chance: Chance | None
    comparison: Comparison | None


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """All that is said of an experiment; ``variants`` begin with the control.

    ``winner``: of the treatments that are significantly better the one with the best value; the control if
    all are significantly worse; else, or with a warning other than ``mixed_users``, None.
    ``variance_reduction`` is that of CUPED, None without a covariate.
    """

    variants: tuple[VariantResult, ...]
    mismatch: Mismatch
    variance_reduction: float | None
    warnings: tuple[WarningReason, ...]
    winner: str | None
