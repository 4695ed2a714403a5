"""Stands in for `ci/upgrade.py`: does what a file says of each candidate, and notes how it was called."""

import json
import os
import signal
import sys
from pathlib import Path

WORDS = {0: "safe", 1: "regression", 6: "crashes", 8: "timed out", 10: "incomplete"}
world = Path(sys.argv[1])
candidate = sys.argv[2]
output = Path(sys.argv[sys.argv.index("--output") + 1])
with (world / "calls.jsonl").open("a") as calls:
    noted = {key: os.environ.get(key) for key in ("GH_TOKEN", "PIP_INDEX_URL", "UV_DEFAULT_INDEX")}
    calls.write(json.dumps({"candidate": candidate, "arguments": sys.argv[2:], "environment": noted}) + "\n")
plan = json.loads((world / "plan.json").read_text()).get(candidate, {})
status = plan.get("status", 0)
word = plan.get("word", WORDS.get(status, "safe"))
print(f"comparing {candidate}", flush=True)
print(plan.get("say", "done"), file=sys.stderr, flush=True)
if plan.get("pause"):
    signal.pause()
if plan.get("meet"):  # two named pipes: one tells that we are here, the other when to go on
    with Path(plan["meet"]).open("w") as pipe:
        pipe.write(f"{os.getpid()}\n")
        pipe.flush()
        Path(f"{plan['meet']}.go").read_text()
output.mkdir(parents=True)
if plan.get("data") != "none":
    verdict = {
        "word": word,
        "sentence": plan.get("sentence", f"{word}, it says"),
        "steps": plan.get("steps", []),
        "signature": plan.get("signature", ""),
    }
    data = {
        "schema_version": 1,
        "started": "2026-11-25T00:00:00+00:00",
        "candidate": [candidate],
        "verdict": verdict,
        "environment": plan.get("environment", []),
        "metrics": [],
        "report": "comparison.html",
        "old": "old",
        "new": "new",
    }
    text = plan["data"] if "data" in plan else json.dumps(data)
    (output / "comparison.json").write_text(text)
for side, text in plan.get("results", {}).items():
    (output / side).mkdir()
    (output / side / "results.json").write_text(text)
if plan.get("link"):
    (output / "comparison.html").symlink_to(plan["link"])
elif plan.get("report", True):
    links = '<a href="#numbers">numbers</a> <a href="log.txt">log</a> <a href="new/report.html">report</a>'
    (output / "comparison.html").write_text(f"<!DOCTYPE html><title>{candidate}</title>{links}")
if plan.get("kill"):
    os.kill(os.getpid(), 9)
sys.exit(status)
