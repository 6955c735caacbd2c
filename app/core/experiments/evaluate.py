"""Counts and sums of the variants of an experiment -> what can be said of each, and which to choose."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from app.core.experiments import bayes, cuped, sequential
from app.core.experiments.bayes import Chance
from app.core.experiments.contracts import (
    Comparison,
    Design,
    Evaluation,
    Experiment,
    VariantResult,
    Verdict,
    Wanted,
    WarningReason,
)
from app.core.experiments.effects import (
    Bounds,
    Effect,
    mean_interval,
    normal_interval,
    proportions_test,
    welch_test,
    wilson,
    z_test,
)
from app.core.experiments.multiple import Mismatch, holm, sample_ratio
from app.core.experiments.samples import Amounts, Conversions, Metric, Sample

#: Users seen in several variants, in parts of all, above which what they do may hide a difference.
_MIXED_ABOVE = 0.01
#: Conversions, and users without one, below which a rate is far from normal.
_LEAST_CONVERSIONS = 10


#: With these, no winner is named: the comparison itself is broken, or rests on too little.
_BLOCKING = frozenset(WarningReason) - {WarningReason.MIXED_USERS}


class _Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A treatment's comparison before the number of treatments is taken into account."""

    effect: Effect
    always_valid_p_value: float
    sequence: Bounds | None
    chance: Chance | None


def evaluate(experiment: Experiment) -> Evaluation:
    """The whole result of an experiment."""
    variants = experiment.variants
    reduced = cuped.adjusted([one.metric for one in variants if isinstance(one.metric, Amounts)])
    samples = reduced.samples if reduced else tuple(one.metric.sample for one in variants)
    pairs = [_pair(experiment, index, samples) for index in range(1, len(variants))]
    comparisons = [None, *_comparisons(experiment, pairs)]
    among_all = _chances(experiment, range(len(variants)), samples)
    results = tuple(
        VariantResult(
            name=variant.name,
            users=sample.users,
            value=sample.value,
            interval=_interval(variant.metric, sample, alpha=experiment.alpha),
            chance=chance,
            comparison=comparison,
        )
        for variant, sample, chance, comparison in zip(variants, samples, among_all, comparisons, strict=True)
    )
    users = [sample.users for sample in samples]
    mismatch = sample_ratio(users, [variant.weight for variant in variants])
    warnings = _warnings(experiment, samples, mismatch)
    return Evaluation(
        variants=results,
        mismatch=mismatch,
        variance_reduction=reduced.variance_reduction if reduced else None,
        warnings=warnings,
        winner=None if _BLOCKING.intersection(warnings) else _winner(experiment, results),
    )


def _pair(experiment: Experiment, index: int, samples: Sequence[Sample]) -> _Pair:
    """A treatment against the control: at a fixed size, at any look, and as a chance."""
    control, treatment = samples[0], samples[index]
    of, against = experiment.control.metric, experiment.variants[index].metric
    effect = _effect(of, against, control, treatment, alpha=experiment.alpha)
    error = math.sqrt(control.error_squared + treatment.error_squared)
    users = control.users + treatment.users
    rate = sequential.mixing_rate(experiment.planned_users, alpha=experiment.alpha)
    half = sequential.critical_z(users=users, rate=rate, alpha=experiment.alpha) * error if error else None
    z = effect.difference / error if error else 0.0
    return _Pair(
        effect=effect,
        always_valid_p_value=sequential.always_valid_p_value(z, users=users, rate=rate),
        sequence=None if half is None else Bounds(effect.difference - half, effect.difference + half),
        chance=_chances(experiment, (0, index), samples)[1],
    )


def _effect(of: Metric, against: Metric, control: Sample, treatment: Sample, *, alpha: float) -> Effect:
    match of, against:
        case Conversions(), Conversions():
            return proportions_test(of, against, alpha=alpha)
        case Amounts(), Amounts():
            return welch_test(control, treatment, alpha=alpha)
        case _:
            return z_test(control, treatment, alpha=alpha)


def _interval(metric: Metric, sample: Sample, *, alpha: float) -> Bounds:
    match metric:
        case Conversions():
            return wilson(metric, alpha=alpha)
        case Amounts():
            return mean_interval(sample, alpha=alpha)
        case _:
            return normal_interval(sample, alpha=alpha)


def _chances(
    experiment: Experiment, indexes: Sequence[int], samples: Sequence[Sample]
) -> Sequence[Chance | None]:
    """The chances of some variants among themselves; None for all where one of them does not scatter."""
    posteriors = []
    for index in indexes:
        metric = experiment.variants[index].metric
        posterior = (
            bayes.of_rate(metric) if isinstance(metric, Conversions) else bayes.of_mean(samples[index])
        )
        if posterior is None:
            return [None] * len(indexes)
        less = experiment.wanted is Wanted.LESS
        posteriors.append(bayes.where_less_is_better(posterior) if less else posterior)
    return bayes.chances(posteriors)


def _comparisons(experiment: Experiment, pairs: Sequence[_Pair]) -> list[Comparison]:
    fixed = holm([pair.effect.p_value for pair in pairs])
    at_any_look = holm([pair.always_valid_p_value for pair in pairs])
    deciding = fixed if experiment.design is Design.FIXED else at_any_look
    return [
        Comparison(
            effect=pair.effect,
            adjusted_p_value=fixed[index],
            always_valid_p_value=pair.always_valid_p_value,
            adjusted_always_valid_p_value=at_any_look[index],
            sequence=pair.sequence,
            chance=pair.chance,
            is_significant=deciding[index] < experiment.alpha,
            verdict=_verdict(experiment, pair.effect, p_value=deciding[index]),
        )
        for index, pair in enumerate(pairs)
    ]


def _verdict(experiment: Experiment, effect: Effect, *, p_value: float) -> Verdict:
    if p_value >= experiment.alpha:
        return Verdict.UNDECIDED
    is_better = (effect.difference > 0) == (experiment.wanted is Wanted.MORE)
    return Verdict.BETTER if is_better else Verdict.WORSE


def _warnings(
    experiment: Experiment, samples: Sequence[Sample], mismatch: Mismatch
) -> tuple[WarningReason, ...]:
    mixed, users = experiment.mixed_users, sum(sample.users for sample in samples)
    found = {
        WarningReason.SAMPLE_RATIO_MISMATCH: mismatch.is_mismatch,
        WarningReason.TOO_FEW_USERS: min(sample.users for sample in samples) < experiment.least_users,
        WarningReason.TOO_FEW_CONVERSIONS: any(_is_rare(variant.metric) for variant in experiment.variants),
        WarningReason.NO_VARIATION: min(sample.variance for sample in samples) == 0,
        WarningReason.MIXED_USERS: mixed > _MIXED_ABOVE * (users + mixed),
    }
    return tuple(reason for reason, holds in found.items() if holds)


def _is_rare(metric: Metric) -> bool:
    if not isinstance(metric, Conversions):
        return False
    return min(metric.converted, metric.users - metric.converted) < _LEAST_CONVERSIONS


def _winner(experiment: Experiment, results: Sequence[VariantResult]) -> str | None:
    better = [one for one in results if one.comparison and one.comparison.verdict is Verdict.BETTER]
    if better:
        choose = max if experiment.wanted is Wanted.MORE else min
        return choose(better, key=lambda one: one.value).name
    worse = all(one.comparison.verdict is Verdict.WORSE for one in results if one.comparison)
    return experiment.control.name if worse else None
