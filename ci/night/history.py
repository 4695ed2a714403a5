"""The runs that a comparison leaves become part of the history that is published."""

from __future__ import annotations

from pathlib import Path

from fixtures.errors import SuiteError

RESULTS = "results.json"


def remember(output: Path, reports: Path) -> list[str]:
    """Add the runs of a comparison, today's environment and the candidate's, to the history of the reports.

    Parameters
    ----------
    output : Path
        What the upgrade program left; a run that it does not hold is passed over.
    reports : Path
        The folder of reports whose history is published.

    Returns
    -------
    list of str
        What could not be added, a sentence each.
    """
    from fixtures.report import history
    from fixtures.results.run import read_results

    problems = []
    inside = output.resolve()
    for side in ("old", "new"):
        path = output / side / RESULTS
        if not path.is_file() or not path.resolve().is_relative_to(inside):  # no link that a candidate lays
            continue
        try:
            reports.mkdir(parents=True, exist_ok=True)
            run = read_results(path)
            history.append(history.path_of(reports / side), run, path.parent)
        except (SuiteError, OSError) as error:
            problems.append(f"A run of the comparison is not in the history: {error}")
    return problems
