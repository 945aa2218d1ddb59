"""What `threshold` prints for a person, and the list of what was locked."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, TypeAlias

from cxr_core.cli._options import printable

if TYPE_CHECKING:
    from cxr_core.operating import Figures
    from cxr_core.points import History
    from cxr_core.registry import ModelEntry

Json: TypeAlias = Any


def show_history(past: History, entry: ModelEntry, as_json: bool) -> int:
    """Print every point that was ever in force, the one that is marked; 1 where it is damaged."""
    now = past.active.id if past.active else "own"
    own = ("own", "", entry.card.operating_point, "", "", None, None)
    known = [
        (p.id, p.locked, p.point, p.data_sha256, p.note, p.figures, p.reported) for p in past.locked
    ]
    table = [
        {
            "id": id_,
            "locked": at,
            "in_force": id_ == now,
            "threshold": point.threshold,
            "criterion": point.criterion,
            "data": point.data,
            "n": point.n,
            "data_sha256": sha256 or None,
            "note": note,
            "figures": figures,
            "reported": reported,
        }
        for id_, at, point, sha256, note, figures, reported in [own, *known]
    ]
    if as_json:
        print(json.dumps(table))
    for row in [] if as_json else table:
        mark, when = "*" if row["in_force"] else " ", row["locked"] or "with the model"
        print(f"{mark} {row['id']:<12}  {row['threshold']:.4f}  {when}")
        print(f"      {printable(str(row['criterion']))}")
        print(f"      {printable(str(row['data']))}, n = {row['n']} {printable(str(row['note']))}")
    if past.problem:
        print(f"warning: {past.problem}", file=sys.stderr)
        return 1
    return 0


def as_text(row: dict[str, Json], found: Figures, reported: Figures | None) -> str:
    from cxr_core import operating as op

    chosen = row["chosen_on"]
    lines = [
        f"Threshold {row['threshold']:.4f}: {row['sentence']}",
        *([row["note"]] if row["note"] else []),
        *([f"It gives: {row['optimises']}"] if row["optimises"] else []),
        *([f"Its cost: {row['costs']}"] if row["costs"] else []),
        f"Chosen on {printable(chosen['name'])}: {chosen['n']:,} films, {chosen['ill']:,} with "
        f"pneumonia (sha256 {chosen['sha256'][:12]}…)",
    ]
    if row["warning"]:
        lines.append(f"Warning: {row['warning']}")
    lines += [printable(w) for w in chosen["warnings"]]
    lines += _bad_rows(chosen)
    if row["reported"]:
        name = printable(row["reported"]["name"])
        lines += [f"{name}: {printable(w)}" for w in row["reported"]["warnings"]]
        lines += _bad_rows(row["reported"])
    columns = [("chosen on", found, row["figures"])]
    if row["reported"] and reported is not None:
        name = f"reported on {printable(row['reported']['name'])}"
        columns.append((name, reported, row["reported"]["figures"]))
    for name, figures, ranking in columns:
        c, per = figures.confusion, figures.per_1000
        area = "{value:.3f} ({low:.3f} to {high:.3f})".format(**ranking["auc"])
        lines += [
            f"\nOn the films {name}, value and 95 % interval",
            f"    found {c.tp:,}, missed {c.fn:,}, false alarms {c.fp:,}, left alone {c.tn:,}",
            f"    of 1,000 patients at {per.prevalence:.1%} prevalence: found {per.tp.value:.0f}, "
            f"missed {per.fn.value:.0f}, false alarms {per.fp.value:.0f}",
        ]
        lines.append(f"    {'AUC':<24}{area}")
        for figure in figures.rows():
            value = (
                "not defined"
                if figure.interval is None
                else op.shown(figure.interval, percent=figure.percent)
            )
            lines.append(f"    {figure.name:<24}{value}")
    if row["band"]:
        band = row["band"]
        lines.append(
            f"\nRefer band {band['low']:.4f} to {band['high']:.4f}: {band['below']:,} decided "
            f"normal (missed: {band['missed']:,}), {band['above']:,} pneumonia (false alarms: "
            f"{band['alarms']:,}), {band['referred']:,} referred"
        )
    for group in row["subgroups"]:
        parts = [f"{k} {_percent(group[k])}" for k in ("sensitivity", "specificity") if group[k]]
        lines.append(f"    {printable(group['value'])}, n = {group['n']}: {', '.join(parts)}")
        if group["warning"]:
            lines.append(f"        {group['warning']}")
    if row["optimism"]:
        lines.append(f"\n{row['optimism']['sentence']}")
    now = row["in_force"]
    verb = "Locked" if row["locked"] else "In force"
    lines.append(f"\n{verb}: {now['threshold']:.4f} for {now['model']} (id {now['id']})")
    if now["problem"]:
        lines.append(f"Warning: {now['problem']}")
    return "\n".join(lines)


def _bad_rows(films: dict[str, Json]) -> list[str]:
    bad = films["bad_rows"]
    lines = [f"    line {b['line']}: {printable(b['reason'])}" for b in bad[:10]]
    return lines + ([f"    and {len(bad) - 10:,} more (--json lists all)"] if len(bad) > 10 else [])


def _percent(interval: dict[str, float]) -> str:
    return f"{interval['value']:.1%} ({interval['low']:.1%} to {interval['high']:.1%})"
