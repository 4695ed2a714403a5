#!/usr/bin/env bash
# What the page on clusters does, on this machine: a scheduler, two workers, one part of the validation.
set -euo pipefail
pip install --quiet -e '.[cluster]'
work=$(mktemp -d)
trap 'kill -KILL $(jobs -p); wait; rm -rf "$work"' EXIT  # a worker whose scheduler is gone waits for it
dask scheduler --host 127.0.0.1 --port 0 --no-dashboard --scheduler-file "$work/scheduler.json" > "$work/scheduler.log" 2>&1 &
until [ -s "$work/scheduler.json" ]; do sleep 0.2; done
for _ in 1 2; do
    dask worker --scheduler-file "$work/scheduler.json" --no-nanny --no-dashboard --local-directory "$work" --nthreads 1 \
        > /dev/null 2>&1 &
done
address=$(python -c "import json, sys; print(json.load(open(sys.argv[1]))['address'])" "$work/scheduler.json")
pytest validation --detector fuv --partial --scheduler "$address" --store "$work/store"
