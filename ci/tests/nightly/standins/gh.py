"""Stands in for GitHub's client `gh`: knows the few commands that are used, keeps issues in a file, and can fail."""

import argparse
import json
import os
import sys
from pathlib import Path

home = Path(os.environ["GH_STANDIN"])
held = json.loads(home.read_text())
held["calls"].append(sys.argv[1:])


def end(status=0):
    home.write_text(json.dumps(held))
    sys.exit(status)


fault = held.get("fault", {})
if " ".join(sys.argv[1:3]).startswith(fault.get("at", "\n")):
    print(fault.get("out", ""), end="")
    print(fault.get("say", "HTTP 502: Bad Gateway"), file=sys.stderr)
    end(fault.get("status", 1))

parser = argparse.ArgumentParser(prog="gh", allow_abbrev=False)
groups = parser.add_subparsers(dest="group", required=True)
groups.add_parser("auth").add_subparsers(dest="action", required=True).add_parser("status")
label = groups.add_parser("label").add_subparsers(dest="action", required=True).add_parser("create")
label.add_argument("name")
label.add_argument("--force", action="store_true")
for name in ("--color", "--description", "--repo"):
    label.add_argument(name)
issue = groups.add_parser("issue").add_subparsers(dest="action", required=True)
options = {
    "list": ("--label", "--state", "--limit", "--json"),
    "view": ("--json",),
    "create": ("--title", "--body-file", "--label"),
    "comment": ("--body-file",),
    "close": ("--reason",),
    "reopen": (),
}
for action, names in options.items():
    one = issue.add_parser(action)
    one.add_argument("--repo")
    for name in names:
        one.add_argument(name)
    if action not in ("list", "create"):
        one.add_argument("number", type=int)
given = parser.parse_args()
issues = held["issues"]
if given.group == "label":
    held["labels"] = sorted({*held["labels"], given.name})
elif given.group == "issue" and given.action == "create":
    if given.label not in held["labels"]:
        print(f"could not add label: '{given.label}' not found", file=sys.stderr)
        end(1)
    body = sys.stdin.read()
    number = len(issues) + 1
    issues.append({"number": number, "title": given.title, "body": body, "state": "OPEN", "stateReason": "",
                   "label": given.label, "comments": []})  # fmt: skip
    print(f"https://github.com/owner/name/issues/{number}")
elif given.group == "issue" and given.action == "list":
    fields = given.json.split(",")
    found = [one for one in issues if one["label"] == given.label and given.state == "all"]
    print(json.dumps([{key: one[key] for key in fields} for one in found[::-1][: int(given.limit)]]))
elif given.group == "issue":
    one = issues[given.number - 1]
    if given.action == "view":
        print(json.dumps({"comments": [{"body": body} for body in one["comments"]]}))
    elif given.action == "comment":
        one["comments"].append(sys.stdin.read())
    elif given.action == "close":
        one |= {"state": "CLOSED", "stateReason": "COMPLETED"}
    elif given.action == "reopen":
        one |= {"state": "OPEN", "stateReason": "REOPENED"}
end()
