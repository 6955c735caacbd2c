"""The whole result of an experiment: decisions, winner and warnings."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from app.core.experiments.contracts import (
    Design,
    Evaluation,
    Experiment,
    Variant,
    Verdict,
    Wanted,
    WarningReason,
)
from app.core.experiments.evaluate import evaluate
from app.core.experiments.samples import Amounts, Conversions, Covariate, Ratios


def rates(*pairs, **settings):
    """The control and treatments a, b, ... of (users, converted)."""
    variants = [
        Variant(name=name, metric=Conversions(users=users, converted=converted))
        for name, (users, converted) in zip(["control", "a", "b", "c"], pairs, strict=False)
    ]
    return Experiment(control=variants[0], treatments=tuple(variants[1:]), **settings)


def amounts(y, x=None):
    before = None
    if x is not None:
        before = Covariate(total=x.sum(), squares=(x * x).sum(), products=(x * y).sum())
    return Amounts(users=len(y), total=y.sum(), squares=(y * y).sum(), covariate=before)


def of_metrics(*metrics, **settings):
    variants = [Variant(name=f"v{index}", metric=metric) for index, metric in enumerate(metrics)]
    return Experiment(control=variants[0], treatments=tuple(variants[1:]), **settings)


def verdicts(evaluation):
    return [one.comparison.verdict for one in evaluation.variants[1:]]


def test_a_clear_winner_under_either_design():
    for design in Design:
        found = evaluate(rates((5000, 500), (5000, 650), design=design))
        assert (found.winner, found.warnings) == ("a", ())
        control, treatment = found.variants
        assert control.comparison is None
        assert treatment.comparison.is_significant
        assert treatment.comparison.verdict is Verdict.BETTER
        assert treatment.comparison.effect.lift == pytest.approx(0.3)
        assert treatment.chance.best > 0.999
        assert treatment.chance == treatment.comparison.chance
        assert control.chance.expected_loss == pytest.approx(0.03, abs=0.001)


def test_what_is_significant_at_a_fixed_size_may_not_be_at_any_look():
    pairs = (5000, 500), (5000, 565)
    fixed, at_any_look = (evaluate(rates(*pairs, design=one)) for one in (Design.FIXED, Design.SEQUENTIAL))
    assert (fixed.winner, at_any_look.winner) == ("a", None)
    comparison = at_any_look.variants[1].comparison
    assert comparison.adjusted_p_value < 0.05 < comparison.always_valid_p_value
    assert comparison.sequence.low < 0 < comparison.effect.interval.low
    assert comparison.sequence.high > comparison.effect.interval.high
    assert verdicts(at_any_look) == [Verdict.UNDECIDED]


def test_nothing_is_decided_before_the_difference_is_large_enough():
    found = evaluate(rates((5000, 500), (5000, 505)))
    assert (found.winner, verdicts(found)) == (None, [Verdict.UNDECIDED])


def test_the_control_wins_only_over_all_treatments():
    assert evaluate(rates((5000, 650), (5000, 500), (5000, 480))).winner == "control"
    assert evaluate(rates((5000, 650), (5000, 500), (5000, 640))).winner is None


def test_the_best_of_several_better_treatments_wins():
    found = evaluate(rates((5000, 500), (5000, 650), (5000, 700), (5000, 510)))
    assert verdicts(found) == [Verdict.BETTER, Verdict.BETTER, Verdict.UNDECIDED]
    assert found.winner == "b"
    assert sum(one.chance.best for one in found.variants) == pytest.approx(1)


def test_several_treatments_are_corrected_for():
    found = evaluate(rates((5000, 500), (5000, 562), (5000, 560), (5000, 501), design=Design.FIXED))
    comparisons = [one.comparison for one in found.variants[1:]]
    p_values = [one.effect.p_value for one in comparisons]
    assert p_values[0] < 0.05
    assert [one.adjusted_p_value for one in comparisons] == pytest.approx(
        multipletests(p_values, method="holm")[1]
    )
    anytime = [one.always_valid_p_value for one in comparisons]
    adjusted = [one.adjusted_always_valid_p_value for one in comparisons]
    assert adjusted == pytest.approx(multipletests(anytime, method="holm")[1])
    assert not any(one.is_significant for one in comparisons)


def test_where_less_is_wanted_the_lower_value_wins():
    found = evaluate(rates((5000, 650), (5000, 500), (5000, 450), wanted=Wanted.LESS))
    assert found.winner == "b"
    assert verdicts(found) == [Verdict.BETTER, Verdict.BETTER]
    assert found.variants[2].chance.best > 0.9
    assert found.variants[0].chance.best < 0.001
    assert evaluate(rates((5000, 500), (5000, 650), wanted=Wanted.LESS)).winner == "control"


@pytest.mark.parametrize(
    ("experiment", "reason"),
    [
        (rates((5000, 500), (5600, 750)), WarningReason.SAMPLE_RATIO_MISMATCH),
        (rates((99, 20), (99, 70)), WarningReason.TOO_FEW_USERS),
        (rates((5000, 9), (5000, 90)), WarningReason.TOO_FEW_CONVERSIONS),
        (rates((5000, 4991), (5000, 4800)), WarningReason.TOO_FEW_CONVERSIONS),
    ],
)
def test_no_winner_where_the_comparison_is_broken(experiment, reason):
    found = evaluate(experiment)
    assert reason in found.warnings
    assert found.variants[1].comparison.is_significant
    assert found.winner is None


def test_the_ratio_of_users_is_held_against_the_weights():
    experiment = rates((9000, 900), (1000, 150))
    assert evaluate(experiment).mismatch.is_mismatch
    control, (treatment,) = experiment.control, experiment.treatments
    weighted = msgspec.structs.replace(
        experiment,
        control=msgspec.structs.replace(control, weight=0.9),
        treatments=(msgspec.structs.replace(treatment, weight=0.1),),
    )
    assert evaluate(weighted).mismatch.p_value == pytest.approx(1)
    assert evaluate(weighted).warnings == ()


def test_users_of_several_variants_are_told_but_decide_nothing():
    some, few = (evaluate(rates((5000, 500), (5000, 650), mixed_users=mixed)) for mixed in (102, 101))
    assert (some.warnings, some.winner) == ((WarningReason.MIXED_USERS,), "a")
    assert few.warnings == ()


def test_nothing_scatters_and_nothing_is_claimed():
    found = evaluate(of_metrics(*(Amounts(users=200, total=200 * y, squares=200 * y * y) for y in (1, 2))))
    assert found.warnings == (WarningReason.NO_VARIATION,)
    comparison = found.variants[1].comparison
    assert (comparison.effect.p_value, comparison.always_valid_p_value) == (1, 1)
    assert (comparison.chance, comparison.sequence, found.variants[0].chance) == (None, None, None)
    assert found.winner is None


def test_an_experiment_that_nobody_has_seen_yet():
    found = evaluate(rates((0, 0), (0, 0)))
    assert WarningReason.TOO_FEW_USERS in found.warnings
    assert found.winner is None
    assert found.variants[1].comparison.effect.p_value == 1
    assert found.variants[1].chance.best == pytest.approx(0.5)


def test_amounts_with_what_was_before_scatter_less():
    rng = np.random.default_rng(5)
    x = rng.gamma(2, 10, (2, 2000))
    y = x + rng.normal(0, 5, x.shape) + np.array([[0.0], [1.0]])
    plain = evaluate(of_metrics(amounts(y[0]), amounts(y[1])))
    reduced = evaluate(of_metrics(amounts(y[0], x[0]), amounts(y[1], x[1])))
    assert (plain.variance_reduction, plain.winner) == (None, None)
    assert reduced.variance_reduction == pytest.approx(0.89, abs=0.02)
    assert reduced.winner == "v1"
    effect = reduced.variants[1].comparison.effect
    assert effect.difference == pytest.approx(1.0, abs=0.5)
    assert plain.variants[0].interval.low == pytest.approx(
        stats.t.interval(0.95, 1999, y[0].mean(), stats.sem(y[0]))[0]
    )


def test_a_ratio_of_sums():
    rng = np.random.default_rng(6)
    metrics = []
    for scale in (2.0, 2.6):
        x = 1.0 + rng.poisson(2, 3000)
        y = rng.gamma(x, scale)
        sums = {"numerator": y.sum(), "denominator": x.sum(), "products": (x * y).sum()}
        metrics.append(
            Ratios(users=3000, numerator_squares=(y * y).sum(), denominator_squares=(x * x).sum(), **sums)
        )
    found = evaluate(of_metrics(*metrics))
    assert found.winner == "v1"
    assert found.variants[1].comparison.effect.df is None
    assert found.variants[1].value == pytest.approx(2.6, abs=0.1)
    half = found.variants[0].value - found.variants[0].interval.low
    assert half == pytest.approx(1.959964 * metrics[0].sample.error)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: rates((10, 1)), "each with its own name"),
        (lambda: rates((10, 1), (10, 1), alpha=1.0), "alpha 1.0"),
        (lambda: rates((10, 1), (10, 1), planned_users=0), "planned_users 0"),
        (
            lambda: of_metrics(Conversions(users=1, converted=1), Amounts(users=1, total=1, squares=1)),
            "several kinds",
        ),
        (
            lambda: Experiment(
                control=Variant(name="same", metric=Conversions(users=1, converted=1)),
                treatments=(Variant(name="same", metric=Conversions(users=1, converted=1)),),
            ),
            "each with its own name",
        ),
        (
            lambda: Experiment(
                control=Variant(name="one", metric=Conversions(users=1, converted=1)),
                treatments=(Variant(name="two", metric=Conversions(users=1, converted=1), weight=0),),
            ),
            "a weight is not above 0",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_experiment_and_evaluation_go_through_json():
    experiment = rates((5000, 500), (5000, 650))
    assert msgspec.json.decode(msgspec.json.encode(experiment), type=Experiment) == experiment
    found = evaluate(experiment)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Evaluation) == found
