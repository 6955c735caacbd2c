"""Sums over visitors from the store -> what can be said of an experiment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from app.core.experiments import samples
from app.core.experiments.contracts import Evaluation, Experiment, Variant
from app.core.experiments.evaluate import evaluate
from app.errors import NotFoundError, QueryError
from views.experiments.model import (
    CONTROL,
    MOST_VARIANTS,
    ConversionRate,
    ExperimentList,
    ExperimentResults,
    ExperimentSeen,
    Mean,
    MetricAsked,
    ResultsAsked,
    VariantSeen,
)
from views.experiments.statements import SCALES, results_statement, seen_statement
from views.params import Scope
from views.reading import Reader, Row, about

#: Rows of variants that are read: those that are compared, and some that are not.
_MOST_READ = 1000
_NOBODY: Row = {"users": 0, "converted": 0, "y": "0", "yy": "0", "x": "0", "xx": "0", "xy": "0"}


async def results(reader: Reader, scope: Scope, asked: ResultsAsked) -> ExperimentResults:
    """The answer; NotFoundError where nobody was exposed.

    Raises QueryError for a control that is not there, and for less than two or too many variants.
    """
    made = results_statement(asked, scope, most=_MOST_READ, database=reader.database)
    rows = await reader.ask(made.sql, made.bound)
    mixed = sum(row["users"] for row in rows if row["is_mixed"])
    found = {row["variant"]: row for row in rows if not row["is_mixed"]}
    if not rows:
        raise NotFoundError(
            f"nobody was exposed to experiment {asked.experiment[:64]!r} {scope}; "
            "GET /api/v1/experiments lists those that were seen"
        )
    weights = _weights(asked, found)
    control = _control(asked, weights)
    experiment = Experiment(
        control=_variant(control, found, asked.metric, weights, cuped_days=asked.cuped_days),
        treatments=tuple(
            _variant(name, found, asked.metric, weights, cuped_days=asked.cuped_days)
            for name in sorted(weights)
            if name != control
        ),
        wanted=asked.wanted,
        design=asked.design,
        alpha=asked.alpha,
        planned_users=asked.planned_users,
        mixed_users=mixed,
        least_users=asked.least_users,
    )
    return ExperimentResults(
        **about(scope, layer="silver"),
        experiment=asked.experiment,
        control=control,
        metric=asked.metric,
        design=asked.design,
        mixed_users=mixed,
        other_users=sum(row["users"] for name, row in found.items() if name not in weights),
        observed={one.name: one.metric for one in experiment.variants},
        # Integrals over many variants take a while: not where other questions wait.
        evaluation=await asyncio.to_thread(_evaluation, experiment),
    )


async def seen(reader: Reader, scope: Scope) -> ExperimentList:
    """The experiments of a period."""
    made = seen_statement(scope, database=reader.database)
    return ExperimentList(
        **about(scope, layer="silver"),
        experiments=[
            ExperimentSeen(
                **{
                    **row,
                    "variants": [
                        VariantSeen(variant=name, visitors=users) for name, users in row["variants"]
                    ],
                }
            )
            for row in await reader.ask(made.sql, made.bound)
        ],
    )


def _weights(asked: ResultsAsked, found: Mapping[str, Row]) -> dict[str, float]:
    """The variants that are compared; those that were seen unless told."""
    weights = dict(asked.weights) or dict.fromkeys(found, 1.0)
    if not 2 <= len(weights) <= MOST_VARIANTS:
        names = ", ".join(repr(name[:64]) for name in sorted(weights)[:MOST_VARIANTS]) or "none"
        raise QueryError(
            f"experiment {asked.experiment[:64]!r} has {len(weights)} variants ({names}); expected 2 to "
            f"{MOST_VARIANTS}: name in `weights` those to compare"
        )
    return weights


def _control(asked: ResultsAsked, weights: Mapping[str, float]) -> str:
    control = CONTROL if asked.control is None else asked.control
    if control not in weights:
        names = ", ".join(repr(name[:64]) for name in sorted(weights))
        raise QueryError(f"control = {control[:64]!r}: expected one of the variants {names}")
    return control


def _variant(
    name: str, found: Mapping[str, Row], metric: MetricAsked, weights: Mapping[str, float], *, cuped_days: int
) -> Variant:
    sums = _metric(found.get(name, _NOBODY), metric, is_explained=cuped_days > 0)
    return Variant(name=name, metric=sums, weight=weights[name])


def _metric(row: Row, metric: MetricAsked, *, is_explained: bool) -> samples.Metric:
    """A variant's sums in the unit of the metric."""
    users = row["users"]
    y, yy, x, xx, xy = (int(row[name]) for name in ("y", "yy", "x", "xx", "xy"))
    if isinstance(metric, ConversionRate):
        return samples.Conversions(users=users, converted=row["converted"])
    scale = SCALES.get(metric.of, 1)
    if isinstance(metric, Mean):
        before = samples.Covariate(total=x / scale, squares=xx / scale**2, products=xy / scale**2)
        return samples.Amounts(
            users=users,
            total=y / scale,
            squares=yy / scale**2,
            covariate=before if is_explained else None,
        )
    by = SCALES.get(metric.per, 1)
    return samples.Ratios(
        users=users,
        numerator=y / scale,
        numerator_squares=yy / scale**2,
        denominator=x / by,
        denominator_squares=xx / by**2,
        products=xy / (scale * by),
    )


def _evaluation(experiment: Experiment) -> Evaluation:
    try:
        return evaluate(experiment)
    except (ValueError, ArithmeticError) as error:
        raise QueryError(f"the variants cannot be compared: {error}") from error
