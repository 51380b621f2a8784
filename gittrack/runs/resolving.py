"""One record of two: a run that was resumed in two clones, and a file that holds both."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gittrack import files
from gittrack.runs.record import from_json, joined_inputs

if TYPE_CHECKING:
    from gittrack.runs.record import RunRecord

_MARKER = re.compile(rb"(<{7}|\|{7}|={7}|>{7})(?: .*)?\r?\n?")


def sides(data: bytes) -> tuple[bytes, bytes]:
    """Return the two files that Git merged into one with conflict markers.

    Raises:
        ValueError: it has none, or not in their order.
    """
    both: tuple[list[bytes], list[bytes]] = ([], [])
    after = {b"<": b">", b"|": b"<", b"=": b"<|", b">": b"="}
    part = b">"
    for line in data.splitlines(keepends=True):
        if found := _MARKER.fullmatch(line):
            mark = found[1][:1]
            if part not in after[mark]:
                raise ValueError("has conflict markers in no order")
            part = mark
            continue
        for lines, own in zip(both, (b"<", b"="), strict=True):
            if part in (b">", own):
                lines.append(line)
    if part != b">" or both[0] == both[1]:
        raise ValueError("has no conflict markers, or a part of them")
    return b"".join(both[0]), b"".join(both[1])


def resolve(ours: bytes, theirs: bytes) -> RunRecord:
    """Return the record of a run that two clones went on with; its lines are to be folded anew.

    What ended later says how the run ended, and which tags it has; of a param that both set, the
    one of the earlier start stays.

    Raises:
        ValueError: one is no record, or they are of two runs.
        NewerFormatError: a newer gittrack wrote one.
    """
    one, other = (from_json(files.parse_json(data)) for data in (ours, theirs))
    if one.run_id != other.run_id:
        raise ValueError(f"is of run {one.run_id} and of run {other.run_id}")
    early, late = sorted((one, other), key=lambda record: (record.end_time or 0, record.status))
    return late.replaced(
        start_time=min(one.start_time, other.start_time),
        params={**late.params, **early.params},
        metrics={**early.metrics, **late.metrics},
        tags={**early.tags, **late.tags},
        inputs=joined_inputs(early.inputs, late.inputs),
        left_out=tuple(dict.fromkeys((*early.left_out, *late.left_out))),
        unknown={**early.unknown, **late.unknown},
        files={},
    )
